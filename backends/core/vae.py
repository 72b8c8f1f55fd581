"""Another VAE in place of a model's own: found by name, put into its folder's place (see vae_fit.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from backends.core import vae_fit
from backends.core.contract import BrokenModel, InvalidRequest, Request, Stages, VaeRefused
from backends.core.model_folder import Borrowed, ModelFolder, sha256
from backends.core.shelf import Shelf, vae_name
from backends.core.streaming_files import build_empty, open_weights


def use(request: Request, stages: Stages, shelf: Shelf) -> dict[str, str]:
    """From now on the stages have the VAE that the request names, or their own; for the provenance: its
    file's SHA-256. Raises VaeRefused."""
    try:
        file = shelf.vae(request.vae) if request.vae else None
        _hand(stages, file)
    except InvalidRequest as error:
        raise VaeRefused(error.message, error.action) from error
    return {} if file is None else {"vae": request.vae, "vae_hash": _digest(file, file.stat().st_mtime_ns)}


def _hand(stages: Stages, file: Path | None) -> None:
    take: Callable[[Path | None], None] | None = getattr(stages, "use_vae", None)
    if take is not None:
        take(file)
    elif file is not None:
        raise InvalidRequest(
            "A converted model has its VAE within it and can't take another one.",
            "Choose the model's own VAE, or the model that it was made from.",
        )


def replaced(folder: ModelFolder, file: Path | None) -> ModelFolder:
    """The folder with this VAE in place of its own. Raises InvalidRequest for one that does not fit."""
    if file is None:
        return folder
    config = vae_fit.check(folder, file)
    made = replace(folder, configs={**folder.configs, "vae": config}, borrowed=Borrowed(file))
    _check_shapes(file, made)
    return made


def _check_shapes(file: Path, folder: ModelFolder) -> None:
    try:
        open_weights(folder, "vae", build_empty(folder, "vae")).close()
    except (BrokenModel, KeyError, ValueError, TypeError) as error:
        raise vae_fit.refused(
            f"{vae_name(file)} is no VAE for this model: its layers have other shapes."
        ) from error


@lru_cache(maxsize=8)
def _digest(file: Path, changed: int) -> str:
    return sha256(file)
