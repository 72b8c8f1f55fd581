"""Which backends there are, which can run here and why not, and which is best.

A file in `backends/` that defines BACKEND is one: nothing lists them.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

import backends
from backends.core.contract import Backend, BackendUnavailable, unknown

AUTO = "auto"


@cache
def all_backends() -> tuple[Backend, ...]:
    """Every backend, the fastest kind of hardware first (its capabilities' `rank`)."""
    names = [module.name for module in pkgutil.iter_modules(backends.__path__) if not module.ispkg]
    found = [cast(Backend, importlib.import_module(f"backends.{name}").BACKEND) for name in sorted(names)]
    return tuple(sorted(found, key=lambda backend: backend.capabilities.rank))


def get_backend(backend_id: str = AUTO) -> Backend:
    """The backend with this id, or with "auto" the best that can run.

    Raises InvalidRequest for an unknown id, BackendUnavailable when it can't run here.
    """
    if backend_id == AUTO:
        return _best()
    for backend in all_backends():
        if backend.capabilities.id == backend_id:
            return _able(backend)
    raise unknown("backend", backend_id, [AUTO, *(b.capabilities.id for b in all_backends())])


def _able(backend: Backend) -> Backend:
    if reason := backend.probe():
        raise BackendUnavailable(reason, "Choose another backend; `mezzotint doctor` lists them.")
    return backend


def _best() -> Backend:
    for backend in all_backends():
        if backend.probe() is None:
            return backend
    raise BackendUnavailable("No backend can run on this machine.", "`mezzotint doctor` says why for each.")
