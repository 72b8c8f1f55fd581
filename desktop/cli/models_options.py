"""What may be written after `mezzotint models` and `mezzotint import`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

IMPORT = (
    "Make a model of a single file (.safetensors, .ckpt, .gguf) or a folder that another program uses. "
    "What the file is, is told by what it holds; the file stays as it is."
)
KINDS = ("lora", "controlnet", "upscaler", "embedding", "vae")
PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction"}


@dataclass(frozen=True, kw_only=True)
class ModelsOptions:
    """The options of `mezzotint models`. `models` are further folders to look through."""

    models: list[str] = field(default_factory=list[str])
    elsewhere: bool = False
    json: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The options of `mezzotint import`; None for what was not given."""

    source: str
    name: str | None = None
    base: str | None = None
    others: list[str] = field(default_factory=list[str])
    beside: list[str] = field(default_factory=list[str])
    prediction: str | None = None
    kind: str | None = None
    ask: bool = False
    json: bool = False
    quiet: bool = False


def add_models(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--models",
        metavar="FOLDER",
        action="append",
        default=[],
        help="also this folder: of models, of A1111, ComfyUI or Draw Things, or a hub's cache",
    )
    add("--elsewhere", action="store_true", help="also where other programs usually keep their models")
    add("--json", action="store_true", help="print one JSON object, for programs")


def add_import(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    kinds = "a .safetensors, .ckpt or .gguf file, or a folder in the diffusers layout"
    add("source", metavar="FILE", help=kinds)
    add("--name", metavar="NAME", help="what to call it (the file's name)")
    add(
        "--base",
        metavar="MODEL",
        help="for a part alone (a VAE, a UNet, a text encoder): where the rest is from",
    )
    add(
        "--with",
        dest="others",
        metavar="FILE",
        action="append",
        default=[],
        help="another part of the same model (Z-Image, FLUX.2 klein): its text encoder or its VAE",
    )
    add(
        "--beside",
        metavar="FILE",
        action="append",
        default=[],
        help="a file that came with it: taken as by --with if it holds another part of the model",
    )
    add(
        "--as",
        dest="kind",
        choices=KINDS,
        help="no model: link or copy the file to the LoRAs, ControlNets, upscalers, embeddings or VAEs",
    )
    add(
        "--ask",
        action="store_true",
        help="print what has to be decided first as one JSON object, and import nothing then",
    )
    add("--prediction", choices=PREDICTIONS, help="what the model predicts, for a file that doesn't say")
    add("--json", action="store_true", help="print one JSON object, for programs")
    add("--quiet", action="store_true", help="print the new model's folder only")
