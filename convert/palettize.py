"""Fewer bits a weight: look-up tables of 256, 64 or 16 values, by coremltools' k-means.

8 and 6 bits have a table a tensor. 4 bits have one for every 16 output channels, as a table a tensor is
too coarse there; macOS 15 can read that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from convert.mil_reference import import_coremltools

GROUP: Final = 16
FEWEST_WEIGHTS: Final = 2048
"""Smaller weights stay as they are: a table would be larger than what it saves."""
FULL: Final = 16


def palettize(model: Any, bits: int) -> Any:
    """The model with every weight of at least FEWEST_WEIGHTS numbers in `bits` bits."""
    return palettize_mixed(model, bits, {})


def palettize_mixed(model: Any, bits: int, by_weight: Mapping[str, int]) -> Any:
    """As `palettize`, with other bit counts for the weights named in `by_weight`; 16 leaves one alone."""
    if bits == FULL and set(by_weight.values()) <= {FULL}:
        return model
    coreml = _optimize()
    config = coreml.OptimizationConfig(
        global_config=_settings(coreml, bits),
        op_name_configs={name: _settings(coreml, each) for name, each in by_weight.items()},
    )
    return coreml.palettize_weights(model, config)


def weight_names(model: Any) -> dict[str, tuple[int, ...]]:
    """The weights that can be palettized, by coremltools' names, with their shapes."""
    found = _optimize().get_weights_metadata(model, weight_threshold=FEWEST_WEIGHTS)
    return {name: tuple(each.val.shape) for name, each in found.items()}


def _settings(coreml: Any, bits: int) -> Any:
    if bits == FULL:
        return None
    shared: dict[str, Any] = {"mode": "kmeans", "nbits": bits, "weight_threshold": FEWEST_WEIGHTS}
    if bits == 4:
        shared |= {"granularity": "per_grouped_channel", "group_size": GROUP}
    return coreml.OpPalettizerConfig(**shared)


def _optimize() -> Any:
    import importlib

    import_coremltools()
    return importlib.import_module("coremltools.optimize.coreml")
