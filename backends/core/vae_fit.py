"""Whether a VAE's file can stand in for a model's own, by its header and the words beside it. Without torch.

A file is diffusers' folder with a config.json, or a single file with diffusers' names or the first ones; a
single file says nothing of itself, and is taken for what the model's own VAE is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from backends.core import autoencoders
from backends.core.contract import InvalidRequest
from backends.core.header import UNREADABLE, read_entries
from backends.core.model_folder import ModelFolder
from backends.core.shelf import UNNAMED, vae_name

_SCALES = ("scaling_factor", "shift_factor", "latents_mean", "latents_std")
_NEAR = 0.01
"""So far, of the number itself, two scales may lie apart."""
_ARCHITECTURE = "modelspec.architecture"
_OTHER_KIND = {
    "sd1": re.compile(r"(?<![a-z])(sd)?xl(?![a-z])|stable-diffusion-xl", re.IGNORECASE),
    "sdxl": re.compile(
        r"stable-diffusion-v[12]|(?<![a-z])sd-?v?[12](?!\d*xl)|ft-(mse|ema)|kl-f8", re.IGNORECASE
    ),
}
"""By family: how files of the other one call themselves, whose VAE has the same shapes."""
_ANOTHER = "Choose a VAE made for this kind of model, or the model's own."


def check(folder: ModelFolder, file: Path) -> Mapping[str, Any]:
    """The configuration that the VAE has in this model. Raises InvalidRequest for one that does not fit."""
    _check_readable(file)
    found = _config(file)
    config = _like_own(file, folder, found) if found else folder.configs["vae"]
    _check_latents(file, folder)
    if _architecture_says_other(file, folder):
        raise refused(f"{vae_name(file)} is a VAE for another kind of model ({_told(file)}).")
    return config


def doubt(folder: ModelFolder, file: Path | None) -> str:
    """What its name says against it, where its shapes can't tell; or nothing."""
    pattern = _OTHER_KIND.get(folder.facts.family)
    if file is None or pattern is None or not pattern.search(vae_name(file)):
        return ""
    return (
        f"By its name the VAE {vae_name(file)} is for another kind of model. Its shapes fit, but colours "
        "may be wrong."
    )


def _config(file: Path) -> Mapping[str, Any] | None:
    """What config.json says beside a file of diffusers' folder. Raises InvalidRequest."""
    beside = file.parent / "config.json"
    if not file.stem.startswith(UNNAMED) or not beside.is_file():
        return None
    try:
        told: object = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(file) from error
    if not isinstance(told, dict):
        raise _unreadable(file)
    return cast(Mapping[str, Any], told)


def _like_own(file: Path, folder: ModelFolder, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its own make, with the model's own scales, which must be the same where both are told."""
    own, wanted, name = folder.configs["vae"], folder.class_name("vae"), vae_name(file)
    if found.get("_class_name", wanted) != wanted:
        raise refused(f"{name} is no VAE for this model: it is of another make ({found['_class_name']}).")
    try:
        channels, scale = int(found.get("latent_channels", 4)), autoencoders.scale(found)
        factor = float(found.get("scaling_factor", 0) or 0)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(file) from error
    if channels != _channels(folder):
        raise _other_channels(file, channels, folder)
    if scale != (usual := autoencoders.scale(own)):
        raise refused(
            f"{name} is no VAE for this model: its latents are {scale} pixels a side, "
            f"and the model's {usual}."
        )
    if factor and abs(factor - (usual := folder.facts.scaling_factor)) > _NEAR * usual:
        raise refused(
            f"{name} is no VAE for this model: it is for latents that are scaled by {factor:g}, "
            f"and the model's are by {usual:g}."
        )
    kept = {key: value for key, value in found.items() if key not in _SCALES}
    return {**kept, **{key: own[key] for key in _SCALES if key in own}}


def _channels(folder: ModelFolder) -> int:
    return folder.facts.latent_channels // folder.facts.latent_patch**2


def _check_latents(file: Path, folder: ModelFolder) -> None:
    """The first layer of the decoder says how many channels its latents have."""
    for name, entry in _header(file).items():
        if name.endswith("decoder.conv_in.weight") and len(shape := entry["shape"]) == 4:
            if shape[1] != _channels(folder):
                raise _other_channels(file, shape[1], folder)
            return
    raise refused(f"{vae_name(file)} is no VAE for this model.")


def _architecture_says_other(file: Path, folder: ModelFolder) -> bool:
    pattern = _OTHER_KIND.get(folder.facts.family)
    return pattern is not None and bool(pattern.search(_told(file)))


def _told(file: Path) -> str:
    """The architecture that the file's own metadata name, or nothing."""
    metadata: object = _header(file).get("__metadata__")
    told = cast(Mapping[str, object], metadata).get(_ARCHITECTURE) if isinstance(metadata, dict) else None
    return str(told or "")


def _header(file: Path) -> Mapping[str, Any]:
    return read_entries(file)[1]


def _check_readable(file: Path) -> None:
    try:
        base, header = read_entries(file)
        ends = [int(each["data_offsets"][1]) for name, each in header.items() if name != "__metadata__"]
        whole = bool(ends) and file.stat().st_size == base + max(ends)
        all(tuple(each["shape"]) or True for name, each in header.items() if name != "__metadata__")
    except UNREADABLE as error:
        raise _unreadable(file) from error
    if not whole:
        raise _unreadable(file)


def _unreadable(file: Path) -> InvalidRequest:
    return InvalidRequest(f"The VAE {file.name} is damaged and can't be read.", "Get it again.")


def _other_channels(file: Path, channels: int, folder: ModelFolder) -> InvalidRequest:
    own = _channels(folder)
    return refused(
        f"{vae_name(file)} is no VAE for this model: its latents have {channels} channels, "
        f"and the model's {own}."
    )


def refused(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, _ANOTHER)
