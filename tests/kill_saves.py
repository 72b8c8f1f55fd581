"""Kills the program at random moments while it saves, and looks for anything that was lost.

python -m tests.kill_saves --times 2000     (Linux and macOS)

Every tenth time it is killed while it rebuilds the library, or opens it for the first time.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from desktop.cli.app import run_command
from desktop.library import paths
from desktop.library.check import check_library
from desktop.library.database import open_library
from desktop.library.problems import LibraryDamaged, LibraryProblem
from desktop.library.rebuild import rebuild_library
from desktop.library.search import find_pictures
from desktop.library.startup import open_at_start
from tests.fakes import fake_engine_modules, write_model_configs

GENERATE = ("generate", "a panda", "--model", "tiny", "--count", "1000", "--steps", "1", "--json")
REBUILD = ("library", "rebuild")
LIVES = 50
"""After so many kills everything begins anew in another folder."""


def run_and_kill(words: tuple[str, ...], delay: float) -> list[dict[str, Any]]:
    """Starts the program, kills it after so many seconds, and returns the pictures it said were saved."""
    said = Path(os.environ[paths.HOME_VARIABLE], "said.txt")
    child = os.fork()
    if not child:
        sys.stdout = open(said, "w")  # noqa: SIM115
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os._exit(run_command(list(words)))
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lines = said.read_text().split("\n")[:-1] if said.exists() else []
    said.unlink(missing_ok=True)
    return [json.loads(line) for line in lines if line.startswith("{")]


def lost_now(acknowledged: list[dict[str, Any]]) -> list[str]:
    """What of the pictures just acknowledged isn't in the library, before anything is put right."""
    if not acknowledged:
        return []
    with open_library() as library:
        rows = {(str(picture.path), picture.sha256) for picture in find_pictures(library)}
    return [line["path"] for line in acknowledged if (line["path"], line["sha256"]) not in rows]


def open_or_rebuild(counts: Counter[str]) -> None:
    try:
        open_at_start().close()
    except LibraryDamaged:
        counts["rebuilt"] += 1
        rebuild_library()


def look_closely(acknowledged: list[dict[str, Any]], counts: Counter[str]) -> None:
    """Every row, every file, every hash, once orphans are adopted."""
    open_or_rebuild(counts)
    with open_library() as library:
        counts["wrong"] += sum(1 for _ in check_library(library))
        rows = {(str(picture.path), picture.sha256) for picture in find_pictures(library)}
    counts["lost"] += sum((line["path"], line["sha256"]) not in rows for line in acknowledged)
    for path in paths.pictures_folder().glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    counts["files"] += len(rows)


def live(folder: Path, times: int, counts: Counter[str]) -> None:
    """So many kills in one folder."""
    os.environ[paths.HOME_VARIABLE] = str(folder)
    write_model_configs(folder / "models" / "tiny")
    acknowledged: list[dict[str, Any]] = []
    for number in range(times):
        rebuilding = number % 10 == 9
        saved = run_and_kill(REBUILD if rebuilding else GENERATE, random.uniform(0.0, 0.25))
        counts["acknowledged"] += len(saved)
        counts["killed"] += 1
        if rebuilding:
            open_or_rebuild(counts)
        counts["lost"] += len(lost_now(saved))
        acknowledged += [line for line in saved if "sha256" in line]
    look_closely(acknowledged, counts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    times = parser.parse_args().times
    sys.modules.update(fake_engine_modules([]))
    for module in ("generate", "library"):
        importlib.import_module(f"desktop.cli.{module}")  # here, so that children are soon at work
    counts = Counter[str](lost=0, wrong=0, rebuilt=0)
    while (left := times - counts["killed"]) > 0:
        with tempfile.TemporaryDirectory() as folder:
            try:
                live(Path(folder), min(LIVES, left), counts)
            except LibraryProblem as error:
                print(error, file=sys.stderr)
                counts["wrong"] += 1
                break
    print(json.dumps(counts))
    return 1 if counts["lost"] or counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
