"""What may be written after `mezzotint generate` and `mezzotint plot`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from backends.core.contract import SAMPLERS
from desktop.cli.control_options import add_control
from desktop.cli.depth_options import add_depth
from desktop.cli.hires_options import Target, add_hires
from desktop.cli.inpaint_options import add_inpaint
from desktop.cli.lora_options import add_lora
from desktop.cli.option_values import number, sampler, size, whole
from desktop.cli.reference_options import add_reference
from desktop.cli.refiner_options import add_refiner
from desktop.cli.tile_options import add_vae_tile
from desktop.cli.vae_options import add_vae
from desktop.library.plots import SETTINGS


@dataclass(frozen=True, kw_only=True)
class GenerateOptions:
    """The options of `mezzotint generate`; None for what was not given."""

    prompt: str | None = None
    negative: str | None = None
    model: str | None = None
    models: list[str] = field(default_factory=list[str])
    backend: str | None = None
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    seed: int | None = None
    count: int | None = None
    init: str | None = None
    strength: float | None = None
    mask: str | None = None
    feather: int | None = None
    extend: tuple[int, int, int, int] | None = None
    control: list[str] = field(default_factory=list[str])
    reference: list[str] = field(default_factory=list[str])
    refiner: str | None = None
    hires: Target | None = None
    hires_steps: int | None = None
    hires_strength: float | None = None
    hires_by: str | None = None
    clip_skip: int | None = None
    lora: list[str] = field(default_factory=list[str])
    memory: str | None = None
    vae: str | None = None
    depth: str | None = None
    vae_tile: str | None = None
    out: str | None = None
    like: str | None = None
    json: bool = False
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class PlotOptions(GenerateOptions):
    """The options of `mezzotint plot`: those of `generate`, and the axes as they are written."""

    x: str
    y: str | None = None


GENERATE = (
    "Make pictures from a prompt. What is not given comes from the model, or from the picture of --like."
)


def add_generate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("prompt", nargs="?", metavar="PROMPT", help='what the picture shows, in "quotes"')
    add("--negative", metavar="TEXT", help="what it should not show")
    add("--model", metavar="MODEL", help="an installed model's name, or a model's folder (starter)")
    add("--models", metavar="FOLDER", action="append", default=[], help="also look for MODEL in this folder")
    add("--backend", metavar="ID", help="the hardware to use; `mezzotint doctor` lists them (auto)")
    add("--size", metavar="WxH", type=size, help="width and height in pixels, such as 512x512")
    add("--steps", metavar="N", type=whole("number of steps", "1 to 1000"), help="denoising steps")
    add(
        "--guidance",
        metavar="X",
        type=number("guidance scale", "0 to 100"),
        help="how closely to follow the prompt",
    )
    add("--sampler", metavar="ID", type=sampler, help=", ".join(SAMPLERS))
    add(
        "--seed",
        metavar="N",
        type=whole("seed", "0 or more"),
        help="the same seed makes the same picture (random)",
    )
    add(
        "--count",
        metavar="N",
        type=whole("count", "1 to 1000"),
        help="how many pictures, one seed after the other",
    )
    add("--init", "--start", metavar="PICTURE", help="start from this PNG, JPEG or WebP picture")
    add(
        "--strength",
        metavar="X",
        type=number("strength", "0 to 1"),
        help="how far to leave it, 0 to 1 (0.75)",
    )
    add_depth(parser)
    add_inpaint(parser)
    add_reference(parser)
    add_control(parser)
    add_refiner(parser)
    add_hires(parser)
    add(
        "--clip-skip",
        metavar="N",
        type=whole("clip skip", "0 to 11"),
        help="text encoder layers to skip (0)",
    )
    add_lora(parser)
    add("--memory", metavar="AMOUNT", help="the most memory the model may take, such as 3GB (CPU)")
    add_vae(parser)
    add_vae_tile(parser)
    add("--out", metavar="PATH", help="a .png file, or a folder; nothing is ever overwritten")
    add("--like", metavar="PICTURE", help="repeat this PNG: its recipe is used for whatever is not given")
    add("--json", action="store_true", help="print one JSON line a picture, once it is safely on disk")
    add("--quiet", action="store_true", help="print the pictures' paths only")


PLOT = (
    'An axis is a setting and its values: --x steps=4,8,16 --y "guidance=1-7 (+2)". Settings: '
    f"{', '.join(SETTINGS)}, lora:NAME. Of prompt=fox,cat,dog the first is what stands in the prompt. "
    "The other options are those of `mezzotint generate`."
)


def add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--x", metavar="AXIS", required=True, help="what changes from left to right")
    parser.add_argument("--y", metavar="AXIS", help="what changes from top to bottom")
    add_generate(parser)
