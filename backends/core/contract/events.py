"""What happens while a picture is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from backends.core.contract.errors import MezzotintError


class Stage(Enum):
    """The parts of the work, with the words a person reads while each goes on."""

    LOADING = "Opening the model"
    READING_PROMPT = "Reading the prompt"
    READING_PICTURE = "Reading the picture"
    DENOISING = "Denoising"
    ENLARGING = "Enlarging the picture"
    DETAILING = "Denoising in the larger size"
    OPENING_REFINER = "Opening the refiner"
    REFINING = "Denoising with the refiner"
    DEVELOPING = "Developing the picture"


EACH_PICTURES = (Stage.DENOISING, Stage.ENLARGING, Stage.DETAILING, Stage.REFINING, Stage.DEVELOPING)
"""Those that every picture of a request goes through."""


@dataclass(frozen=True)
class Picture:
    """Pixels: `rgb` holds height x width x 3 bytes, rows from the top."""

    width: int
    height: int
    rgb: bytes = field(repr=False)


@dataclass(frozen=True)
class Event:
    """Something that happened to the request with this id. A late event of a cancelled one is dropped."""

    request_id: str


@dataclass(frozen=True)
class StageStarted(Event):
    stage: Stage
    picture_index: int = 0


@dataclass(frozen=True)
class StageFinished(Event):
    stage: Stage
    seconds: float
    picture_index: int = 0


@dataclass(frozen=True)
class StageProgress(Event):
    """`done` of `of` parts of a stage are made."""

    stage: Stage
    done: int
    of: int
    picture_index: int = 0


@dataclass(frozen=True)
class Notice(Event):
    """Something worth knowing that stops nothing, as a sentence."""

    message: str


@dataclass(frozen=True)
class TextRead(Event):
    """The tokens the prompt became, in order, and those past the encoder's limit.

    `weights` is how much each counts, `chunks` in which of the chunks it was read, from 0; both are empty
    where nobody says.
    """

    tokens: tuple[str, ...]
    cut: tuple[str, ...]
    weights: tuple[float, ...] = ()
    chunks: tuple[int, ...] = ()


@dataclass(frozen=True)
class StepDone(Event):
    """One denoising step is done: `step` of `steps`, counted from 1; `preview` is small or None."""

    step: int
    steps: int
    seconds: float
    picture_index: int = 0
    preview: Picture | None = None


@dataclass(frozen=True)
class NoiseDrawn(Event):
    """What denoising starts from, small: noise, or a start picture under noise. Sent when a job asks for
    its inside, as are StepSeen, Denoised and WordsAttended."""

    picture_index: int
    latents: Picture


@dataclass(frozen=True)
class StepSeen(Event):
    """One call of the denoiser, as pictures of at most 64 pixels a side; StepDone follows.

    `latents` is what it was given, `noise_share` (0 to 1) how much of that was noise, `estimate` the
    finished picture that its guided answer implies. `unconditional` and `conditional` are the same for
    the two answers that guidance is made from; None without guidance.
    """

    picture_index: int
    step: int
    noise_share: float
    latents: Picture
    estimate: Picture
    unconditional: Picture | None = None
    conditional: Picture | None = None


@dataclass(frozen=True)
class Denoised(Event):
    """The latents as they go to the decoder, small."""

    picture_index: int
    latents: Picture


@dataclass(frozen=True)
class WordsAttended(Event):
    """The share of cross-attention that each token of the prompt got at each place, as means over heads,
    layers and steps. `maps` has one a token: `height` rows of `width` little-endian float16."""

    picture_index: int
    width: int
    height: int
    maps: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class PictureReady(Event):
    """A finished picture, with what is needed to say how it was made.

    `stage_seconds` maps each Stage's name to seconds; `provenance` holds backend, precision,
    versions and hashes as plain text. `prompt` and `negative_prompt` are what the request's became where
    they leave a choice, else None.
    """

    picture_index: int
    seed: int
    picture: Picture
    stage_seconds: Mapping[str, float]
    provenance: Mapping[str, str]
    prompt: str | None = None
    negative_prompt: str | None = None


@dataclass(frozen=True)
class Finished(Event):
    """All pictures of the request are done."""


@dataclass(frozen=True)
class Cancelled(Event):
    """The request was stopped because somebody asked for it. Not an error."""


@dataclass(frozen=True)
class Failed(Event):
    """The request can't go on. Pictures already delivered stay good."""

    error: MezzotintError
