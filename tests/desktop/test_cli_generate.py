"""`mezzotint generate`: pictures on disk, and what is said about them."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from backends.core.contract import Picture
from desktop.library.foreign import Foreign
from desktop.library.pictures import encode_picture, read_record
from desktop.library.png import encode_png
from desktop.library.record import Record
from tests.desktop import foreign_pictures
from tests.desktop.cli_runner import Mezzotint
from tests.fakes import write_model_configs


def test_a_prompt_becomes_a_picture_in_the_home(mezzotint: Mezzotint, home: Path):
    ran = mezzotint("generate", "a fox in the snow", "--seed", "7")
    assert ran.code == 0
    assert ran.path.parent == home / "pictures"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-7-a-fox-in-the-snow\.png", ran.path.name)
    with Image.open(ran.path) as image:
        assert image.size == (64, 64)


def test_it_says_the_seed_and_the_time_of_each_stage(mezzotint: Mezzotint):
    ran = mezzotint("generate", "a fox", "--seed", "7")
    assert "seed 7" in ran.out
    for part in ("importing", "opening", "reading prompt", "denoising", "developing", "saving"):
        assert re.search(rf"{part} \d+\.\d s", ran.out)
    assert "Denoising: step 5 of 5" in ran.err


def test_defaults_come_from_the_model(mezzotint: Mezzotint):
    request = mezzotint("generate", "x").requests[0]
    assert (request.width, request.height, request.steps, request.model) == (64, 64, 5, "tiny")


def test_every_option_reaches_the_request(mezzotint: Mezzotint, tmp_path: Path):
    Image.new("RGB", (64, 64)).save(tmp_path / "start.png")
    ran = mezzotint(
        *("generate", "x", "--negative", "y", "--size", "128x72", "--steps", "9", "--guidance", "3.5"),
        *("--sampler", "DPM++ 2M Karras", "--seed", "11", "--count", "2", "--clip-skip", "1"),
        *("--init", "start.png", "--strength", "0.5", "--backend", "fake"),
    )
    request = ran.requests[0]
    assert request == replace(
        request, prompt="x", negative_prompt="y", width=128, height=72, steps=9, guidance_scale=3.5,
        sampler="dpmpp_2m_karras", seed=11, count=2, strength=0.5, clip_skip=1,
        init_image=(tmp_path / "start.png").read_bytes(),
    )  # fmt: skip


def test_without_a_seed_each_run_has_another(mezzotint: Mezzotint):
    seeds = {mezzotint("generate", "x").requests[0].seed for _ in range(4)}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_json_is_one_line_a_picture_and_nothing_else(mezzotint: Mezzotint):
    ran = mezzotint("generate", "a fox \u2028 🦊", "--count", "3", "--seed", "5", "--json")
    assert ran.err == ""
    assert [line["seed"] for line in ran.lines] == [5, 6, 7]
    for line in ran.lines:
        assert line["sha256"] == hashlib.sha256(Path(line["path"]).read_bytes()).hexdigest()
        assert line["prompt"] == "a fox \u2028 🦊"
        assert {"model", "backend", "width", "height", "steps", "sampler", "guidance_scale"} <= set(line)
    assert list(ran.lines[0]["seconds"]) == [
        "importing", "opening", "reading_prompt", "denoising", "developing", "saving",
    ]  # fmt: skip
    assert list(ran.lines[1]["seconds"]) == ["denoising", "developing", "saving"]


def test_json_comes_only_once_the_picture_is_there(mezzotint: Mezzotint, monkeypatch: pytest.MonkeyPatch):
    def looks(saved: object) -> None:
        assert Path(saved.path).stat().st_size > 0  # type: ignore[attr-defined]
        assert not list(Path(saved.path).parent.glob(".mezzotint*"))  # type: ignore[attr-defined]

    monkeypatch.setattr("desktop.cli.show.JsonOutput.picture", lambda self, saved: looks(saved))
    assert mezzotint("generate", "x", "--count", "2", "--json").code == 0


def test_quiet_prints_the_paths_only(mezzotint: Mezzotint):
    ran = mezzotint("generate", "x", "--count", "2", "--quiet")
    assert ran.err == ""
    assert [Path(line).exists() for line in ran.out.splitlines()] == [True, True]


def test_notices_are_lines_on_stderr(mezzotint: Mezzotint):
    ran = mezzotint("generate", "{notice}", "--json")
    assert ran.err == "Note: The prompt is longer than the model reads; left out: the end\n"


def test_strength_without_a_picture_is_remarked_on(mezzotint: Mezzotint):
    assert "--strength does nothing without --init" in mezzotint("generate", "x", "--strength", "0.5").err


# --- Where pictures go --------------------------------------------------------------------------


def test_out_is_a_file(mezzotint: Mezzotint, tmp_path: Path):
    for expected in ("cat.png", "cat-2.png", "cat-3.png"):
        assert mezzotint("generate", "x", "--out", "cat.png").path == tmp_path / expected


def test_several_pictures_are_numbered(mezzotint: Mezzotint, tmp_path: Path):
    (tmp_path / "cat-2.png").write_bytes(b"mine")
    mezzotint("generate", "x", "--out", "cat.png", "--count", "3")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "cat-1.png", "cat-2-2.png", "cat-2.png", "cat-3.png",
    ]  # fmt: skip
    assert (tmp_path / "cat-2.png").read_bytes() == b"mine"


@pytest.mark.parametrize("out", ["new", "new/", "new/deeper", "."])
def test_out_is_a_folder(mezzotint: Mezzotint, tmp_path: Path, out: str):
    assert mezzotint("generate", "x", "--out", out).path.parent == tmp_path / out


# --- Repeating a picture ------------------------------------------------------------------------


def test_like_repeats_a_picture_to_the_pixel(mezzotint: Mezzotint, tmp_path: Path):
    first = mezzotint(
        "generate", "a fox", "--negative", "a hen", "--steps", "3", "--guidance", "2.25", "--out", "a.png"
    )
    again = mezzotint("generate", "--like", "a.png", "--out", "b.png")
    assert again.requests == first.requests
    assert pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def test_like_repeats_one_picture_of_several(mezzotint: Mezzotint, tmp_path: Path):
    mezzotint("generate", "x", "--count", "3", "--seed", "5", "--out", "a.png")
    again = mezzotint("generate", "--like", "a-3.png", "--out", "b.png")
    assert [request.seed for request in again.requests] == [7]
    assert pixels(tmp_path / "a-3.png") == pixels(tmp_path / "b.png")


def test_what_is_given_wins_over_the_recipe(mezzotint: Mezzotint):
    mezzotint("generate", "a fox", "--seed", "5", "--out", "a.png")
    request = mezzotint("generate", "a hen", "--like", "a.png", "--steps", "2").requests[0]
    assert (request.prompt, request.seed, request.steps, request.model) == ("a hen", 5, 2, "tiny")


def test_like_finds_the_start_picture_again(mezzotint: Mezzotint, tmp_path: Path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "start.png")
    first = mezzotint("generate", "x", "--init", "start.png", "--strength", "0.6", "--out", "a.png")
    assert mezzotint("generate", "--like", "a.png").requests == first.requests
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "start.png")
    changed = mezzotint("generate", "--like", "a.png")
    assert (changed.code, changed.requests) == (2, [])
    assert "Give it with --init; it was called start.png." in changed.err
    given = mezzotint("generate", "--like", "a.png", "--init", "start.png")
    assert (given.code, given.requests[0].strength) == (0, 0.6)


def test_like_with_a_model_in_a_folder(mezzotint: Mezzotint, tmp_path: Path):
    write_model_configs(tmp_path / "mine")
    first = mezzotint("generate", "x", "--model", "mine", "--out", "a.png")
    assert mezzotint("generate", "--like", "a.png").requests == first.requests
    shutil.rmtree(tmp_path / "mine")
    gone = mezzotint("generate", "--like", "a.png")
    assert gone.code == 2
    assert "Choose one with --model" in gone.err


def test_like_on_another_backend_or_model_says_so(mezzotint: Mezzotint, monkeypatch: pytest.MonkeyPatch):
    mezzotint("generate", "x", "--out", "a.png")
    record = read_record(Path("a.png"))
    made = {**record.provenance, "backend": "gone", "model_hash": "f" * 64}
    found = Foreign(replace(record, provenance=made), "Mezzotint")
    monkeypatch.setattr("desktop.cli.plan.read_recipe", lambda path: found)
    ran = mezzotint("generate", "--like", "a.png", "--quiet")
    assert ran.code == 0
    assert "backend gone can't run here" in ran.err
    assert "other weights" in ran.err


def test_like_a_picture_of_another_program(mezzotint: Mezzotint, tmp_path: Path):
    def write(settings: str) -> None:
        text = f"a cat\nNegative prompt: dog\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, {settings}"
        (tmp_path / "theirs.png").write_bytes(encode_png(Picture(1, 1, b"abc"), {"parameters": text}))

    write("Size: 64x128, Model: v1-5-pruned")
    missing = mezzotint("generate", "--like", "theirs.png")
    assert (missing.code, "made with the model 'v1-5-pruned', which is not here" in missing.err) == (2, True)
    ran = mezzotint("generate", "--like", "theirs.png", "--model", "tiny")
    request = ran.requests[0]
    assert (request.prompt, request.sampler, request.seed, request.height) == ("a cat", "euler_a", 9, 128)
    assert "made by another program" in ran.err
    write("Size: 64x64, Denoising strength: 0.4")
    assert "made from another picture" in mezzotint("generate", "--like", "theirs.png", "--model", "tiny").err
    write("Size: 64x64, Denoising strength: 0.4, Hires upscale: 2")
    assert mezzotint("generate", "--like", "theirs.png", "--model", "tiny").code == 0


def test_like_never_opens_what_a_file_names_on_another_machine(mezzotint: Mezzotint, tmp_path: Path):
    record = Record(prompt="x", model="//server/share/model")
    (tmp_path / "theirs.png").write_bytes(encode_picture(Picture(1, 1, b"abc"), record))
    ran = mezzotint("generate", "--like", "theirs.png")
    assert (ran.code, "on another machine" in ran.err) == (2, True)


def test_like_a_picture_of_comfyui(mezzotint: Mezzotint, tmp_path: Path):
    foreign_pictures.png(tmp_path / "comfy.png", foreign_pictures.comfy_texts())
    request = mezzotint("generate", "--like", "comfy.png", "--model", "tiny").requests[0]
    assert (request.prompt, request.negative_prompt, request.seed) == ("a fox", "rain, fog", 42)
    assert (request.width, request.height, request.sampler) == (512, 640, "dpmpp_2m_karras")
