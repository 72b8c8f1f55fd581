"""Who runs a network converted to Core AI: macOS 27 and newer, or Core AI's own interpreter anywhere.

The interpreter is a part of Apple's wheel (coreai-core), independent of ours for Core ML's programs.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from backends.core.coreml_runtime import Arrays

VARIABLE: Final = "MEZZOTINT_COREAI"
INTERPRETER: Final = "interpreter"
"""The variable's value with which Core AI's interpreter runs what only a Mac could."""
_SYSTEMS_OWN: Final = "USE_OS_COREAI"
"""With this in the environment, coreai-core uses the system's Core AI, which has the Neural Engine."""
_NEWEST_NEEDED: Final = 27
UNITS: Final[Mapping[str, str]] = {"neural-engine": "neural_engine", "gpu": "gpu"}
"""Our names of compute units, and Core AI's; for any other the system chooses."""


class CoreAI:
    """Core AI through coreai-core, whose functions are coroutines: each is waited for. Untested on hardware.

    `units` is one of UNITS, or None where the system chooses; the interpreter has none.
    """

    libraries: tuple[str, ...] = ("coreai-core", "torch", "transformers", "mezzotint")

    def __init__(self, units: str | None = None) -> None:
        if not interpreter_wanted() and sys.platform == "darwin":
            os.environ[_SYSTEMS_OWN] = "1"
        self._units = None if interpreter_wanted() else units
        self._loop, self._open = asyncio.new_event_loop(), AsyncExitStack()
        self._models: dict[Path, Any] = {}

    @property
    def name(self) -> str:
        return "Core AI's interpreter" if interpreter_wanted() else f"Core AI, {self._units or 'all'}"

    def load(self, package: Path, function: str | None) -> Callable[[Arrays], Arrays]:
        runtime: Any = importlib.import_module("coreai.runtime")
        loaded = self._model(package).load_function(function or "main")
        kinds = {name: str(loaded.desc.input_descriptor(name).dtype) for name in loaded.desc.input_names}

        def run(arrays: Arrays) -> Arrays:
            given = {name: runtime.NDArray(array.astype(kinds[name])) for name, array in arrays.items()}
            made = self._loop.run_until_complete(loaded(given))
            return {name: np.array(each.numpy()) for name, each in made.items()}

        return run

    def inputs(self, package: Path, function: str | None) -> frozenset[str]:
        return frozenset(self._model(package).load_function(function or "main").desc.input_names)

    def close(self) -> None:
        """Lets all models go."""
        self._models.clear()
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._open.aclose())
            self._loop.close()

    def _model(self, package: Path) -> Any:
        if package not in self._models:
            asset: Any = importlib.import_module("coreai.authoring").AIModelAsset.load(package)
            entered = self._open.enter_async_context(asset.executable(self._options()))
            self._models[package] = self._loop.run_until_complete(entered)
        return self._models[package]

    def _options(self) -> Any:
        if self._units is None or self._units not in UNITS:
            return None
        runtime: Any = importlib.import_module("coreai.runtime")
        kind = getattr(runtime.ComputeUnitKind, UNITS[self._units])()
        return runtime.SpecializationOptions.from_preferred_compute_unit_kind(kind)


def interpreter_wanted() -> bool:
    """Whether the environment asks for Core AI's interpreter."""
    return os.environ.get(VARIABLE) == INTERPRETER


def why_not_installed(module: str = "coreai") -> str | None:
    """None, or one sentence: Core AI's package is not there, and what to do."""
    if find_spec(module) is not None:
        return None
    return 'Core AI is not installed: run pip install "mezzotint[coreai]".'


def why_not() -> str | None:
    """None where Core AI, or its interpreter when it is asked for, can run; else one sentence why not."""
    if not interpreter_wanted() and not _new_enough_mac():
        return "Core AI needs a Mac with macOS 27 or newer: use another backend here."
    return why_not_installed()


def _new_enough_mac() -> bool:
    version = int(platform.mac_ver()[0].split(".")[0] or 0)
    return sys.platform == "darwin" and version >= _NEWEST_NEEDED
