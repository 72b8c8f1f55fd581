"""`mezzotint generate --start ... --mask ... --extend ...`: what is asked for, kept and repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from backends.core import masks
from backends.core.contract import Job
from desktop.library import jobs
from desktop.library.database import open_library
from desktop.library.pictures import read_record
from desktop.library.png import read_png_texts
from desktop.library.record import from_json, mask_of, to_json
from tests.desktop.cli_runner import Mezzotint

START, SIZE = ("--start", "start.png"), (96, 72)


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path) -> None:
    Image.new("RGB", SIZE, "teal").save(tmp_path / "start.png")
    mask = Image.new("L", SIZE)
    mask.paste(255, (8, 8, 40, 40))
    mask.save(tmp_path / "mask.png")
    Image.new("L", SIZE).save(tmp_path / "empty.png")
    Image.new("L", (64, 64), 255).save(tmp_path / "other.png")
    (tmp_path / "text.png").write_text("no picture")


def test_a_mask_and_edges_reach_the_request(mezzotint: Mezzotint, tmp_path: Path) -> None:
    ran = mezzotint(
        "generate", "x", *START, "--mask", "mask.png", "--feather", "6", "--extend", "left=16,bottom=8"
    )
    request = ran.requests[0]
    assert (request.width, request.height) == (112, 80)
    assert (request.feather, request.extend) == (6, (16, 0, 0, 8))
    assert request.mask is not None
    given = masks.open_mask((tmp_path / "mask.png").read_bytes(), SIZE)
    assert masks.open_mask(request.mask, SIZE).tobytes() == given.tobytes()


def test_like_repeats_it_without_the_masks_file(mezzotint: Mezzotint, tmp_path: Path) -> None:
    first = mezzotint(
        "generate", "x", *START, "--mask", "mask.png", "--feather", "6", "--extend", "top=8", "--seed", "3"
    )
    (tmp_path / "mask.png").unlink()
    again = mezzotint("generate", "--like", str(first.path))
    assert again.requests[0] == first.requests[0]
    record = read_record(first.path)
    assert record is not None
    assert mask_of(record) == first.requests[0].mask
    assert "Mask blur: 6" in read_png_texts(first.path)["parameters"]
    wider = mezzotint("generate", "--like", str(first.path), "--extend", "right=32").requests[0]
    assert (wider.width, wider.height, wider.extend) == (128, 72, (0, 0, 32, 0))


def test_it_is_in_the_json(mezzotint: Mezzotint) -> None:
    line = mezzotint("generate", "x", *START, "--mask", "mask.png", "--extend", "left=8", "--json").lines[0]
    assert (len(line["mask"]), line["feather"], line["extend"]) == (64, 0, [8, 0, 0, 0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((*START, "--mask", "empty.png"), "The mask is empty"),
        ((*START, "--mask", "other.png"), "The mask is 64 x 64 pixels, and the start picture 96 x 72"),
        ((*START, "--mask", "text.png"), "not a PNG, JPEG or WebP"),
        ((*START, "--mask", "none.png"), "There is no picture none.png"),
        (("--mask", "mask.png"), "Give one with --start"),
        (("--extend", "left=8"), "Give one with --start"),
        ((*START, "--feather", "8"), "--feather softens"),
        ((*START, "--extend", "leftish=8"), "'leftish=8' is no edge"),
        ((*START, "--extend", "left=8,left=9"), "'left=9' is no edge"),
        ((*START, "--extend", "left=9999"), "extension at the left"),
        ((*START, "--extend", "left=64", "--size", "64x64"), "nothing of the start picture is left"),
        ((*START, "--mask", "mask.png", "--feather", "soft"), "The feather can't be 'soft'"),
        ((*START, "--mask", "mask.png", "--feather", "900"), "The feather must be"),
    ],
)
def test_what_cant_be_done_is_one_sentence(
    mezzotint: Mezzotint, options: tuple[str, ...], words: str
) -> None:
    ran = mezzotint("generate", "x", *options)
    assert ran.code == 2
    assert words in ran.err
    assert not ran.requests


def test_a_damaged_mask_in_a_recipe_is_found(mezzotint: Mezzotint) -> None:
    record = read_record(mezzotint("generate", "x", *START, "--mask", "mask.png").path)
    assert record is not None
    assert record.inpainting is not None
    text = to_json(record)
    assert from_json(text) == record
    with pytest.raises(ValueError, match="mask is damaged"):
        from_json(text.replace(record.inpainting.sha256, "0" * 64))


def test_the_queue_keeps_it(mezzotint: Mezzotint, tmp_path: Path) -> None:
    request = mezzotint("generate", "x", *START, "--mask", "mask.png", "--extend", "left=8").requests[0]
    with open_library(tmp_path / "queue.sqlite") as library:
        jobs.add_job(library, Job(request=request, model_folder=tmp_path))
        (queued,) = jobs.all_jobs(library)
    assert queued.job is not None
    assert queued.job.request == request
