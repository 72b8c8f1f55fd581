"""Opening an upscaler's file: by our own networks, else by spandrel where that is installed.

spandrel (MIT) knows some forty kinds. It asks for torchvision, of which it takes two functions for networks
that enlarge nothing, and torchvision doesn't load beside every build of torch: where it doesn't, spandrel is
imported without it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import safetensors.torch
import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.upscaler_networks import Network, network_of

_LARGEST_SCALE = 16
_INSTALL = "Install spandrel (pip install --no-deps spandrel einops), or use an ESRGAN or Real-ESRGAN file."
_FUNCTIONS = "torchvision.transforms.functional"


def open_upscaler(path: Path) -> Network:
    """The network in a .safetensors file, on the CPU in float32. Raises InvalidRequest."""
    weights = _read(path)
    network = network_of(weights) or _by_spandrel(path, weights)
    if not 1 <= network.scale <= _LARGEST_SCALE:
        raise InvalidRequest(f"{path.name} is no upscaler for pictures.", "Choose another one.")
    return network


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        return cast(Any, safetensors.torch).load_file(path)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InvalidRequest(
            f"The upscaler {path.name} can't be read: it is damaged, or no .safetensors file.",
            "Get another copy of it.",
        ) from error


class _Described:
    """What spandrel made of a file."""

    def __init__(self, descriptor: Any) -> None:
        self._descriptor, self.scale = descriptor, int(descriptor.scale)

    def __call__(self, picture: Tensor) -> Tensor:
        return self._descriptor(picture)

    def to(self, device: str) -> _Described:
        self._descriptor.to(torch.device(device))
        return self


def _by_spandrel(path: Path, weights: Mapping[str, Tensor]) -> Network:
    if importlib.util.find_spec("spandrel") is None or importlib.util.find_spec("einops") is None:
        raise InvalidRequest(f"The upscaler {path.name} is of a kind that only spandrel reads.", _INSTALL)
    spandrel = import_spandrel()
    try:
        found = spandrel.ModelLoader(device=torch.device("cpu")).load_from_state_dict(dict(weights))
    except (spandrel.UnsupportedModelError, RuntimeError, ValueError, KeyError) as error:
        raise InvalidRequest(f"{path.name} is no upscaler that is known.", "Choose another one.") from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or (
        found.input_channels,
        found.output_channels,
    ) != (3, 3):
        raise InvalidRequest(f"{path.name} is no upscaler for pictures.", "Choose another one.")
    found.eval().to(torch.float32)
    return _Described(found)


def import_spandrel() -> Any:
    """The library, with or without torchvision. Its kinds that need that can't be used without."""
    if "spandrel" in sys.modules:
        return sys.modules["spandrel"]
    try:
        importlib.import_module(_FUNCTIONS)
    except (ImportError, RuntimeError, OSError):
        with _stand_in():
            return importlib.import_module("spandrel")
    return importlib.import_module("spandrel")


@contextmanager
def _stand_in() -> Generator[None]:
    """Empty modules under torchvision's names, gone again afterwards."""
    names = ("torchvision", "torchvision.transforms", _FUNCTIONS)
    before = {name: sys.modules.pop(name, None) for name in names}
    made = {name: ModuleType(name) for name in names}
    vars(made[_FUNCTIONS]).update(InterpolationMode=None, rotate=None, normalize=None)
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update({name: module for name, module in before.items() if module is not None})
