"""`mezzotint generate --refiner ...`: what is asked for, kept in the picture, and repeated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backends.core.contract import Hires, Job, Picture, Refiner
from desktop.library import jobs
from desktop.library.database import open_library
from desktop.library.foreign import read_recipe
from desktop.library.parameters import read_parameters, write_parameters
from desktop.library.png import encode_png, read_png_texts
from desktop.library.record import Record, from_json, to_json
from tests.desktop.cli_runner import Mezzotint
from tests.fakes import fake_job, write_refiner_configs

ASKED = ("--refiner", "xl-refiner:0.75")


@pytest.fixture(autouse=True)
def refiner(home: Path) -> Path:
    return write_refiner_configs(home / "models" / "xl-refiner")


def test_it_reaches_the_request(mezzotint: Mezzotint) -> None:
    assert mezzotint("generate", "x", *ASKED).requests[0].refiner == Refiner(model="xl-refiner", switch=0.75)
    plain = mezzotint("generate", "x", "--refiner", "xl-refiner").requests[0]
    assert plain.refiner == Refiner(model="xl-refiner", switch=0.8)


def test_a_folder_will_do(mezzotint: Mezzotint, refiner: Path, tmp_path: Path) -> None:
    elsewhere = refiner.rename(tmp_path / "kept: here")
    request = mezzotint("generate", "x", "--refiner", f"{elsewhere}:0.6").requests[0]
    assert request.refiner is not None
    assert request.refiner.model.endswith("kept: here")
    assert request.refiner.switch == 0.6


def test_like_repeats_it(mezzotint: Mezzotint) -> None:
    first = mezzotint("generate", "x", *ASKED, "--seed", "3")
    again = mezzotint("generate", "--like", str(first.path))
    assert again.requests[0] == first.requests[0]
    assert "Refiner: xl-refiner, Refiner switch at: 0.75" in read_png_texts(first.path)["parameters"]
    less = mezzotint("generate", "--like", str(first.path), "--refiner", "off").requests[0]
    assert less.refiner is None
    other = mezzotint("generate", "--like", str(first.path), "--refiner", "xl-refiner:0.9").requests[0]
    assert other.refiner == Refiner(model="xl-refiner", switch=0.9)


def test_one_that_is_gone_is_named(mezzotint: Mezzotint, refiner: Path, tmp_path: Path) -> None:
    first = mezzotint("generate", "x", *ASKED)
    refiner.rename(tmp_path / "away")
    ran = mezzotint("generate", "--like", str(first.path))
    assert ran.code == 2
    assert "finished by the refiner 'xl-refiner', which is not here" in ran.err
    assert "--refiner off" in ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [("nothing:0.8", "no model called 'nothing'"), ("xl-refiner:1.5", "can't take over at 1.5")],
)
def test_what_can_not_be_is_explained(mezzotint: Mezzotint, text: str, said: str) -> None:
    ran = mezzotint("generate", "x", "--refiner", text)
    assert ran.code == 2
    assert said in ran.err


def test_it_is_in_the_json(mezzotint: Mezzotint) -> None:
    line = mezzotint("generate", "x", *ASKED, "--json").lines[0]
    assert line["refiner"] == {"model": "xl-refiner", "switch": 0.75}


def test_a_picture_of_a1111(mezzotint: Mezzotint, tmp_path: Path) -> None:
    text = (
        "a cat\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, Size: 64x128, Model: m, "
        "Refiner: xl-refiner [7440042bbd], Refiner switch at: 0.65, Version: v1.6.0"
    )
    (tmp_path / "theirs.png").write_bytes(encode_png(Picture(1, 1, b"abc"), {"parameters": text}))
    request = mezzotint("generate", "--like", "theirs.png", "--model", "tiny").requests[0]
    assert request.refiner == Refiner(model="xl-refiner", switch=0.65)
    assert not any("Refiner" in each for each in read_recipe(tmp_path / "theirs.png").extras)


@pytest.mark.parametrize("told", ["", "XL refiner: " + "ab" * 32])
@pytest.mark.parametrize("hires", [None, Hires(width=128, height=192, steps=3, strength=0.4, by="latent")])
def test_the_text_is_read_back(told: str, hires: Hires | None) -> None:
    refiner, made = Refiner(model="sd_xl_refiner_1.0", switch=0.725), {"refiner": told} if told else {}
    record = Record(
        prompt="x", steps=4, sampler="euler", guidance_scale=3, seed=1, width=64, height=96, refiner=refiner,
        hires=hires, provenance=made,
    )  # fmt: skip
    found = read_parameters(write_parameters(record))
    assert (found.refiner, found.hires) == (refiner, hires)
    assert from_json(to_json(record)) == record


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Refiner: sd_xl_refiner_1.0.safetensors [7440042bbd], Refiner switch at: 0.8", "sd_xl_refiner_1.0"),
        ("Refiner: a model [b] [0123456789]", "a model [b]"),
        ("Refiner: None, Refiner switch at: 0.8", None),
        ("Refiner: x, Refiner switch at: 1", None),
        ("Refiner: x, Refiner switch at: soon", None),
    ],
)
def test_other_spellings(text: str, expected: str | None) -> None:
    found = read_parameters(f"x\nSteps: 4, Sampler: Euler, CFG scale: 3, {text}")
    assert (found.refiner.model if found.refiner else None) == expected


@pytest.mark.parametrize(("kept", "broken"), [("0.8", "8"), ("0.8", '"x"'), ('"model"', '"mode"')])
def test_a_damaged_recipe_is_found(kept: str, broken: str) -> None:
    text = to_json(Record(prompt="x", refiner=Refiner(model="y")))
    with pytest.raises(ValueError, match="refiner is damaged"):
        from_json(text.replace(kept, broken, 1) if kept != '"model"' else text.replace('{"model"', '{"mode"'))


def test_the_queue_keeps_it(home: Path, tmp_path: Path) -> None:
    plain = fake_job()
    request = replace(plain.request, refiner=Refiner(model="xl-refiner", switch=0.7))
    job: Job = replace(plain, request=request, refiner_folder=tmp_path / "refiner")
    with open_library() as library:
        jobs.add_job(library, job)
        jobs.add_job(library, plain)
        assert [each.job for each in jobs.all_jobs(library)] == [job, plain]
