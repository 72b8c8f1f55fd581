"""`mezzotint plot`: which pictures are made, what becomes of them, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from backends.core.contract import OutOfMemory
from desktop.library.database import open_library
from desktop.library.png import read_png_texts
from tests.desktop.cli_runner import Mezzotint
from tests.fakes import write_model_configs

TINY = ("--model", "tiny", "--seed", "7")


def only_folder(out: str) -> Path:
    (folder,) = Path(out).iterdir()
    return folder


def test_each_pair_of_values_is_a_picture_of_the_same_seed(mezzotint: Mezzotint) -> None:
    ran = mezzotint(
        "plot", "a fox", "--x", "steps=2,4,8", "--y", "guidance=1,3", "--model", "tiny", "--out", "p"
    )
    assert ran.code == 0
    found = [(each.steps, each.guidance_scale) for each in ran.requests]
    assert found == [(2, 1), (4, 1), (8, 1), (2, 3), (4, 3), (8, 3)]
    assert len({each.seed for each in ran.requests}) == 1
    names = sorted(path.name for path in only_folder("p").iterdir())
    assert names == ["01-01.png", "01-02.png", "02-01.png", "02-02.png", "03-01.png", "03-02.png",
                     "plot.html", "plot.png"]  # fmt: skip
    assert ran.out.splitlines()[-2:] == [
        str(only_folder("p").absolute() / f"plot.{end}") for end in ("png", "html")
    ]


def test_the_pictures_are_those_of_generate(mezzotint: Mezzotint) -> None:
    mezzotint("plot", "a fox", "--x", "steps=2,4", "--y", "prompt=fox,cat", *TINY, "--out", "p")
    mezzotint("generate", "a cat", "--steps", "4", *TINY, "--out", "alone.png")
    cell = only_folder("p") / "02-02.png"
    with Image.open(cell) as ours, Image.open("alone.png") as alone:
        assert ours.tobytes() == alone.tobytes()
    again = mezzotint("generate", "--like", str(cell)).requests[0]
    assert (again.prompt, again.steps, again.seed) == ("a cat", 4, 7)


def test_the_sheet_says_what_it_shows_and_the_pictures_are_in_the_library(mezzotint: Mezzotint) -> None:
    mezzotint("plot", "a fox", "--x", "seed=1-3", "--model", "tiny", "--out", "p")
    texts = read_png_texts(only_folder("p") / "plot.png")
    assert texts["Description"] == "Seed: 1, 2, 3. a fox"
    assert texts["Comment"] == "5 steps, DPM++ 2M, guidance scale 7, 64 x 64, tiny"
    assert "Seed 2" in (only_folder("p") / "plot.html").read_text()
    with open_library() as library:
        assert library.read("SELECT COUNT(*) FROM pictures") == [(3,)]


def test_another_model_on_an_axis(mezzotint: Mezzotint, home: Path) -> None:
    write_model_configs(home / "models" / "small", "Small")
    ran = mezzotint("plot", "x", "--x", "steps=2,4", "--y", "model=tiny,small", *TINY, "--out", "p")
    assert [(each.model, each.steps) for each in ran.requests] == [
        ("tiny", 2), ("tiny", 4), ("small", 2), ("small", 4),
    ]  # fmt: skip
    assert {each.seed for each in ran.requests} == {7}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--x", "stairs=1"), "stairs"),
        (("--x", "steps=0,4"), "number of steps"),
        (("--x", "steps=2,4", "--count", "2"), "one picture a cell"),
        (("--x", "steps=2,4", "--out", "p/sheet.png"), "folder"),
        (("--x", "model=tiny,nobody"), "nobody"),
        (("--x", "prompt=cat,dog"), "'cat'"),
        ((), "--x"),
    ],
)
def test_what_cant_be_plotted_is_told_before_anything_is_made(
    mezzotint: Mezzotint, words: tuple[str, ...], told: str
) -> None:
    ran = mezzotint("plot", "a fox", *words, *TINY)
    assert ran.code == 2
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert ran.requests == []
    assert not list(Path().rglob("plot-*"))


def test_a_picture_that_cant_be_made_leaves_the_others(
    mezzotint: Mezzotint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import fakes

    make = fakes.FakeEngine.make

    def too_large(engine: fakes.FakeEngine, job: fakes.Job) -> object:
        if job.request.width > 64:
            raise OutOfMemory("There is no memory for so large a picture.", "Make it smaller.")
        return make(engine, job)

    monkeypatch.setattr(fakes.FakeEngine, "make", too_large)
    ran = mezzotint("plot", "a fox", "--x", "size=64x64,128x64", *TINY, "--out", "p")
    assert ran.code == 1
    assert "There is no memory for so large a picture." in ran.err
    assert "There is no memory for so large a picture." in (only_folder("p") / "plot.html").read_text()
    assert sorted(path.name for path in only_folder("p").glob("*.png")) == ["01-01.png", "plot.png"]


def test_stopped_in_the_middle_the_sheet_has_what_there_is(
    mezzotint: Mezzotint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import fakes

    make = fakes.FakeEngine.make

    def stopped(engine: fakes.FakeEngine, job: fakes.Job) -> object:
        if job.request.steps == 4:
            raise KeyboardInterrupt
        return make(engine, job)

    monkeypatch.setattr(fakes.FakeEngine, "make", stopped)
    ran = mezzotint("plot", "a fox", "--x", "steps=2,4,8", *TINY, "--out", "p")
    assert ran.code == 130
    assert sorted(path.name for path in only_folder("p").glob("*.png")) == ["01-01.png", "plot.png"]
    assert (only_folder("p") / "plot.html").read_text().count("not made") == 2
