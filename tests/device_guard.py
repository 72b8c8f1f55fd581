"""Watches what torch computes, and notes what is computed anywhere but on the device that it should be.

The device is "meta", which stands in for a card: its arrays have shapes and no contents, every torch has it,
and an array on it can't be mistaken for one on the CPU. What is copied back from it arrives as zeros.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.mps_guard import decomposed

CARD = torch.device("meta")
_COPIES = {"aten::_to_copy", "aten::copy_"}
_ON_THE_CPU = {
    *_COPIES, "aten::detach", "aten::detach_", "aten::lift_fresh", "aten::view", "aten::alias", "aten::clone",
    "aten::slice", "aten::as_strided", "aten::select", "aten::zeros", "aten::empty", "aten::scalar_tensor",
    "aten::frombuffer", "aten::_unsafe_view", "aten::t", "aten::zeros_like", "aten::empty_like",
    "aten::unsqueeze", "aten::expand", "aten::arange", "aten::ones", "aten::full", "aten::fill_",
}  # fmt: skip
"""Making arrays, looking at them and copying them: the rest is computing."""


class DeviceGuard(TorchDispatchMode):
    """While it is active, every operation is checked. `allowed` may be computed on the CPU besides copies."""

    def __init__(self, *allowed: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.on_card: set[str] = set()
        self._allowed = _ON_THE_CPU | set(allowed)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = func._schema.name, kwargs or {}
        whole = decomposed(self, func, args, given)
        if whole is not NotImplemented:
            return whole
        if name == "aten::_to_copy" and _leaves_the_card(args[0], given):
            return torch.zeros(args[0].shape, dtype=given.get("dtype") or args[0].dtype)
        self._check_inputs(name, args, given)
        result = func(*args, **given)
        if any(tensor.device == CARD for tensor in _tensors(result)):
            self.on_card.add(name)
        elif _tensors(result) and name not in self._allowed:
            self._note(f"{name} is computed on the CPU")
        return result

    def _check_inputs(self, name: str, args: Any, kwargs: Any) -> None:
        """Numbers may come from anywhere; arrays only from one device, unless they are being copied."""
        arrays = [tensor for tensor in _tensors((args, kwargs)) if tensor.dim() > 0]
        if name not in _COPIES and len({tensor.device for tensor in arrays}) > 1:
            self._note(f"{name} mixes arrays of the CPU and of the card")

    def _note(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _leaves_the_card(tensor: Tensor, kwargs: Any) -> bool:
    target = kwargs.get("device")
    return tensor.device == CARD and target is not None and torch.device(target).type == "cpu"
