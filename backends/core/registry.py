"""Which backends there are, which can run here and why not, and which is best.

A file in `backends/` that defines BACKEND is one: nothing lists them.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import cast

import backends
from backends.core.contract import Backend, BackendUnavailable, unknown
from backends.core.model_folder import made_for

AUTO = "auto"
CONVERTED = "converted_models"
"""The feature of a backend that opens models only once they are converted for it."""


@cache
def all_backends() -> tuple[Backend, ...]:
    """Every backend, the fastest kind of hardware first (its capabilities' `rank`)."""
    names = [module.name for module in pkgutil.iter_modules(backends.__path__) if not module.ispkg]
    found = [cast(Backend, importlib.import_module(f"backends.{name}").BACKEND) for name in sorted(names)]
    return tuple(sorted(found, key=lambda backend: backend.capabilities.rank))


def get_backend(backend_id: str = AUTO, model_folder: Path | None = None) -> Backend:
    """The backend with this id, or with "auto" the best that can run (and read this model).

    Raises InvalidRequest for an unknown id, BackendUnavailable when it can't run here.
    """
    if backend_id == AUTO:
        return _best(None if model_folder is None else made_for(model_folder))
    for backend in all_backends():
        if backend.capabilities.id == backend_id:
            return _able(backend)
    raise unknown("backend", backend_id, [AUTO, *(b.capabilities.id for b in all_backends())])


def _reads(backend: Backend, target: str | None) -> bool:
    if target:
        return backend.capabilities.id == target
    return CONVERTED not in backend.capabilities.features


def _able(backend: Backend) -> Backend:
    if reason := backend.probe():
        raise BackendUnavailable(reason, "Choose another backend; `mezzotint doctor` lists them.")
    return backend


def _best(target: str | None) -> Backend:
    """`target`: the one backend that a converted model is for, or None."""
    able = [backend for backend in all_backends() if _reads(backend, target)]
    for backend in able:
        if backend.probe() is None:
            return backend
    if able and target:
        raise BackendUnavailable(
            f"This model was converted for {able[0].capabilities.name}. {able[0].probe()}",
            "Choose the model that it was made from.",
        )
    raise BackendUnavailable("No backend can run on this machine.", "`mezzotint doctor` says why for each.")
