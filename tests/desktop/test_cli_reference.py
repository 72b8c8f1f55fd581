"""`mezzotint generate --reference ...`: what is asked for, kept, repeated and waiting in the queue."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from backends.core.contract import Job
from desktop.library import jobs
from desktop.library.database import open_library
from desktop.library.pictures import read_record
from tests.desktop.cli_runner import Mezzotint

BOTH = ("--reference", "cat.png", "--reference", "hat.png")


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path) -> None:
    Image.new("RGB", (96, 72), "teal").save(tmp_path / "cat.png")
    Image.new("RGB", (64, 64), "red").save(tmp_path / "hat.png")


def test_pictures_reach_the_request_in_their_order(mezzotint: Mezzotint, tmp_path: Path) -> None:
    ran = mezzotint("generate", "a cat with a hat", *BOTH, "--json")
    files = [(tmp_path / name).read_bytes() for name in ("cat.png", "hat.png")]
    assert ran.requests[0].references == tuple(files)
    assert [Path(each).name for each in ran.lines[0]["references"]] == ["cat.png", "hat.png"]


def test_like_repeats_it_with_the_same_files_only(mezzotint: Mezzotint, tmp_path: Path) -> None:
    first = mezzotint("generate", "a cat with a hat", *BOTH, "--seed", "3")
    assert mezzotint("generate", "--like", str(first.path)).requests[0] == first.requests[0]
    record = read_record(first.path)
    assert record is not None
    digests = [hashlib.sha256(data).hexdigest() for data in first.requests[0].references]
    assert [picture.sha256 for picture in record.references] == digests
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "hat.png")
    changed = mezzotint("generate", "--like", str(first.path))
    assert changed.code != 0
    assert "reference picture hat.png is not there any more, or is another one now" in changed.err
    given = mezzotint("generate", "--like", str(first.path), "--reference", "hat.png").requests[0]
    assert given.references == ((tmp_path / "hat.png").read_bytes(),)


def test_five_are_too_many(mezzotint: Mezzotint) -> None:
    assert "5 reference pictures are too many" in mezzotint("generate", "x", *(BOTH[:2] * 5)).err


def test_a_waiting_job_keeps_them(mezzotint: Mezzotint, tmp_path: Path) -> None:
    request = mezzotint("generate", "x", *BOTH).requests[0]
    with open_library(tmp_path / "library") as library:
        jobs.add_job(library, Job(request=request, model_folder=tmp_path))
        (waiting,) = jobs.all_jobs(library)
    assert waiting.job is not None
    assert waiting.job.request == request
