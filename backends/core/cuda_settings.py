"""How a model is held on a card of so much memory: which bits, and what stays there between pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch

from backends.core.cuda_driver import Card
from backends.core.fit import PARTS, Footprint, Needs, kind
from backends.core.language_models import reads_with_language_model
from backends.core.model_folder import ModelFolder
from backends.core.tiling import SMALL_TILES

SCHEME_BYTES = {"int8": 1.0, "stored int8": 1.0, "nf4": 0.5 + 4 / 64}
"""What a weight of a linear layer takes; one of a convolution takes a byte in every scheme."""

_STAYING = (("unet", "vae"), ("unet",), ())
_ROOMY = 6 * 10**9
"""From here on the decoder computes in float32: it costs some 200 MB with SD 1.5 and can't overflow."""
_USABLE = 0.92
"""Of what is free on the card: the rest is for an allocator's leftovers."""


@dataclass(frozen=True, kw_only=True)
class CardSettings:
    """The answer. `scheme` is one of int8_loading.SCHEMES; `keeps` the parts that stay on the card."""

    scheme: str
    keeps: tuple[str, ...]
    text_dtype: torch.dtype
    unet_dtype: torch.dtype
    vae_dtype: torch.dtype

    @property
    def footprint(self) -> Footprint:
        dtypes = (self.text_dtype, self.unet_dtype, self.vae_dtype)
        sizes = {part: dtype.itemsize for part, dtype in zip(PARTS, dtypes, strict=True)}
        return Footprint(
            linear={**sizes, "unet": SCHEME_BYTES[self.scheme]},
            elsewhere={**sizes, "unet": 1.0},
            number=sizes,
            together=self.keeps,
            main_memory=False,
        )


def choose_settings(folder: ModelFolder, card: Card, free: int, bits: int | None = None) -> CardSettings:
    """The best that is predicted to fit `free` bytes, at the model's own size and with guidance.

    `bits` is 8 or 4 where a person chose.

    The order: 8 bits before 4, then as much as possible staying. When nothing fits, the smallest is
    returned, and the fallbacks of torch_stages do the rest.
    """
    size = (folder.facts.defaults.width, folder.facts.defaults.height)
    candidates = list(_candidates(folder, card, free, bits))
    needs = Needs(folder, candidates[0].footprint)
    fitting = (each for each in candidates if predicted_peak(needs, each, size) <= free * _USABLE)
    return next(fitting, candidates[-1])


def predicted_peak(needs: Needs, settings: CardSettings, size: tuple[int, int]) -> int:
    """The most bytes that weights and arrays take at once, with guidance.

    The UNet's are counted with one weight multiplied out, the decoder's with its smallest tiles: larger
    ones are taken as memory allows.
    """
    held = needs.held_as(settings.footprint)
    arrays = {
        **{part: held.arrays(part, size, 2) for part in needs.networks if kind(part) == "text_encoder"},
        needs.denoiser: held.arrays(needs.denoiser, size, 2)
        + held.largest_layer(needs.denoiser) * settings.unet_dtype.itemsize // 4,
        "vae": held.decode(size, held.tile_side(SMALL_TILES.tile)),
    }
    keeps = [part for part in needs.networks if kind(part) in settings.keeps]
    return max(sum(map(held.weights, {*keeps, part})) + arrays[part] for part in needs.networks)


def _candidates(folder: ModelFolder, card: Card, free: int, bits: int | None) -> Iterator[CardSettings]:
    half = torch.float16 if card.computes_half else torch.float32
    for name, keeps in product(_schemes(card, bits), _STAYING):
        yield CardSettings(
            scheme=name,
            keeps=keeps,
            text_dtype=_text_type(folder, card),
            unet_dtype=denoiser_type(folder, card),
            vae_dtype=torch.float32 if free >= _ROOMY or not folder.facts.half_vae else half,
        )


def _schemes(card: Card, bits: int | None) -> tuple[str, ...]:
    """8 bits by bitsandbytes where the card multiplies them, else by our own storage."""
    eight = "int8" if card.multiplies_int8 else "stored int8"
    return {None: (eight, "nf4"), 8: (eight,), 4: ("nf4",)}[bits]


def _text_type(folder: ModelFolder, card: Card) -> torch.dtype:
    if reads_with_language_model(folder):
        return torch.bfloat16 if card.has_bfloat16 else torch.float32
    return torch.float16 if card.computes_half else torch.float32


def denoiser_type(folder: ModelFolder, card: Card) -> torch.dtype:
    """float16 for UNets; bfloat16 for transformers, whose activations overflow float16; else float32."""
    if folder.class_name(folder.denoiser).startswith("UNet"):
        return torch.float16 if card.computes_half else torch.float32
    return torch.bfloat16 if card.has_bfloat16 else torch.float32
