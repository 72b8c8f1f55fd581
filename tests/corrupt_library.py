"""Damages the library's database at random and looks whether a picture, or the way back, is lost.

python -m tests.corrupt_library --times 1000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from desktop.library import paths
from desktop.library.check import check_library
from desktop.library.database import database_path
from desktop.library.jobs import all_jobs
from desktop.library.keeping import Keeper
from desktop.library.problems import LibraryDamaged, LibraryNewer
from desktop.library.prompts import find_prompts, remember_prompt
from desktop.library.rebuild import rebuild_library
from desktop.library.search import find_pictures, parse_query
from desktop.library.startup import open_at_start
from tests.library_pictures import RECORD, REQUEST, keep, save

PICTURES = 40


def prepare(folder: Path) -> None:
    """A library with pictures, prompts and a backup, closed."""
    os.environ[paths.HOME_VARIABLE] = str(folder)
    paths.pictures_folder().mkdir(parents=True)
    with open_at_start() as library:
        for number in range(PICTURES):
            prompt = f"number {number}: {'a panda eating tacos ' * 20}"
            keep(library, paths.pictures_folder(), replace(RECORD, seed=number, prompt=prompt), f"p{number}")
            remember_prompt(library, replace(REQUEST, prompt=prompt))
        library.back_up()


def damage(path: Path, dice: random.Random) -> str:
    """Spoils the file in one of the ways that disks and people do."""
    data = bytearray(path.read_bytes())
    way = dice.choice(["byte", "bytes", "page", "header", "cut", "swap", "zeros"])
    at = dice.randrange(len(data))
    match way:
        case "byte":
            data[at] ^= 1 << dice.randrange(8)
        case "bytes":
            for place in dice.sample(range(len(data)), 200):
                data[place] = dice.randrange(256)
        case "page":
            data[at // 4096 * 4096 : at // 4096 * 4096 + 4096] = dice.randbytes(4096)
        case "header":
            data[dice.randrange(200)] = dice.randrange(256)
        case "cut":
            del data[at:]
        case "swap":
            first, second = (dice.randrange(len(data) // 4096) * 4096 for _ in range(2))
            data[first : first + 4096] = data[second : second + 4096]
        case _:
            data[at : at + 2000] = bytes(len(data[at : at + 2000]))
    path.write_bytes(data)
    return way


def use() -> str:
    """What the program does at start and in a session: "fine", or the offer to rebuild."""
    try:
        with open_at_start() as library:
            list(find_pictures(library, parse_query("panda")))
            list(find_pictures(library))
            find_prompts(library, "panda")
            all_jobs(library)
            return "damage noticed" if library.faults() else "fine"
    except LibraryNewer:
        return "newer"
    except LibraryDamaged as problem:
        return "offers" if "mezzotint library rebuild" in problem.action else "no offer"


def save_one() -> Path:
    """What `generate` does, whatever state the database is in."""
    path = save(paths.pictures_folder(), replace(RECORD, seed=1000), "new")
    keeper = Keeper(lambda sentence: None)
    keeper.remember(REQUEST)
    keeper.keep(path, "0" * 64, 1, RECORD)
    keeper.close()
    return path


def spoil_once(folder: Path, dice: random.Random, counts: Counter[str]) -> None:
    """Damages a copy of the library, uses it, saves into it, rebuilds it, and counts what is missing."""
    os.environ[paths.HOME_VARIABLE] = str(folder)
    counts[damage(database_path(), dice)] += 1
    outcome = use()
    save_one()
    if outcome == "fine" and use() != "fine":
        outcome = "offers later"  # only writing meets the damage
    counts[outcome] += 1
    before = {path.name for path in paths.pictures_folder().iterdir()}
    if outcome == "newer":  # as its action says
        database_path().rename(folder / "moved away.db")
    if outcome != "fine":
        rebuild_library()
    with open_at_start() as library:
        listed = {picture.path.name for picture in find_pictures(library)}
        counts["lost"] += len(before - listed) + (len(before) != PICTURES + 1)
        counts["wrong"] += outcome != "fine" and sum(1 for _ in check_library(library))
        counts["lost prompts"] += max(0, PICTURES - len(find_prompts(library, "number")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice, counts = random.Random(options.seed), Counter[str]({"lost": 0, "wrong": 0, "no offer": 0})
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder, "whole"))
        for number in range(options.times):
            copy = Path(folder, str(number))
            shutil.copytree(Path(folder, "whole"), copy)
            spoil_once(copy, dice, counts)
            shutil.rmtree(copy)
    print(json.dumps(counts))
    return 1 if counts["lost"] or counts["wrong"] or counts["no offer"] else 0


if __name__ == "__main__":
    sys.exit(main())
