"""What may be written after `mezzotint`, and what it means."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, NoReturn

from backends.core.contract import SAMPLERS, InvalidRequest, unknown
from desktop.cli.compare_options import CompareOptions, add_compare
from desktop.cli.control_options import add_control
from desktop.cli.convert_options import CONVERT, ConvertOptions, add_convert
from desktop.cli.download_options import DOWNLOAD, DownloadOptions, add_download
from desktop.cli.fit_options import BenchOptions, FitOptions, add_bench, add_fit
from desktop.cli.hires_options import Target, add_hires
from desktop.cli.inpaint_options import add_inpaint
from desktop.cli.lora_options import add_lora
from desktop.cli.loras_options import LORAS, LorasOptions, add_loras
from desktop.cli.models_options import IMPORT, ImportOptions, ModelsOptions, add_import, add_models
from desktop.cli.reference_options import add_reference
from desktop.cli.refiner_options import add_refiner
from desktop.cli.tile_options import add_vae_tile
from desktop.cli.upscale_options import UPSCALE, UpscaleOptions, add_upscale
from desktop.library.plots import SETTINGS

COMMANDS = {
    "generate": "make pictures from a prompt",
    "plot": "make a picture for each pair of values of two settings, on one sheet and a page",
    "upscale": "make a picture larger, by Lanczos or with an upscaler",
    "library": "list the pictures made, or check, rebuild, back up or restore the list of them",
    "models": "list the installed models, and those of other programs",
    "loras": "list the LoRAs, embeddings and lists of wildcards that a prompt can name",
    "import": "make a model of a file or a folder from elsewhere",
    "download": "fetch a model from a hub, or list those worth having",
    "convert": "make a model ready for other hardware, such as Core ML on a Mac",
    "doctor": "say what can run on this machine, and what to do about what can't",
    "fit": "say whether models fit into this machine's memory, and what to do if not",
    "bench": "measure how fast this machine makes pictures, and in how much memory",
    "compare": "make one request with several backends, and say how far the pictures are apart",
}
LIBRARY_ACTIONS = {
    "list": "the pictures, the newest first",
    "check": "compare the library with the pictures on disk; exits with 1 when anything is wrong",
    "rebuild": "make the library anew from the pictures' own recipes",
    "backup": "copy the database now, besides the daily copies",
    "restore": "go back to the newest backup that is whole; pictures made since stay listed",
}
_HELP = "`mezzotint generate --help` lists the options."


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


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """The options of `mezzotint doctor`."""

    json: bool = False


@dataclass(frozen=True, kw_only=True)
class LibraryOptions:
    """The options of `mezzotint library`: one of LIBRARY_ACTIONS, and for "list" what to look for."""

    action: str
    query: str | None = None
    json: bool = False


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in a sentence, as an InvalidRequest."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: "):
            words = message.removeprefix("unrecognized arguments: ")
            raise InvalidRequest(
                f"Nothing is known about: {_short(words)}.", f'Put the prompt in "quotes". {_HELP}'
            )
        if "expected one argument" in message:
            option = message.removeprefix("argument ").split(":")[0]
            raise InvalidRequest(
                f"{option} needs a value.",
                f"If it starts with a hyphen, write {option.split('/')[-1]}=VALUE.",
            )
        raise InvalidRequest(f"{message[:1].upper()}{message[1:]}.", _HELP)


Options = (
    GenerateOptions
    | PlotOptions
    | LibraryOptions
    | InspectOptions
    | ConvertOptions
    | BenchOptions
    | FitOptions
    | CompareOptions
    | ModelsOptions
    | LorasOptions
    | ImportOptions
    | DownloadOptions
    | UpscaleOptions
)


def parse(arguments: list[str]) -> tuple[str, Options]:
    """The command and its options. Raises InvalidRequest; SystemExit(0) after --help and --version."""
    parser = _make_parser()
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        raise unknown("command", _short(arguments[0]), COMMANDS)
    values = vars(parser.parse_args(arguments))
    command = values.pop("command")
    if command is None:
        raise InvalidRequest("No command was given.", f"Use one of: {', '.join(COMMANDS)}.")
    kinds: dict[str, type[Options]] = {
        "generate": GenerateOptions,
        "plot": PlotOptions,
        "library": LibraryOptions,
        "convert": ConvertOptions,
        "bench": BenchOptions,
        "fit": FitOptions,
        "compare": CompareOptions,
        "models": ModelsOptions,
        "loras": LorasOptions,
        "import": ImportOptions,
        "download": DownloadOptions,
        "upscale": UpscaleOptions,
    }
    return command, kinds.get(command, InspectOptions)(**values)


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mezzotint",
        description="Pictures from text, offline. Without a command it opens the window.",
        epilog='Example: mezzotint generate "a panda eating tacos at the beach"',
    )
    parser.add_argument("--version", action="version", version=f"Mezzotint {version('mezzotint')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_generate(commands.add_parser("generate", help=COMMANDS["generate"], description=_GENERATE))
    _add_plot(commands.add_parser("plot", help=COMMANDS["plot"], description=_PLOT))
    add_convert(commands.add_parser("convert", help=COMMANDS["convert"], description=CONVERT))
    _add_library(commands.add_parser("library", help=COMMANDS["library"], description="The library."))
    add_compare(commands.add_parser("compare", help=COMMANDS["compare"]))
    add_fit(commands.add_parser("fit", help=COMMANDS["fit"]), _size)
    add_bench(commands.add_parser("bench", help=COMMANDS["bench"]), _size, _whole("steps", "2 or more"))
    add_models(commands.add_parser("models", help=COMMANDS["models"]))
    add_loras(commands.add_parser("loras", help=COMMANDS["loras"], description=LORAS))
    add_import(commands.add_parser("import", help=COMMANDS["import"], description=IMPORT))
    add_download(commands.add_parser("download", help=COMMANDS["download"], description=DOWNLOAD))
    add_upscale(commands.add_parser("upscale", help=COMMANDS["upscale"], description=UPSCALE))
    doctor = commands.add_parser("doctor", help=COMMANDS["doctor"])
    doctor.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser


_GENERATE = (
    "Make pictures from a prompt. What is not given comes from the model, or from the picture of --like."
)


def _add_generate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("prompt", nargs="?", metavar="PROMPT", help='what the picture shows, in "quotes"')
    add("--negative", metavar="TEXT", help="what it should not show")
    add("--model", metavar="MODEL", help="an installed model's name, or a model's folder (starter)")
    add("--models", metavar="FOLDER", action="append", default=[], help="also look for MODEL in this folder")
    add("--backend", metavar="ID", help="the hardware to use; `mezzotint doctor` lists them (auto)")
    add("--size", metavar="WxH", type=_size, help="width and height in pixels, such as 512x512")
    add("--steps", metavar="N", type=_whole("number of steps", "1 to 1000"), help="denoising steps")
    add(
        "--guidance",
        metavar="X",
        type=_number("guidance scale", "0 to 100"),
        help="how closely to follow the prompt",
    )
    add("--sampler", metavar="ID", type=_sampler, help=", ".join(SAMPLERS))
    add(
        "--seed",
        metavar="N",
        type=_whole("seed", "0 or more"),
        help="the same seed makes the same picture (random)",
    )
    add(
        "--count",
        metavar="N",
        type=_whole("count", "1 to 1000"),
        help="how many pictures, one seed after the other",
    )
    add("--init", "--start", metavar="PICTURE", help="start from this PNG, JPEG or WebP picture")
    add(
        "--strength",
        metavar="X",
        type=_number("strength", "0 to 1"),
        help="how far to leave it, 0 to 1 (0.75)",
    )
    add_inpaint(parser)
    add_reference(parser)
    add_control(parser)
    add_refiner(parser)
    add_hires(parser)
    add(
        "--clip-skip",
        metavar="N",
        type=_whole("clip skip", "0 to 11"),
        help="text encoder layers to skip (0)",
    )
    add_lora(parser)
    add("--memory", metavar="AMOUNT", help="the most memory the model may take, such as 3GB (CPU)")
    add_vae_tile(parser)
    add("--out", metavar="PATH", help="a .png file, or a folder; nothing is ever overwritten")
    add("--like", metavar="PICTURE", help="repeat this PNG: its recipe is used for whatever is not given")
    add("--json", action="store_true", help="print one JSON line a picture, once it is safely on disk")
    add("--quiet", action="store_true", help="print the pictures' paths only")


_PLOT = (
    'An axis is a setting and its values: --x steps=4,8,16 --y "guidance=1-7 (+2)". Settings: '
    f"{', '.join(SETTINGS)}, lora:NAME. Of prompt=fox,cat,dog the first is what stands in the prompt. "
    "The other options are those of `mezzotint generate`."
)


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--x", metavar="AXIS", required=True, help="what changes from left to right")
    parser.add_argument("--y", metavar="AXIS", help="what changes from top to bottom")
    _add_generate(parser)


def _add_library(parser: argparse.ArgumentParser) -> None:
    actions = "; ".join(f"{name}: {what}" for name, what in LIBRARY_ACTIONS.items())
    parser.add_argument("action", metavar="ACTION", type=_library_action, help=actions)
    parser.add_argument(
        "query", nargs="?", metavar="WORDS", help='for list: "panda model:starter seed:7 after:2026-11 star:"'
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line a picture, for programs")


def _library_action(text: str) -> str:
    if text not in LIBRARY_ACTIONS:
        raise unknown("library command", _short(text), LIBRARY_ACTIONS)
    return text


def _whole(name: str, values: str) -> Callable[[str], int]:
    def parse_whole(text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise InvalidRequest(
                f"The {name} must be a whole number, and {_short(text)!r} can't be used.", f"Use {values}."
            ) from error

    return parse_whole


def _number(name: str, values: str) -> Callable[[str], float]:
    def parse_number(text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            raise InvalidRequest(
                f"The {name} must be a number, and {_short(text)!r} can't be used.", f"Use {values}."
            ) from error

    return parse_number


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*[x×*]\s*([0-9]{1,9})\s*", text, re.IGNORECASE)
    if match is None:
        raise InvalidRequest(
            f"The size must be a width and a height, and {_short(text)!r} can't be used.",
            "Use pixels, both multiples of 8, such as 512x512.",
        )
    return int(match[1]), int(match[2])


def _sampler(text: str) -> str:
    """An id, or the name people know the sampler by."""
    ids = {label.casefold(): sampler for sampler, label in SAMPLERS.items()}
    wanted = ids.get(text.casefold(), text.casefold())
    if wanted not in SAMPLERS:
        raise unknown("sampler", _short(text), SAMPLERS)
    return wanted


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."
