"""What may be written after `mezzotint download`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

DOWNLOAD = (
    "Fetch a model from the Hugging Face hub, or from the mirror that HF_ENDPOINT names. Ctrl+C pauses: "
    "the same command goes on where it was, tomorrow too. Nothing is fetched unless Offline is off."
)


@dataclass(frozen=True, kw_only=True)
class DownloadOptions:
    """The options of `mezzotint download`; None for what was not given."""

    model: str | None = None
    revision: str | None = None
    name: str | None = None
    list: bool = False
    check: bool = False
    discard: str | None = None
    sign_in: bool = False
    sign_out: bool = False
    online: bool = False
    offline: bool = False
    json: bool = False
    quiet: bool = False


def add_download(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", nargs="?", metavar="NAME", help="a name from --list, or owner/name on the hub")
    add("--list", action="store_true", help="models worth having, whether they fit here, and what waits")
    add(
        "--check", action="store_true", help="only say what it is, how large, its licence and whether it fits"
    )
    add("--revision", metavar="REVISION", help="a branch, a tag or a commit (main); its commit is kept")
    add("--name", metavar="NAME", help="what to call it here (the hub's name)")
    add("--discard", metavar="NAME", help="drop a download that waits, and what came of it")
    add("--sign-in", action="store_true", help="ask for the hub's token and keep it in the system's keyring")
    add("--sign-out", action="store_true", help="remove that token")
    add("--online", action="store_true", help="turn the setting Offline off")
    add("--offline", action="store_true", help="turn the setting Offline on")
    add("--json", action="store_true", help="print JSON lines: progress, then the model")
    add("--quiet", action="store_true", help="print the new model's folder only")
