"""Watches what torch computes, and notes what Apple's GPU could not do.

What torch can run there is in its own list of operators, native_functions.yaml, which the wheel carries.
On a build without MPS the kernels are not registered, so `torch._C._dispatch_has_kernel_for_dispatch_key`
says no to all of them.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

LARGEST_ARRAY = 2**32
_UNKNOWN_TYPES = {torch.float64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2}
_ON_ANY_DEVICE = ("CompositeExplicitAutograd", "CompositeImplicitAutograd")


class MpsGuard(TorchDispatchMode):
    """While it is active, every operation is checked. `faults` are sentences, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        whole = decomposed(self, func, args, kwargs or {})
        if whole is not NotImplemented:
            return whole
        result = func(*args, **(kwargs or {}))
        name = func._schema.name
        self.seen.add(name)
        for tensor in tree_leaves((args, kwargs, result)):
            if isinstance(tensor, Tensor):
                self._check_array(name, tensor)
        if name == "aten::convolution":
            self._check_layout(args[0], args[1])
        if not runs_on_mps(name, func._schema.overload_name):
            self._note(f"{name} has no kernel for MPS")
        return result

    def _check_array(self, name: str, tensor: Tensor) -> None:
        if tensor.dtype in _UNKNOWN_TYPES:
            self._note(f"{name} has an array of {tensor.dtype}")
        if tensor.numel() * tensor.element_size() > LARGEST_ARRAY:
            self._note(f"{name} has an array of more than 2^32 bytes: {tuple(tensor.shape)}, {tensor.dtype}")

    def _check_layout(self, input: Tensor, weight: Tensor) -> None:
        for what, tensor in (("input", input), ("weight", weight)):
            if not tensor.is_contiguous():
                self._note(f"a convolution whose {what} is not contiguous: {tuple(tensor.shape)}")

    def _note(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def decomposed(mode: TorchDispatchMode, func: Any, args: Any, kwargs: Any) -> Any:
    """The result of an operator that is made of others, each of which `mode` sees; else NotImplemented.

    In inference mode torch hands such operators to a dispatch mode whole.
    """
    if not torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
        return NotImplemented
    with mode:
        return func.decompose(*args, **kwargs)


def runs_on_mps(name: str, overload: str) -> bool:
    """Whether torch's list has this operator for MPS, or for every device."""
    library, _, plain = name.partition("::")
    if library != "aten":
        return library == "prim"
    return f"{plain}.{overload}" in mps_operators() if overload else plain in mps_operators()


@cache
def mps_operators() -> frozenset[str]:
    """The operators, with their overload after a dot, that run on MPS by the list of the torch installed."""
    entries = re.split(r"^- func: ", _list().read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    known = {entry.partition("(")[0]: entry for entry in entries}
    return frozenset(name for name, entry in known.items() if _has_kernel(entry, known))


def _has_kernel(entry: str, known: dict[str, str]) -> bool:
    delegate = re.search(r"^  structured_delegate: (\S+)", entry, flags=re.MULTILINE)
    if delegate:
        return _has_kernel(known[delegate[1]], known)
    dispatch = re.search(r"^  dispatch:\n((?:    .*\n)+)", entry, flags=re.MULTILINE)
    if dispatch is None:
        return True  # built from other operators, on any device
    keys = {key.strip() for line in dispatch[1].splitlines() for key in line.partition(":")[0].split(",")}
    return "MPS" in keys or any(key.startswith(_ON_ANY_DEVICE) for key in keys)


def _list() -> Path:
    package = importlib.util.find_spec("torchgen")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "packaged/ATen/native/native_functions.yaml"
