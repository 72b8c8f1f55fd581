"""How many bytes a model's own depth network takes, found on fake tensors as others' are (ledger.py)."""

from __future__ import annotations

import json
from functools import cache
from math import prod
from typing import Any, cast

from backends.core.ledger import FakeNetwork
from backends.core.own_depth import OwnDepth
from backends.core.streaming_files import parameters_on_meta

_FLOAT32 = 4
_ODD = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError)


@cache
def depth_bytes(own: OwnDepth) -> tuple[int, int]:
    """Its weights and, for the size that it is shown, its arrays, both in float32.

    Of one whose configuration makes no sense, what its file takes.
    """
    try:
        return _counted(own)
    except _ODD:
        return own.float32_bytes, 0


def _counted(own: OwnDepth) -> tuple[int, int]:
    from transformers.models.auto.configuration_auto import AutoConfig
    from transformers.models.auto.modeling_auto import AutoModelForDepthEstimation

    config: Any = cast(Any, AutoConfig).from_pretrained(own.folder, local_files_only=True)
    with parameters_on_meta():
        module: Any = cast(Any, AutoModelForDepthEstimation).from_config(config)
    module = module.float().eval()
    weights = sum(_FLOAT32 * prod(weight.shape) for weight in module.parameters())
    sides = _sides(own)
    arrays = FakeNetwork(module).peak(lambda network, zeros: network(zeros(1, 3, *sides)))
    return weights, arrays.bytes


def _sides(own: OwnDepth) -> tuple[int, int]:
    """Height and width of what the network is shown; older files have one number for both."""
    path = own.preparing / "preprocessor_config.json"
    size = json.loads(path.read_text(encoding="utf-8"))["size"]
    if not isinstance(size, dict):
        return int(size), int(size)
    sides = cast(dict[str, Any], size)
    return int(sides["height"]), int(sides["width"])
