"""Builds a large library and measures the window over it: start, first gallery page, memory.

python -m tests.window_figures [--pictures 100000] [--starts 3] [--home FOLDER]

`--home` keeps the library for the next time. Prints one line of JSON with medians of so many starts;
the exit code is 1 when one is over its limit.

"warm": the program was started a moment before. "cold": the system's file cache was emptied first, so that
Python, Qt, the program and the database come from the disk (Linux, as root; null elsewhere). Either
way Python's bytecode is on the disk, as an installer leaves it, and the thumbnails of the first page are.

shown_seconds          from the start of the process until the window is painted
first_page_seconds     from the click on "Gallery" until the first page of pictures is painted
thumbnails_seconds     the same, until all their thumbnails are in it
slowest_frame_seconds  the slowest paint while scrolling through all pictures in 200 leaps
memory_mb              resident memory of the window's process after that
heavy_modules          torch and its kin, where the window's process has imported them: never
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from backends.core.contract import Picture
from desktop.library import paths
from desktop.library.database import open_library
from desktop.library.index import put_picture, read_picture_file
from desktop.library.pictures import encode_picture
from desktop.library.search import count_pictures
from tests.library_pictures import RECORD
from tests.window_measure import BEGAN

LIMITS = {"shown_seconds": 1.5, "first_page_seconds": 0.2, "memory_mb": 400.0}
_KINDS = 200
_IN_FOLDER = 2500
_WORDS = [
    "panda",
    "fox",
    "lighthouse",
    "beach",
    "snow",
    "storm",
    "tacos",
    "sea",
    "night",
    "forest",
    "oil",
    "painting",
    "photo",
    "of",
    "a",
    "red",
    "blue",
]


def build(pictures: int) -> None:
    """So many pictures, of which few differ in their pixels: all others are hard links."""
    with open_library() as library:
        if count_pictures(library) >= pictures:
            return
        originals = [_original(kind) for kind in range(_KINDS)]
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        with library.write() as connection:
            for number in range(pictures):
                file = originals[number % _KINDS]
                folder = paths.pictures_folder() / str(number // _IN_FOLDER)
                folder.mkdir(exist_ok=True)
                path = folder / f"{number}.png"
                os.link(file.path, path)
                words = " ".join(_WORDS[(number * k + k) % len(_WORDS)] for k in range(1, 9))
                created = (begin + timedelta(minutes=number * 20)).isoformat(timespec="seconds")
                record = replace(
                    file.record, prompt=f"{words}, number {number}", seed=number, created=created
                )
                put_picture(connection, replace(file, path=path, record=record))


def _original(kind: int):
    folder = paths.pictures_folder().with_name("originals")
    folder.mkdir(parents=True, exist_ok=True)
    paths.pictures_folder().mkdir(exist_ok=True)
    path = folder / f"{kind}.png"
    rgb = bytes((kind, kind * 7 % 256, kind * 31 % 256)) * (256 * 256)
    path.write_bytes(encode_picture(Picture(256, 256, rgb), replace(RECORD, width=256, height=256)))
    return read_picture_file(path)


def drop_caches() -> bool:
    """Empties the system's file cache, where we may."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def run(home: Path, pictures: int, starts: int) -> int:
    """Builds, measures in processes of their own, and compares with the limits."""
    os.environ[paths.HOME_VARIABLE] = str(home)
    build(pictures)
    _start(home)  # so that bytecode and thumbnails are there
    cold = [_start(home) for _ in range(starts) if drop_caches()]
    warm = [_start(home) for _ in range(starts)]
    figures = {"cold": _middle(cold) if cold else None, "warm": _middle(warm)}
    print(json.dumps(figures))
    return 1 if any(_too_much(each) for each in figures.values() if each) else 0


def _start(home: Path) -> dict[str, Any]:
    apart = {"PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in apart}
    environment["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")
    environment[BEGAN] = repr(time.monotonic())
    command = [sys.executable, "-m", "tests.window_measure"]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(ran.stdout.splitlines()[-1])


def _middle(starts: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure, and every start's time until the window was shown."""
    numbers = {name: [each[name] for each in starts] for name in starts[0] if name != "heavy_modules"}
    heavy = sorted({module for each in starts for module in each["heavy_modules"]})
    return {
        **{name: round(statistics.median(values), 4) for name, values in numbers.items()},
        "each_shown": numbers["shown_seconds"],
        "each_first_page": numbers["first_page_seconds"],
        "heavy_modules": heavy,
    }


def _too_much(figures: dict[str, Any]) -> bool:
    return bool(figures["heavy_modules"]) or any(figures[name] > most for name, most in LIMITS.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    if options.home:
        return run(options.home.absolute(), options.pictures, options.starts)
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), options.pictures, options.starts)


if __name__ == "__main__":
    sys.exit(main())
