"""Who runs a converted network: Core ML on a Mac, or our interpreter of its programs anywhere.

The interpreter is for proof, not for use: it computes what Core ML would, slowly.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

VARIABLE: Final = "MEZZOTINT_COREML"
REFERENCE: Final[Mapping[str, str]] = {"reference": "fp16", "reference-fp32": "fp32"}
"""The variable's values, and whether the interpreter rounds as fp16 does."""
UNITS: Final[Mapping[str, str]] = {"neural-engine": "CPU_AND_NE", "gpu": "CPU_AND_GPU", "all": "ALL"}
"""Our names of compute units, and coremltools'."""

Arrays = Mapping[str, NDArray[Any]]


class Runtime(Protocol):
    """Loads one package (or one function of it), as something that takes arrays by name and gives them."""

    libraries: tuple[str, ...]
    """The packages whose versions decide the result."""

    @property
    def name(self) -> str: ...

    def load(self, package: Path, function: str | None) -> Callable[[Arrays], Arrays]: ...

    def inputs(self, package: Path, function: str | None) -> frozenset[str]:
        """The names of a package's inputs."""
        ...

    def close(self) -> None:
        """Lets go of what was loaded."""
        ...


_LIBRARIES: Final[tuple[str, ...]] = ("coremltools", "torch", "transformers", "mezzotint")


class Reference:
    """Our interpreter of MIL programs. `rounding` is "fp16" or "fp32"."""

    libraries: tuple[str, ...] = _LIBRARIES

    def __init__(self, rounding: str) -> None:
        self._rounding = rounding
        self._loaded: dict[tuple[Path, str | None], Any] = {}

    @property
    def name(self) -> str:
        return f"reference interpreter ({self._rounding})"

    def load(self, package: Path, function: str | None) -> Callable[[Arrays], Arrays]:
        network = self._network(package, function)
        return lambda arrays: network.run(arrays, self._rounding)

    def inputs(self, package: Path, function: str | None) -> frozenset[str]:
        return frozenset(self._network(package, function).inputs)

    def close(self) -> None:
        self._loaded.clear()

    def _network(self, package: Path, function: str | None) -> Any:
        key = (package, function)
        if key not in self._loaded:
            # By name: what runs on a Mac must not depend on what converts.
            self._loaded[key] = importlib.import_module("convert.mil_reference").load(package, function)
        return self._loaded[key]


class CoreML:
    """Apple's own, through coremltools. `compiled` gives the .mlmodelc of a package. Untested on hardware."""

    libraries: tuple[str, ...] = _LIBRARIES

    def __init__(self, units: str, compiled: Callable[[Path], Path]) -> None:
        self._units, self._compiled = units, compiled

    @property
    def name(self) -> str:
        return UNITS[self._units]

    def load(self, package: Path, function: str | None) -> Callable[[Arrays], Arrays]:
        tools: Any = importlib.import_module("coremltools")
        model = tools.models.CompiledMLModel(
            str(self._compiled(package)), tools.ComputeUnit[UNITS[self._units]], function
        )
        return lambda arrays: model.predict(dict(arrays))

    def inputs(self, package: Path, function: str | None) -> frozenset[str]:
        tools: Any = importlib.import_module("coremltools")
        description = tools.utils.load_spec(str(package)).description
        named = [each for each in description.functions if each.name == function]
        return frozenset(each.name for each in (named[0] if named else description).input)

    def close(self) -> None:
        """Nothing: the system keeps what is compiled."""


class Network:
    """A network in one package or several, which run one after the other on what is known so far."""

    def __init__(self, runtime: Runtime, packages: Sequence[Path], function: str | None) -> None:
        self._pieces = [
            (runtime.load(package, function), runtime.inputs(package, function)) for package in packages
        ]

    def __call__(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        known: dict[str, NDArray[Any]] = dict(arrays)
        given: dict[str, NDArray[Any]] = {}
        for run, names in self._pieces:
            given = dict(run({name: known[name] for name in names}))
            known |= {name: np.asarray(each) for name, each in given.items()}
        return given


def reference_wanted() -> str | None:
    """How the interpreter is to round, where the environment asks for it."""
    return REFERENCE.get(os.environ.get(VARIABLE, ""))


def why_not() -> str | None:
    """None where Core ML, or what stands for it, can run; else one sentence: why not, and what to do."""
    if reference_wanted() is None and not _new_enough_mac():
        return "Core ML needs a Mac with macOS 13 or newer: use another backend here."
    if find_spec("coremltools") is None:
        return 'coremltools is not installed: run pip install "mezzotint[coreml]".'
    return None


def _new_enough_mac() -> bool:
    return sys.platform == "darwin" and int(platform.mac_ver()[0].split(".")[0] or 0) >= 13
