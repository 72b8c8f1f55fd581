"""Fewer bits a weight: look-up tables of 256, 64 or 16 values, the best there are (convert/kmeans.py).

8 and 6 bits have a table a tensor. 4 bits have one for every 16 output channels, as a table a tensor is
too coarse there; macOS 15 can read that.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convert import kmeans
from convert.mil_reference import import_coremltools

GROUP: Final = 16
FEWEST_WEIGHTS: Final = 2048
"""Weights of so many numbers or fewer stay as they are: a table would be larger than what it saves."""
FULL: Final = 16
GROUPED_BITS: Final = 4


def palettize(model: Any, bits: int, by_weight: Mapping[str, int] | None = None) -> Any:
    """A coremltools model with every larger weight in `bits` bits, or in as many as `by_weight` has for it.

    FULL leaves a weight as it is.
    """
    named = dict(by_weight or {})
    if {bits, *named.values()} == {FULL}:
        return model
    coreml = _optimize()
    config = coreml.OptimizationConfig(
        global_config=_settings(coreml, bits),
        op_name_configs={name: _settings(coreml, each) for name, each in named.items()},
    )
    return coreml.palettize_weights(model, config)


def quantise(weight: Any, bits: int) -> Tensor:
    """The weight as its tables give it back, output channels first."""
    if bits == FULL:
        return weight
    grouped = bits == GROUPED_BITS and weight.shape[0] % GROUP == 0
    parts: tuple[Any, ...] = weight.split(GROUP, dim=0) if grouped else (weight,)
    return torch.cat([_from_table(part, bits) for part in parts])


def weight_names(model: Any) -> dict[str, tuple[int, ...]]:
    """The weights that can be palettized, by coremltools' names, with their shapes."""
    found = _optimize().get_weights_metadata(model, weight_threshold=FEWEST_WEIGHTS)
    return {name: tuple(each.val.shape) for name, each in found.items()}


def _table(bits: int) -> Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[np.uint8]]]:
    """What coremltools calls with an array: the table, and each element's place in it."""

    def find(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        values, counts, places = kmeans.histogram(array)
        centres, labels = kmeans.cluster(values, counts, 2**bits)
        table = np.zeros(2**bits, dtype=np.float16)
        table[: len(centres)] = centres
        return table.astype(array.dtype), labels[places].astype(np.uint8)

    return find


def _from_table(weight: Any, bits: int) -> Tensor:
    table, places = _table(bits)(weight.detach().float().numpy())
    return torch.as_tensor(table[places]).view_as(weight)


def _settings(coreml: Any, bits: int) -> Any:
    if bits == FULL:
        return None
    shared: dict[str, Any] = {
        "mode": "custom",
        "lut_function": _table(bits),
        "weight_threshold": FEWEST_WEIGHTS,
    }
    if bits == GROUPED_BITS:
        shared |= {"granularity": "per_grouped_channel", "group_size": GROUP}
    return coreml.OpPalettizerConfig(**shared)


def _optimize() -> Any:
    import_coremltools()
    return importlib.import_module("coremltools.optimize.coreml")
