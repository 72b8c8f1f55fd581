"""How many bytes of arrays are alive at once while a network runs: found by running it on fake tensors.

Fake tensors have shapes and no contents, so a full-size network runs in a second or two and in no
memory; the graph is the real one, because it is the network's own code that runs. Each operation's
results enter the ledger, and leave it when the last reference to their storage goes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from backends.core.streaming_files import layers, own_weights, put


@dataclass
class Peak:
    """The most bytes that were alive at once, and the operation during which they were."""

    bytes: int = 0
    operation: str = ""


class Ledger(TorchDispatchMode):
    """Counts the storages that operations make while it is active. `peak` is the answer."""

    def __init__(self) -> None:
        cast(Any, super()).__init__()
        self.peak = Peak()
        self.live = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {
            id(tensor.untyped_storage())
            for tensor in tree_leaves((args, kwargs))
            if isinstance(tensor, Tensor)
        }
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._enter(tensor, given)
        if self.live > self.peak.bytes:
            self.peak = Peak(self.live, str(func))
        return result

    def _enter(self, tensor: Tensor, given: set[int]) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)
        if key in given or key in self._known:
            return
        size = storage.nbytes()
        self._known[key] = weakref.ref(storage, lambda _: self._leave(key, size))
        self.live += size

    def _leave(self, key: int, size: int) -> None:
        del self._known[key]
        self.live -= size


@dataclass
class FakeNetwork:
    """A module whose weights are fake, on a fake CPU, so that it can run in no memory."""

    module: nn.Module
    mode: FakeTensorMode = field(default_factory=FakeTensorMode)

    def __post_init__(self) -> None:
        with self.mode:
            for _, layer in layers(self.module):
                for key, weight in own_weights(layer).items():
                    put(layer, key, _fake_parameter(weight))
            for name, buffer in list(self.module.named_buffers()):
                path, _, key = name.rpartition(".")
                setattr(self.module.get_submodule(path), key, self.mode.from_tensor(buffer))

    def peak(self, run: Callable[[Any, Callable[..., Tensor]], object]) -> Peak:
        """The peak of `run(module, zeros)`, where `zeros(*shape)` makes the fake inputs."""
        with torch.no_grad(), self.mode, Ledger() as ledger:
            run(self.module, lambda *shape: torch.zeros(shape))
            return ledger.peak


def _fake_parameter(parameter: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype), requires_grad=False)
