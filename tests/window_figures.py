"""Builds a large library and measures the window over it: start, first gallery page, memory.

python -m tests.window_figures [--pictures 100000] [--home FOLDER]

`--home` keeps the library for the next time. Prints one line of JSON; the exit code is 1 when a figure
is over its limit. "cold" is true when the system's file cache could be emptied before the start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from backends.core.contract import Picture
from desktop.library import paths
from desktop.library.database import open_library
from desktop.library.index import put_picture, read_picture_file
from desktop.library.pictures import encode_picture
from desktop.library.search import count_pictures
from tests.library_pictures import RECORD

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


def measure() -> dict[str, float | int | list[str]]:
    """In a process of its own: opens the window as `mezzotint` does, and the gallery in it."""
    import psutil

    began = psutil.Process().create_time()
    from PySide6.QtWidgets import QApplication

    from desktop.application import open_workshop

    app = QApplication(["mezzotint"])
    workshop = open_workshop(app)
    _until(app, workshop.window.isVisible)
    workshop.window.grab()
    figures: dict[str, float | int | list[str]] = {"shown_seconds": round(time.time() - began, 3)}
    _until(app, lambda: "ready" in workshop.make.studio.engine or "Not" in workshop.make.studio.engine)
    clicked = time.perf_counter()
    gallery = workshop.window.show_screen("gallery")
    _until(app, lambda: gallery.model.rowCount() and gallery.model.picture(0))  # pyright: ignore[reportAttributeAccessIssue]
    gallery.grid.viewport().grab()  # pyright: ignore[reportAttributeAccessIssue]
    figures["first_page_seconds"] = round(time.perf_counter() - clicked, 3)
    figures["pictures"] = gallery.model.rowCount()  # pyright: ignore[reportAttributeAccessIssue]
    figures["slowest_frame_seconds"] = _scroll(app, gallery)
    figures["memory_mb"] = round(psutil.Process().memory_info().rss / 2**20, 1)
    heavy = {"torch", "diffusers", "transformers", "coremltools"}
    figures["heavy_modules"] = sorted(heavy & set(sys.modules))
    workshop.close()
    return figures


def _scroll(app, gallery) -> float:
    """Scrolls through the whole gallery in 200 leaps; how long the longest picture of it took."""
    bar, slowest = gallery.grid.verticalScrollBar(), 0.0
    for leap in range(200):
        bar.setValue(bar.maximum() * leap // 199)
        before = time.perf_counter()
        gallery.grid.viewport().grab()
        slowest = max(slowest, time.perf_counter() - before)
        for _ in range(5):
            app.processEvents()
            time.sleep(0.002)
    return round(slowest, 4)


def _until(app, condition) -> None:
    end = time.monotonic() + 120
    while not condition() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.001)


def run(home: Path, pictures: int) -> int:
    """Builds, measures in another process, and compares with the limits."""
    os.environ[paths.HOME_VARIABLE] = str(home)
    build(pictures)
    cold = drop_caches()
    command = [sys.executable, "-m", "tests.window_figures", "--measure"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    figures = json.loads(answer.stdout.splitlines()[-1])
    print(json.dumps({**figures, "cold": cold}))
    too_much = {name for name, limit in LIMITS.items() if figures[name] > limit}
    return 1 if too_much or figures["heavy_modules"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure()))
        return 0
    if options.home:
        return run(options.home.absolute(), options.pictures)
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), options.pictures)


if __name__ == "__main__":
    sys.exit(main())
