"""Downloads from a hub that misbehaves, by processes that are killed: how often a wrong file, how much twice.

    python -m tests.interrupted_downloads --times 200

Each download is made by processes that are killed (SIGKILL) after a random number of bytes, from a server on
the loopback that cuts, stalls, lies about ranges, changes ETags, is busy, and in every third flips bits.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.downloads.client import open_client, set_offline
from desktop.downloads.hub import list_repo
from desktop.downloads.job import make_plan
from tests.downloads import killed_downloader
from tests.downloads.unreliable_hub import REPO, Hub, model_files, serving

PART = 8192
_MOST_RUNS = 60
_FAULTS = {
    "cut": 0.2, "stall": 0.03, "early end": 0.08, "ignored range": 0.1, "other range": 0.1, "busy": 0.08,
    "etag": 0.2,
}  # fmt: skip
_FLIP = {"flip": 0.1}


@dataclass
class Figures:
    """Of all downloads: `worst` is the most parts that came again for one kill, where nothing was flipped."""

    downloads: int = 0
    kills: int = 0
    gave_up: int = 0
    flips: int = 0
    wrong: list[str] = field(default_factory=list[str])
    worst: float = 0.0
    twice_after_flips: float = 0.0
    faults: Counter[str] = field(default_factory=Counter[str])


def run(times: int, seed: int, most_kills: int) -> Figures:
    """Makes so many downloads, each killed at most so often. `wrong` names what was not right."""
    figures = Figures()
    for number in range(times):
        with tempfile.TemporaryDirectory() as place:
            _one(Path(place), random.Random(seed + number), figures, most_kills, flips=number % 3 == 2)
    return figures


def _one(place: Path, draw: random.Random, figures: Figures, most_kills: int, *, flips: bool) -> None:
    seed = draw.randrange(2**32)
    hub = Hub(model_files(place / "made", seed, 60_000), seed=seed, chunk=2048, pause=0.0005, stall=0.6)
    hub.faults = _FAULTS | (_FLIP if flips else {})
    with serving(hub), _home(place / "home", hub.url):
        came, kills, size = _until_it_is_there(place / "models", draw, figures, most_kills)
    figures.downloads += 1
    figures.kills += kills
    figures.flips += hub.flips
    figures.faults.update(hub.made)
    _compare(place / "models" / "a-model", hub, figures)
    if hub.flips:
        figures.twice_after_flips = max(figures.twice_after_flips, (came - size) / size)
    else:
        figures.worst = max(figures.worst, (came - size) / PART / max(1, kills))


def _until_it_is_there(
    models: Path, draw: random.Random, figures: Figures, most_kills: int
) -> tuple[int, int, int]:
    """Bytes that came in all, how many processes were killed, and the size of what was wanted."""
    with open_client() as client:
        size = make_plan(list_repo(client, REPO, "main")).size
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed_downloader.__name__])
    came = kills = 0
    for _ in range(_MOST_RUNS):
        counter: Any = context.Value("q", 0)
        arguments = (models, dict(os.environ), PART, counter)
        process = context.Process(target=killed_downloader.download, args=arguments)
        process.start()
        killed = kills < most_kills and _reaches(process, counter, draw.randrange(size // 2))
        if killed:
            process.kill()
        process.join()
        came += counter.value
        kills += killed
        figures.gave_up += not killed and process.exitcode != 0
        if (models / "a-model").exists():
            break
    return came, kills, size


def _reaches(process: Any, counter: Any, wanted: int) -> bool:
    """Waits until so many bytes came. False: the process ended before."""
    while counter.value <= wanted:
        if not process.is_alive():
            return False
        time.sleep(0.001)
    return True


def _compare(folder: Path, hub: Hub, figures: Figures) -> None:
    if not folder.is_dir():
        figures.wrong.append("a download never ended")
        return
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != "model.json" and path.read_bytes() != hub.files.get(name):
            figures.wrong.append(f"{name} is not what the hub has")


@contextmanager
def _home(home: Path, url: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ("MEZZOTINT_HOME", "HF_ENDPOINT")}
    os.environ.update({"MEZZOTINT_HOME": str(home), "HF_ENDPOINT": url})
    try:
        set_offline(False)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3, help="at most so many for one download")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    figures = run(wanted.times, wanted.seed, wanted.kills)
    print(f"{figures.downloads} downloads, {figures.kills} kills, faults {dict(figures.faults)}")
    print(f"wrong: {figures.wrong or 'nothing'}; gave up and went on later: {figures.gave_up}")
    print(f"without flips: at most {figures.worst:.2f} parts again for each kill")
    print(f"with flips ({figures.flips}): at most {figures.twice_after_flips:.0%} of the bytes again")
    return 1 if figures.wrong or figures.worst > 1 else 0


if __name__ == "__main__":
    raise SystemExit(main())
