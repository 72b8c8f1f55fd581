"""What the names of the tensors in a LoRA's file say: which layer each changes, and as which factor.

Standard library only: the window tells from headers what a file is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_PAIRS = (
    ("lora_A", "lora_B"),
    ("lora_A.default", "lora_B.default"),
    ("lora.down", "lora.up"),
    ("lora_down", "lora_up"),
    ("down", "up"),
)
_ENDINGS = {
    **{f".{down}": "down" for down, _ in _PAIRS},
    **{f".{up}": "up" for _, up in _PAIRS},
    ".lora_B.bias": "up_bias",
    ".lora_mid": "mid",
    ".lora_magnitude_vector": "magnitude",
    ".lora_magnitude_vector.default": "magnitude",
    ".w_norm": "diff",
    ".b_norm": "diff_b",
}
_PLAIN = frozenset(
    {
        "alpha", "dora_scale", "diff", "diff_b", "hada_t1", "hada_t2", "lokr_t2",
        *(f"hada_w{n}_{side}" for n in (1, 2) for side in "ab"),
        *(f"lokr_w{n}{side}" for n in (1, 2) for side in ("", "_a", "_b")),
    }
)  # fmt: skip
_UNREADABLE = {
    "oft_blocks": "OFT",
    "oft_diag": "OFT",
    "oft_R": "OFT",
    "on_input": "IA3",
    "a1": "GLoRA",
    "set_weight": "whole weights",
}
_WHOLE = (
    frozenset({"down", "up"}),
    frozenset(f"hada_w{n}_{side}" for n in (1, 2) for side in "ab"),
    *(
        frozenset({*first, *second})
        for first in ({"lokr_w1"}, {"lokr_w1_a", "lokr_w1_b"})
        for second in ({"lokr_w2"}, {"lokr_w2_a", "lokr_w2_b"})
    ),
    frozenset({"diff"}),
)
_OF_BIAS = {"diff_b", "up_bias"}
_Tensor = TypeVar("_Tensor")


@dataclass(frozen=True)
class Key:
    """The name in the file of a layer, and what the tensor is to its change: "down", "hada_w1_a", "alpha"."""

    layer: str
    factor: str


def read_key(key: str) -> Key | None:
    """Reads "unet.LAYER.lora_A.weight"; None for a tensor that changes no layer."""
    stem = key.removesuffix(".weight")
    for ending, factor in _ENDINGS.items():
        if stem.endswith(ending):
            return Key(stem.removesuffix(ending), factor)
    layer, _, factor = stem.rpartition(".")
    return Key(layer, factor) if layer and factor in _PLAIN else None


def unreadable_kind(keys: Iterable[str]) -> str:
    """What a file is called whose tensors are of a kind that can't be read, or ""."""
    names = (key.removesuffix(".weight").rpartition(".")[2] for key in keys)
    return next((_UNREADABLE[name] for name in names if name in _UNREADABLE), "")


def by_layer(tensors: Mapping[str, _Tensor]) -> dict[str, dict[str, _Tensor]]:
    """The factors of each layer's change, by the layers' names in the file."""
    found: dict[str, dict[str, _Tensor]] = {}
    for name, tensor in tensors.items():
        if key := read_key(name):
            found.setdefault(key.layer, {})[key.factor] = tensor
    return found


def is_whole(factors: Iterable[str]) -> bool:
    """Whether these factors make a change of a weight."""
    there = set(factors)
    return any(there.issuperset(needed) for needed in _WHOLE)


def is_half(factors: Iterable[str]) -> bool:
    """Whether some of a change is there and the rest is not."""
    there = set(factors) - {"alpha", "dora_scale", "magnitude", *_OF_BIAS}
    return bool(there) and not is_whole(there)


def changes_bias(factors: Iterable[str]) -> bool:
    return not _OF_BIAS.isdisjoint(factors)
