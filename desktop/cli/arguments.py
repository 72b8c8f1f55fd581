"""What may be written after `mezzotint`, and what it means."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NoReturn

from backends.core.contract import InvalidRequest, unknown
from desktop.cli.compare_options import CompareOptions, add_compare
from desktop.cli.convert_options import CONVERT, ConvertOptions, add_convert
from desktop.cli.download_options import DOWNLOAD, DownloadOptions, add_download
from desktop.cli.fit_options import BenchOptions, FitOptions, add_bench, add_fit
from desktop.cli.generate_options import GENERATE, PLOT, GenerateOptions, PlotOptions, add_generate, add_plot
from desktop.cli.library_options import LibraryOptions, add_library
from desktop.cli.loras_options import LORAS, LorasOptions, add_loras
from desktop.cli.models_options import IMPORT, ImportOptions, ModelsOptions, add_import, add_models
from desktop.cli.option_values import short, size, whole
from desktop.cli.upscale_options import UPSCALE, UpscaleOptions, add_upscale

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
_HELP = "`mezzotint generate --help` lists the options."


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """The options of `mezzotint doctor`."""

    json: bool = False


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in a sentence, as an InvalidRequest."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: "):
            words = message.removeprefix("unrecognized arguments: ")
            raise InvalidRequest(
                f"Nothing is known about: {short(words)}.", f'Put the prompt in "quotes". {_HELP}'
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
        raise unknown("command", short(arguments[0]), COMMANDS)
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
    add_generate(commands.add_parser("generate", help=COMMANDS["generate"], description=GENERATE))
    add_plot(commands.add_parser("plot", help=COMMANDS["plot"], description=PLOT))
    add_convert(commands.add_parser("convert", help=COMMANDS["convert"], description=CONVERT))
    add_library(commands.add_parser("library", help=COMMANDS["library"], description="The library."))
    add_compare(commands.add_parser("compare", help=COMMANDS["compare"]))
    add_fit(commands.add_parser("fit", help=COMMANDS["fit"]), size)
    add_bench(commands.add_parser("bench", help=COMMANDS["bench"]), size, whole("steps", "2 or more"))
    add_models(commands.add_parser("models", help=COMMANDS["models"]))
    add_loras(commands.add_parser("loras", help=COMMANDS["loras"], description=LORAS))
    add_import(commands.add_parser("import", help=COMMANDS["import"], description=IMPORT))
    add_download(commands.add_parser("download", help=COMMANDS["download"], description=DOWNLOAD))
    add_upscale(commands.add_parser("upscale", help=COMMANDS["upscale"], description=UPSCALE))
    doctor = commands.add_parser("doctor", help=COMMANDS["doctor"])
    doctor.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser
