"""Does a model fit? Disk, memory and arrays for one backend and one size, and what to do about it.

Only the folder's configuration files are needed, so that it can be asked before a download.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from backends.core import autoencoders, own_depth
from backends.core.language_models import is_language_model
from backends.core.memory import in_words
from backends.core.model_folder import ModelFolder

if TYPE_CHECKING:
    from backends.core.fit_arrays import Arrays

PARTS = ("text_encoder", "unet", "vae")
"""The kinds of networks. A second text encoder is held as the first is (`kind`)."""
Size = tuple[int, int]
"""Width and height in pixels."""

FITS, STREAMS, TOO_LARGE = "fits", "streams", "too large"
_SPARE = 1.03
"""What an allocator holds beyond the arrays alive: 0.9 to 1.1 in six decodes on the CPU (docs/cpu.md)."""
_BESIDE = 0.9
_SMALLEST_TILE = 32
_PICTURE_COPIES = 4


def kind(part: str) -> str:
    """Which of PARTS a network is: "text_encoder_2" is a "text_encoder", a "transformer" a "unet"."""
    return "unet" if part == "transformer" else part.removesuffix("_2").removesuffix("_3")


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """How a backend holds a model.

    `linear` and `elsewhere`: bytes a weight takes, by part, in linear layers and in the others; parts are
    PARTS and, where that differs from other text encoders, "language_model".
    `main_memory`: whether it is the machine's own memory, where a model's depth network is run.
    `number`: bytes of a number in the arrays, by part. `together`: the parts that stay while another
    runs. `streams`: whether weights can come as they are needed. `libraries`: taken before any model.
    """

    linear: Mapping[str, float]
    elsewhere: Mapping[str, float]
    number: Mapping[str, int]
    together: tuple[str, ...] = PARTS
    streams: bool = False
    libraries: int = 0
    main_memory: bool = True


def plain_footprint(weight: float, number: int, **others: Any) -> Footprint:
    """The same bytes a weight and a number in every part. `others` are fields of Footprint."""
    each = dict.fromkeys(PARTS, weight)
    fields: dict[str, Any] = {"linear": each, "elsewhere": each, "number": dict.fromkeys(PARTS, number)}
    return Footprint(**(fields | others))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A prediction, in bytes.

    `stages`: the peak while each part runs, weights and arrays together; `need` is the highest of them.
    `least` is what it takes when weights stream and the picture is decoded in tiles. `verdict` is FITS,
    STREAMS or TOO_LARGE, and `action` one sentence.
    """

    size: Size
    disk: int
    weights: int
    arrays: int
    stages: Mapping[str, int]
    need: int
    least: int
    free: int
    verdict: str
    action: str


class Needs:
    """The bytes a model takes on one backend, by part and size. `batch` is 2 with guidance."""

    def __init__(self, folder: ModelFolder, footprint: Footprint) -> None:
        self._folder, self._footprint = folder, footprint

    @cached_property
    def _arrays(self) -> Arrays:
        from backends.core.fit_arrays import Arrays

        return Arrays(self._folder)

    def held_as(self, footprint: Footprint) -> Needs:
        """The same model held in another way. What the ledger found is shared."""
        other = Needs(self._folder, footprint)
        other._arrays = self._arrays
        return other

    @property
    def networks(self) -> tuple[str, ...]:
        """The model's networks, in the order they run."""
        return self._folder.networks

    @property
    def denoiser(self) -> str:
        """The network that is run at each step."""
        return self._folder.denoiser

    def weights(self, part: str) -> int:
        counts = self._arrays.weights(part)
        linear, held = counts["linear"], self._footprint
        elsewhere = sum(counts.values()) - linear
        kept = self._held_as(part)
        return int(linear * held.linear[kept] + elsewhere * held.elsewhere[kept])

    def arrays(self, part: str, size: Size, batch: int) -> int:
        """What a part's arrays take at their peak."""
        width, height = self._latents(size)
        if kind(part) == "text_encoder":
            return self._scaled(part, self._arrays.text(part))
        if kind(part) == "unet":
            return self._scaled(part, self._arrays.unet(batch, height, width))
        return self.decode(size, None)

    def decode(self, size: Size, tile: int | None) -> int:
        """Decoding in tiles of so many of the autoencoder's latents a side, or at once."""
        patch = self._folder.facts.latent_patch
        width, height = (side * patch for side in self._latents(size))
        if tile is None or max(width, height) <= tile:
            return self._scaled("vae", self._arrays.decoder(height, width))
        tiled = self._scaled("vae", self._arrays.decoder(min(tile, height), min(tile, width)))
        return tiled + _PICTURE_COPIES * 3 * size[0] * size[1] * 4

    def tile_side(self, tile: int | None) -> int | None:
        """A tile of so many latents of 8 pixels, in the autoencoder's own."""
        return tile and autoencoders.tile_side(tile, autoencoders.scale(self._folder.configs["vae"]))

    def largest_layer(self, part: str) -> int:
        return self._arrays.largest_layer(part)

    def stages(self, size: Size, batch: int) -> dict[str, int]:
        """The peak while each part runs, beside the parts that stay, libraries included."""
        stages = {part: self._stage(part, size, batch) for part in self.networks}
        if alone := self.depth_alone:
            stages[own_depth.NETWORK] = alone + sum(map(self.weights, self._staying))
        return stages

    @property
    def depth_alone(self) -> int:
        """What the model's own depth network takes while it runs, libraries included; 0 without one, or where
        it runs elsewhere. It runs in float32, and beside nothing where memory is short."""
        if not self._footprint.main_memory or not self._folder.facts.finds_depth:
            return 0
        return self._footprint.libraries + sum(self._arrays.depth())

    @property
    def left_behind(self) -> int:
        """The weights that are there after its last step, when another model may be opened beside it."""
        return sum(map(self.weights, self._staying | {self.denoiser}))

    def least(self, size: Size, batch: int) -> int:
        """What it takes, libraries included, when only the layer at work has its weights."""
        arrays = {part: self.arrays(part, size, batch) for part in self.networks if part != "vae"}
        arrays["vae"] = self.decode(size, self.tile_side(_SMALLEST_TILE))
        layers = max(arrays[part] + 2 * self.largest_layer(part) for part in arrays)
        return max(self._footprint.libraries + layers, self.depth_alone)

    @property
    def _staying(self) -> set[str]:
        return {each for each in self.networks if kind(each) in self._footprint.together}

    def _stage(self, part: str, size: Size, batch: int) -> int:
        held = {*self._staying, part}
        return self._footprint.libraries + sum(map(self.weights, held)) + self.arrays(part, size, batch)

    def _scaled(self, part: str, float32_bytes: int) -> int:
        return int(float32_bytes * self._footprint.number[self._held_as(part)] / 4 * _SPARE)

    def _held_as(self, part: str) -> str:
        """Its kind, or "language_model" where a footprint tells these apart."""
        apart = "language_model" in self._footprint.number and is_language_model(self._folder, part)
        return "language_model" if apart else kind(part)

    def _latents(self, size: Size) -> Size:
        scale = self._folder.facts.latent_scale
        return size[0] // scale, size[1] // scale


def predict(folder: ModelFolder, footprint: Footprint, size: Size, free: int, batch: int = 2) -> Fit:
    """Whether a picture of this size can be made where so much is free."""
    needs = Needs(folder, footprint)
    stages = needs.stages(size, batch)
    need = max(stages.values())

    def least_of(wanted: Size) -> int:
        return needs.least(wanted, batch) if footprint.streams else max(needs.stages(wanted, batch).values())

    least = least_of(size)
    weights = sum(map(needs.weights, needs.networks))
    verdict = FITS if need <= free else STREAMS if least <= free else TOO_LARGE
    return Fit(
        size=size,
        disk=_disk(folder) or weights,
        weights=weights,
        arrays=max(needs.arrays(part, size, batch) for part in needs.networks),
        stages=stages,
        need=need,
        least=least,
        free=free,
        verdict=verdict,
        action=_action(verdict, size, least_of, free),
    )


def predict_beside(folder: ModelFolder, footprint: Footprint, size: Size, left: int, batch: int) -> Fit:
    """Whether a second model has room in what a first one leaves, with a tenth to spare: so that a backend
    that goes by what is free holds it as it would alone."""
    return predict(folder, footprint, size, int(_BESIDE * max(left, 0)), batch)


def size_that_fits(size: Size, need: Callable[[Size], int], free: int) -> str | None:
    """ "512 x 384": a smaller size of the same shape whose need is at most what is free, or None."""
    while (needed := need(size)) > free:
        factor = min(1.0, 0.9 * free / needed) ** 0.5
        size = (int(size[0] * factor) // 64 * 64, int(size[1] * factor) // 64 * 64)
        if min(size) < 64:
            return None
    return f"{size[0]} x {size[1]}"


def _action(verdict: str, size: Size, least: Callable[[Size], int], free: int) -> str:
    if verdict == FITS:
        return "It can be used as it is."
    if verdict == STREAMS:
        return "It can be used: weights are read as they are needed, which is slower."
    smaller = size_that_fits(size, least, free)
    return f"Try {smaller}, or close other programs." if smaller else "Choose a smaller model."


def _disk(folder: ModelFolder) -> int:
    """What the weight files take; 0 when they are not there yet."""
    parts = (*folder.networks, *((own_depth.NETWORK,) if folder.facts.finds_depth else ()))
    return sum(path.stat().st_size for part in parts for path in (folder.path / part).glob("*.safetensors"))


def describe(fit: Fit) -> str:
    """One line for a person."""
    return (
        f"{fit.size[0]} x {fit.size[1]}: {in_words(fit.disk)} on disk, {in_words(fit.need)} of memory "
        f"({in_words(fit.arrays)} of it for the picture), at least {in_words(fit.least)}. {fit.action}"
    )
