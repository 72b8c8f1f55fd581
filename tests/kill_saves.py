"""Kills the program at random moments while it saves, and looks for anything that was lost.

python -m tests.kill_saves --times 2000     (Linux and macOS)

Every tenth time it is killed while it rebuilds the library. The exit code is 1 when anything was lost or
is wrong, and when fewer pictures were acknowledged than half the kills: then those came too early.
"""

from __future__ import annotations

import argparse
import contextlib
import io
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
SHORT = ("generate", "a panda", "--model", "tiny", "--steps", "1", "--json")
REBUILD = ("library", "rebuild")
MOST_SECONDS = 0.08
"""A picture takes about half as long to save."""
PATIENCE_SECONDS = 10.0
LIVES = 50
"""After so many kills everything begins anew in another folder."""


def warm_up() -> None:
    """Does everything once, so that the children have it all imported and are soon saving."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.environ[paths.HOME_VARIABLE] = folder
        write_model_configs(Path(folder, "models", "tiny"))
        for words in (SHORT, REBUILD, ("library", "list")):
            if run_command(list(words)):
                raise SystemExit(f"mezzotint {' '.join(words)} failed")


def run_and_kill(words: tuple[str, ...], pictures: int) -> list[dict[str, Any]]:
    """Starts the program, and kills it at a random moment after it has saved so many pictures.

    Returns the pictures that it said were saved.
    """
    said = Path(os.environ[paths.HOME_VARIABLE], "said.txt")
    child = os.fork()
    if not child:
        sys.stdout = open(said, "w")  # noqa: SIM115
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os._exit(run_command(list(words)))
    wait_for(said, pictures)
    time.sleep(random.uniform(0.0, MOST_SECONDS))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lines = said.read_text().split("\n")[:-1] if said.exists() else []
    said.unlink(missing_ok=True)
    return [json.loads(line) for line in lines if line.startswith("{")]


def wait_for(said: Path, pictures: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while pictures and time.monotonic() < end:
        if said.exists() and said.read_bytes().count(b"\n") >= pictures:
            return
        time.sleep(0.002)


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
        saved = run_and_kill(REBUILD, 0) if rebuilding else run_and_kill(GENERATE, random.randrange(4))
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
    warm_up()
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
    too_early = counts["acknowledged"] < times / 2
    return 1 if counts["lost"] or counts["wrong"] or too_early else 0


if __name__ == "__main__":
    sys.exit(main())
