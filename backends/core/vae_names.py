"""The tensors of a VAE's file under diffusers' names, where it has those of the first files.

The mapping of names is diffusers' own, asked with tensors that have shapes and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from backends.core.streaming_files import Stored

_WITHIN = ("first_stage_model.", "vae.")
"""Before a VAE's names in a file that holds a whole model."""
_FIRST = ("encoder.down.", "decoder.up.", "encoder.mid.block_1.")


def renamed(stored: Mapping[str, Stored], config: Mapping[str, Any]) -> dict[str, Stored]:
    """As diffusers names them; what belongs to no layer is left out. Raises KeyError for another make."""
    plain = _without_prefix(stored)
    if not any(name.startswith(_FIRST) for name in plain):
        return plain
    from diffusers.loaders import single_file_utils

    blocks = {key: config[key] for key in ("down_block_types", "up_block_types")}
    empty = {name: torch.empty(each.shape, device="meta") for name, each in plain.items()}
    source = {id(tensor): name for name, tensor in empty.items()}
    found: dict[str, Tensor] = cast(Any, single_file_utils).convert_ldm_vae_checkpoint(empty, blocks)
    return {name: _as(plain[source[_origin(tensor)]], tensor) for name, tensor in found.items()}


def _without_prefix(stored: Mapping[str, Stored]) -> dict[str, Stored]:
    for prefix in _WITHIN:
        if within := {n.removeprefix(prefix): each for n, each in stored.items() if n.startswith(prefix)}:
            return within
    return dict(stored)


def _origin(tensor: Tensor) -> int:
    """A 1 x 1 convolution that became linear is a view of what was there."""
    base: Tensor | None = cast(Any, tensor)._base
    return id(tensor if base is None else base)


def _as(stored: Stored, tensor: Tensor) -> Stored:
    return replace(stored, shape=tuple(tensor.shape))
