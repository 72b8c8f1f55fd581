"""What may be written after `mezzotint library`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from backends.core.contract import unknown
from desktop.cli.option_values import short

LIBRARY_ACTIONS = {
    "list": "the pictures, the newest first",
    "check": "compare the library with the pictures on disk; exits with 1 when anything is wrong",
    "rebuild": "make the library anew from the pictures' own recipes",
    "backup": "copy the database now, besides the daily copies",
    "restore": "go back to the newest backup that is whole; pictures made since stay listed",
}


@dataclass(frozen=True, kw_only=True)
class LibraryOptions:
    """The options of `mezzotint library`: one of LIBRARY_ACTIONS, and for "list" what to look for."""

    action: str
    query: str | None = None
    json: bool = False


def add_library(parser: argparse.ArgumentParser) -> None:
    actions = "; ".join(f"{name}: {what}" for name, what in LIBRARY_ACTIONS.items())
    parser.add_argument("action", metavar="ACTION", type=_library_action, help=actions)
    parser.add_argument(
        "query", nargs="?", metavar="WORDS", help='for list: "panda model:starter seed:7 after:2026-11 star:"'
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line a picture, for programs")


def _library_action(text: str) -> str:
    if text not in LIBRARY_ACTIONS:
        raise unknown("library command", short(text), LIBRARY_ACTIONS)
    return text
