"""`mezzotint doctor`: what is here, and what can run."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backends.core.contract import Backend, BackendUnavailable
from desktop.cli.arguments import InspectOptions
from desktop.cli.models import Look, as_plain, look_at, print_model
from desktop.cli.show import printable
from desktop.library import paths
from desktop.library.models import installed_models

_LIBRARIES = ("torch", "diffusers", "transformers", "coremltools", "bitsandbytes", "PySide6-Essentials")


def run_doctor(options: InspectOptions) -> int:
    """Prints what can run here. Returns 0 when a backend can and a model is whole, else 1."""
    from backends.core.registry import all_backends

    backends = all_backends()
    models = [look_at(model) for model in installed_models()]
    automatic = _automatic()
    if options.json:
        print(json.dumps(_diagnosis_as_plain(backends, automatic, models)))
    else:
        _print_diagnosis(backends, automatic, models)
    return 0 if automatic and any(model.facts for model in models) else 1


def _automatic() -> str | None:
    from backends.core.registry import get_backend

    try:
        return get_backend().capabilities.id
    except BackendUnavailable:
        return None


def _versions() -> dict[str, str]:
    found = {"mezzotint": version("mezzotint"), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _folders() -> dict[str, str]:
    return {"pictures": str(paths.pictures_folder()), "models": str(paths.models_folder())}


def _diagnosis_as_plain(
    backends: tuple[Backend, ...], automatic: str | None, models: list[Look]
) -> dict[str, Any]:
    return {
        "versions": _versions(),
        "system": platform.platform(),
        "python": sys.executable,
        "folders": _folders(),
        "automatic_backend": automatic,
        "backends": [_backend_as_plain(backend) for backend in backends],
        "models": [as_plain(model) for model in models],
    }


def _backend_as_plain(backend: Backend) -> dict[str, Any]:
    able, problem = backend.capabilities, backend.probe()
    return {
        "id": able.id,
        "name": able.name,
        "hardware": able.hardware,
        "can_run": problem is None,
        "problem": problem,
        "checked_on_hardware": able.checked_on_hardware,
    }


def _print_diagnosis(backends: tuple[Backend, ...], automatic: str | None, models: list[Look]) -> None:
    libraries = _versions()
    own = libraries.pop("mezzotint")
    print(f"Mezzotint {own} on {platform.platform()}")
    print(", ".join(f"{name} {number}" for name, number in libraries.items()))
    print("\nBackends, the fastest kind of hardware first:")
    for backend in backends:
        _print_backend(backend, automatic)
    if automatic is None:
        print("  None of them can run on this machine.")
    print("\nModels:")
    for model in models:
        print_model(model)
    for name, folder in _folders().items():
        print(f"{name.capitalize()} folder: {printable(folder)}{_missing(folder)}")


def _print_backend(backend: Backend, automatic: str | None) -> None:
    able, problem = backend.capabilities, backend.probe()
    print(f"  {able.id}: {able.name}, for {able.hardware}")
    if problem is None:
        chosen = "; this is the automatic choice" if able.id == automatic else ""
        print(f"    can run here{chosen}")
    else:
        print(f"    can't run here. {printable(problem)}")
    if not able.checked_on_hardware:
        print("    (not yet tried on the real hardware)")


def _missing(folder: str) -> str:
    return "" if Path(folder).is_dir() else " (made when needed)"
