"""The words every part of Mezzotint shares: requests, events, errors, and what a backend is.

Standard library only, so that the window can import it without importing torch.
"""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

MAX_PROMPT_CHARACTERS = 10_000
MAX_SEED = 2**63 - 1
MAX_STEPS = 1000
MAX_COUNT = 1000
MIN_SIDE, MAX_SIDE = 64, 8192
MAX_PICTURE_BYTES = 64 * 2**20

SAMPLERS: Mapping[str, str] = {
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_karras": "Euler Karras",
    "heun": "Heun",
    "lms": "LMS",
    "lms_karras": "LMS Karras",
    "dpm2": "DPM2",
    "dpm2_karras": "DPM2 Karras",
    "dpm2_a": "DPM2 a",
    "dpmpp_2s": "DPM++ 2S",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M Karras",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_karras": "DPM++ 2M SDE Karras",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_karras": "DPM++ SDE Karras",
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "plms": "PLMS",
    "deis": "DEIS",
    "unipc": "UniPC",
    "unipc_karras": "UniPC Karras",
    "lcm": "LCM",
    "tcd": "TCD",
}
"""Sampler ids, and the names people know them by (A1111's where it has one)."""


# --- Errors -------------------------------------------------------------------------------------


class MezzotintError(Exception):
    """Something a person must know: one sentence, and one thing to do about it.

    `message` and `action` are sentences ready to be shown. They survive pickling, so that an
    error raised in the worker is the same error in the window.
    """

    exit_code = 1

    def __init__(self, message: str, action: str) -> None:
        super().__init__(message, action)
        self.message = message
        self.action = action

    def __str__(self) -> str:
        return f"{self.message} {self.action}"


class InvalidRequest(MezzotintError):
    """A value that can't be used: size, steps, prompt, an unknown sampler, backend or model."""

    exit_code = 2


class UnreadablePicture(MezzotintError):
    """A picture that can't be opened, or is too large, or is of a format we don't read."""

    exit_code = 2


class BackendUnavailable(MezzotintError):
    """The backend can't run on this machine."""


class BrokenModel(MezzotintError):
    """A model folder that is incomplete, damaged or of a kind we don't know."""


class OutOfMemory(MezzotintError):
    """The picture needs more memory than there is."""


class BadPicture(MezzotintError):
    """The network's numbers are not a picture (NaN or infinity)."""


class WorkerDied(MezzotintError):
    """The process that makes pictures ended while it was at work."""


class SaveFailed(MezzotintError):
    """The picture is made but could not be written."""


class InternalError(MezzotintError):
    """A defect of ours, with its technical report kept apart from what is shown."""

    def __init__(self, message: str, action: str, report: str = "") -> None:
        super().__init__(message, action)
        self.args = (message, action, report)
        self.report = report


# --- Requests -----------------------------------------------------------------------------------


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides a picture, and nothing else.

    Two equal requests on one backend give one picture, bit for bit. `id` names this asking, and
    does not count in comparison. Sizes are in pixels; picture k of `count` uses `seed + k`.
    `guidance_scale` of 1 or less means no guidance. `strength` (0 to 1] matters only with
    `init_image`, the bytes of a PNG, JPEG or WebP file. `clip_skip` is how many of the text
    encoder's last layers are skipped, as diffusers counts it (A1111's number less one).

    Raises InvalidRequest when a value can't be used.
    """

    prompt: str = ""
    negative_prompt: str = ""
    model: str = "starter"
    width: int
    height: int
    steps: int
    guidance_scale: float
    sampler: str
    seed: int
    count: int = 1
    init_image: bytes | None = field(default=None, repr=False)
    strength: float = 0.75
    clip_skip: int = 0
    id: str = field(default_factory=_new_id, compare=False)

    def __post_init__(self) -> None:
        _check_text("prompt", self.prompt)
        _check_text("negative prompt", self.negative_prompt)
        _check_side("width", self.width)
        _check_side("height", self.height)
        _check_whole("number of steps", self.steps, 1, MAX_STEPS)
        _check_whole("count", self.count, 1, MAX_COUNT)
        _check_whole("seed", self.seed, 0, MAX_SEED - self.count)
        _check_whole("clip skip", self.clip_skip, 0, 11)
        _check_number("guidance scale", self.guidance_scale, 0.0, 100.0)
        _check_number("strength", self.strength, 0.0, 1.0)
        if self.sampler not in SAMPLERS:
            raise unknown("sampler", self.sampler, SAMPLERS)
        if self.init_image is not None and int(self.steps * self.strength) < 1:
            raise InvalidRequest(
                f"With strength {self.strength:g} and {self.steps} steps no step would be made.",
                f"Use a strength of at least {1 / self.steps:.2g}, or more steps.",
            )


def unknown(kind: str, name: str, known: Iterable[str]) -> InvalidRequest:
    """The error for a name that isn't one of those known; suggests the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    action = f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(names)}."
    return InvalidRequest(f"There is no {kind} called {name!r}.", action)


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise InvalidRequest(
            f"The {name} is {len(text):,} characters long; the most is {MAX_PROMPT_CHARACTERS:,}.",
            "Shorten it: a model reads only the first hundred words or so.",
        )
    broken = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if broken is not None:
        raise InvalidRequest(
            f"The {name} has a broken character (half of a surrogate pair) at position {broken + 1}.",
            "Delete it and type it again.",
        )


def _check_side(name: str, side: int) -> None:
    _check_whole(name, side, MIN_SIDE, MAX_SIDE)
    if side % 8:
        lower = max(MIN_SIDE, side // 8 * 8)
        raise InvalidRequest(
            f"The {name} must be a multiple of 8, and {side} is not.", f"Use {lower} or {lower + 8}."
        )


def _check_whole(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InvalidRequest(
            f"The {name} must be a whole number, and {value!r} can't be used.", f"Use {low} to {high}."
        )


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN fails the comparison too
        raise InvalidRequest(f"The {name} can't be {value!r}.", f"Use a number from {low:g} to {high:g}.")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A request with where it is to be made: what the worker is sent.

    `backend` is a backend's id, or "auto". `options` are the backend's own (see Capabilities).
    """

    request: Request
    model_folder: Path
    backend: str = "auto"
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    previews: bool = True


# --- Events -------------------------------------------------------------------------------------


class Stage(Enum):
    """The parts of the work, with the words a person reads while each goes on."""

    LOADING = "Opening the model"
    READING_PROMPT = "Reading the prompt"
    READING_PICTURE = "Reading the picture"
    DENOISING = "Denoising"
    DEVELOPING = "Developing the picture"


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
class Notice(Event):
    """Something worth knowing that stops nothing, as a sentence."""

    message: str


@dataclass(frozen=True)
class TextRead(Event):
    """The tokens the prompt became, in order, and those past the encoder's limit."""

    tokens: tuple[str, ...]
    cut: tuple[str, ...]


@dataclass(frozen=True)
class StepDone(Event):
    """One denoising step is done: `step` of `steps`, counted from 1; `preview` is small or None."""

    step: int
    steps: int
    seconds: float
    picture_index: int = 0
    preview: Picture | None = None


@dataclass(frozen=True)
class PictureReady(Event):
    """A finished picture, with what is needed to say how it was made.

    `stage_seconds` maps each Stage's name to seconds; `provenance` holds backend, precision,
    versions and hashes as plain text.
    """

    picture_index: int
    seed: int
    picture: Picture
    stage_seconds: Mapping[str, float]
    provenance: Mapping[str, str]


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


# --- What a model is ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The settings a model looks best with. Raises InvalidRequest for ones that can't be used."""

    width: int
    height: int
    steps: int
    guidance_scale: float
    sampler: str

    def __post_init__(self) -> None:
        Request(**vars(self), seed=0)


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What a checkpoint contains, read from its configuration files.

    `latent_channels` and `latent_scale` (pixels a latent's side) give the latents' shape
    (1, C, height / scale, width / scale). `prediction_type` is "epsilon", "v_prediction" or "sample".
    `guidance_embedding` is the width of the guidance embedding that a distilled UNet takes in place of
    classifier-free guidance, or 0.
    """

    name: str
    family: str
    folder: Path
    latent_channels: int
    latent_scale: int
    scaling_factor: float
    prediction_type: str
    token_limit: int
    guidance_embedding: int = 0
    scheduler_config: Mapping[str, Any] = field(repr=False)
    defaults: Defaults

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        return (1, self.latent_channels, height // self.latent_scale, width // self.latent_scale)


# --- Backends and stages ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting of a backend: `choices` in order, the first being the default. Empty: free text."""

    id: str
    label: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a backend can do, as plain data. The window enables controls from it.

    `rank` orders the automatic choice: the lowest that can run here is taken.
    """

    id: str
    name: str
    hardware: str
    rank: int
    families: tuple[str, ...]
    features: frozenset[str]
    precisions: tuple[str, ...]
    options: tuple[Option, ...] = ()
    checked_on_hardware: bool = False


@dataclass(frozen=True)
class Conditioning:
    """What the text encoder made of a prompt.

    `tensors` go to the denoiser by name, each with the batch as its first axis; for SD 1.x one,
    `encoder_hidden_states`: (1, tokens, width) float32 on the CPU.
    """

    tensors: Mapping[str, Tensor]
    tokens: tuple[str, ...]
    cut: tuple[str, ...] = ()


class Stages(Protocol):
    """Three networks, loaded, on one kind of hardware. All arrays are float32 torch tensors on the CPU."""

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def provenance(self) -> Mapping[str, str]:
        """Backend, precision, versions and model hash, for the picture's record."""
        ...

    def check_size(self, width: int, height: int) -> None:
        """Raises OutOfMemory, with a size that fits, when a picture of this size would not."""
        ...

    def encode_text(self, text: str, clip_skip: int) -> Conditioning: ...

    def encode_image(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, H, W) in -1..1 -> mean and standard deviation of the latents, (1, C, H/s, W/s), unscaled."""
        ...

    def denoise(self, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]) -> Tensor:
        """(B, C, h, w) scaled model input, at a training timestep -> the network's prediction, same shape."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """(1, C, h, w) scaled latents -> (1, 3, H, W), about -1..1."""
        ...

    def close(self) -> None:
        """Gives the memory back. Calling it twice does no harm."""
        ...


class Backend(Protocol):
    """One kind of hardware. Importing its file and asking its capabilities loads nothing heavy."""

    @property
    def capabilities(self) -> Capabilities: ...

    def probe(self) -> str | None:
        """None when this machine can run it, else one sentence: why not, and what to do."""
        ...

    def open(self, model_folder: Path, options: Mapping[str, str]) -> Stages:
        """Loads the networks. Raises BackendUnavailable, BrokenModel, InvalidRequest or OutOfMemory."""
        ...


class TextEncoder(Protocol):
    """A loaded text encoder, wherever it runs."""

    def __call__(self, token_ids: Tensor, attention_mask: Tensor | None, clip_skip: int) -> Tensor:
        """(1, L) int64 token ids -> (1, L, width) float32 on the CPU, after the final layer norm."""
        ...


class Family(Protocol):
    """One kind of checkpoint: what goes into its networks and comes out. Never where they run."""

    @property
    def id(self) -> str: ...

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether model_index.json and the parts' config.json are of this family."""
        ...

    def facts(
        self, folder: Path, configs: Mapping[str, Mapping[str, Any]], manifest: Mapping[str, Any]
    ) -> ModelFacts:
        """The facts, from the parts' configurations and our own model.json (may be empty)."""
        ...

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """Tokenizes the text and runs the encoders as this family wants it."""
        ...
