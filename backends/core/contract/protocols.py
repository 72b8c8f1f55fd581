"""What a backend is, and a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from backends.core.contract.facts import ModelFacts

if TYPE_CHECKING:
    from torch import Tensor


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
    `encoder_hidden_states`: (1, tokens, width) float32 on the CPU. `places` is where in it each token is,
    `weights` how much each counts (none: 1).
    """

    tensors: Mapping[str, Tensor]
    tokens: tuple[str, ...]
    cut: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


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


class DeepTextEncoder(TextEncoder, Protocol):
    """A text encoder that also gives what it has before its end, and one vector for the whole text."""

    def penultimate(self, token_ids: Tensor, clip_skip: int) -> tuple[Tensor, Tensor | None]:
        """(1, L) token ids -> (1, L, width) of the layer before the last, or `clip_skip` earlier, without
        the final norm; and the projected text, (1, P), where the network has a projection."""
        ...


class LanguageEncoder(TextEncoder, Protocol):
    """A language model that reads the prompt, of which several layers are wanted."""

    def layers(self, token_ids: Tensor, attention_mask: Tensor, which: Sequence[int]) -> Tensor:
        """(1, L) token ids and mask -> (1, L, width of all): what is between the layers, side by side. 0 is
        what the first is given, 1 what it makes of it."""
        ...


class Family(Protocol):
    """One kind of checkpoint: what goes into its networks and comes out. Never where they run."""

    @property
    def id(self) -> str: ...

    def matches(self, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether model_index.json and the parts' config.json are of this family."""
        ...

    def facts(
        self,
        folder: Path,
        index: Mapping[str, Any],
        configs: Mapping[str, Mapping[str, Any]],
        manifest: Mapping[str, Any],
    ) -> ModelFacts:
        """The facts, from model_index.json, the parts' configurations and our model.json (may be empty)."""
        ...

    def encode_text(
        self, encoders: Sequence[TextEncoder], tokenizers: Sequence[Any], text: str, clip_skip: int
    ) -> Conditioning:
        """Tokenizes the text and runs the encoders as this family wants it."""
        ...

    def embedding_width(self, part: str, config: Mapping[str, Any]) -> int:
        """How many numbers a word's vector from a file must have for this text encoder; 0: it takes none."""
        ...

    def predict(self, network: Any, latents: Tensor, time: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Runs the denoiser on what `Stages.denoise` is given, all on its device and in its type."""
        ...

    def conditioning_shapes(
        self, configs: Mapping[str, Mapping[str, Any]], tokens: int
    ) -> Mapping[str, tuple[int, ...]]:
        """The shapes, without the batch, of what `predict` takes as inputs, with so many tokens."""
        ...

    def size_conditioning(self, width: int, height: int) -> Mapping[str, Tensor]:
        """What the denoiser is told of the picture's size, by name, each (1, ...); often nothing.

        (2, ...) where it is told something else with the negative prompt, which comes first.
        """
        ...


class DistilledFamily(Family, Protocol):
    """A family with models that are told the guidance (ModelFacts.guidance_embedding)."""

    def guidance_conditioning(self, scale: float, width: int) -> Mapping[str, Tensor]:
        """What the denoiser is told of the guidance scale, by name, each (1, ...)."""
        ...
