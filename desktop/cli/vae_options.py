"""The option for a VAE in place of the model's own: a name or a file, as in A1111's settings."""

from __future__ import annotations

import argparse
from pathlib import Path

from backends.core.contract import InvalidRequest
from backends.core.shelf import vae_name
from desktop.library import paths
from desktop.library.plot_settings import OWN_VAE

_ENDINGS = (".safetensors", ".pt", ".ckpt", ".bin")
_WEIGHTS = "diffusion_pytorch_model*.safetensors"


def add_vae(parser: argparse.ArgumentParser) -> None:
    """--vae."""
    parser.add_argument(
        "--vae",
        metavar="NAME",
        help=f"another VAE by name, .safetensors file or folder, in place of the model's own ({OWN_VAE})",
    )


def find_vae(text: str | None, known: str | None = None) -> tuple[str, tuple[Path, ...]]:
    """The VAE's name, "" for the model's own, and its file where one was given; else what is `known`.

    Raises InvalidRequest.
    """
    if text is None:
        return known or "", ()
    if text.casefold() == OWN_VAE:
        return "", ()
    path = paths.expand(text).absolute()
    if path.is_dir() and (files := sorted(path.glob(_WEIGHTS))):
        return vae_name(files[0]), (files[0],)
    if not text.lower().endswith(_ENDINGS):
        return text, ()
    if not path.is_file():
        raise InvalidRequest(f"There is no VAE {text}.", "Give a VAE's .safetensors file, or its name.")
    if path.suffix.lower() != _ENDINGS[0]:
        raise InvalidRequest(
            f"The VAE {path.name} is a pickle, which can hold more than numbers.",
            "Get it as a .safetensors file.",
        )
    return vae_name(path), (path,)
