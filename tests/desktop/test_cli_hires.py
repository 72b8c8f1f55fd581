"""`mezzotint generate --hires ...`: what is asked for, kept in the picture, and repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.contract import Hires, Job, Picture
from desktop.library import jobs
from desktop.library.database import open_library
from desktop.library.parameters import read_parameters, write_parameters
from desktop.library.png import encode_png, read_png_texts
from desktop.library.record import Record, from_json, to_json
from tests.desktop.cli_runner import Mezzotint

FULL = ("--hires", "2", "--hires-steps", "3", "--hires-strength", "0.4", "--hires-by", "lanczos")


def test_it_reaches_the_request(mezzotint: Mezzotint) -> None:
    request = mezzotint("generate", "x", "--size", "64x72", *FULL).requests[0]
    assert request.hires == Hires(width=128, height=144, steps=3, strength=0.4, by="lanczos")
    assert (request.width, request.height, request.picture_size) == (64, 72, (128, 144))


def test_what_is_not_given_suits_the_rest(mezzotint: Mezzotint) -> None:
    request = mezzotint("generate", "x", "--steps", "8", "--hires", "96x128").requests[0]
    assert request.hires == Hires(width=96, height=128, steps=4, strength=0.5, by="latent")


def test_like_repeats_it(mezzotint: Mezzotint) -> None:
    first = mezzotint("generate", "x", *FULL, "--seed", "3")
    again = mezzotint("generate", "--like", str(first.path))
    assert again.requests[0] == first.requests[0]
    texts = read_png_texts(first.path)["parameters"]
    assert "Denoising strength: 0.4, Hires upscale: 2, Hires steps: 3, Hires upscaler: Lanczos" in texts
    assert "Size: 64x64" in texts
    less = mezzotint("generate", "--like", str(first.path), "--hires", "off").requests[0]
    assert less.hires is None
    wider = mezzotint("generate", "--like", str(first.path), "--size", "128x64").requests[0]
    assert wider.picture_size == (256, 128)


def test_it_is_in_the_json_and_the_library(mezzotint: Mezzotint) -> None:
    line = mezzotint("generate", "x", *FULL, "--json").lines[0]
    assert line["hires"] == {"width": 128, "height": 128, "steps": 3, "strength": 0.4, "by": "lanczos"}
    with open_library() as library:
        assert library.read("SELECT width, height FROM pictures") == [(128, 128)]


def test_a_picture_of_a1111(mezzotint: Mezzotint, tmp_path: Path) -> None:
    text = (
        "a cat\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, Size: 64x128, Model: m, "
        "Denoising strength: 0.55, Hires upscale: 1.5, Hires upscaler: Latent (nearest), Version: v1.6.0"
    )
    (tmp_path / "theirs.png").write_bytes(encode_png(Picture(1, 1, b"abc"), {"parameters": text}))
    request = mezzotint("generate", "--like", "theirs.png", "--model", "tiny").requests[0]
    assert request.hires == Hires(width=96, height=192, steps=7, strength=0.55, by="latent")


@pytest.mark.parametrize(
    "hires",
    [
        Hires(width=128, height=192, steps=3, strength=0.4, by="4x-UltraSharp"),
        Hires(width=96, height=144, steps=12, strength=1.0, by="latent"),
        Hires(width=64, height=248, steps=1, strength=0.25, by="lanczos"),
    ],
)
def test_the_text_is_read_back(hires: Hires) -> None:
    record = Record(
        prompt="x", steps=4, sampler="euler", guidance_scale=3, seed=1, width=64, height=96, hires=hires
    )
    found = read_parameters(write_parameters(record))
    assert (found.hires, found.width, found.height, found.strength) == (hires, 64, 96, None)
    assert from_json(to_json(record)) == record


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ('"width": 128', '"width": "128"'),
        ('"strength": 0.5', '"strength": "x"'),
        ('"steps": 2', '"stops": 2'),
    ],
)
def test_a_damaged_recipe_is_found(table: str, name: str) -> None:
    text = to_json(Record(prompt="x", hires=Hires(width=128, height=128, steps=2)))
    with pytest.raises(ValueError, match="hi-res fix is damaged"):
        from_json(text.replace(table, name))


def test_the_queue_keeps_it(mezzotint: Mezzotint, tmp_path: Path) -> None:
    request = mezzotint("generate", "x", *FULL).requests[0]
    with open_library(tmp_path / "queue.sqlite") as library:
        jobs.add_job(library, Job(request=request, model_folder=tmp_path))
        (queued,) = jobs.all_jobs(library)
    assert queued.job is not None
    assert queued.job.request == request


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--hires", "9"), "The hi-res fix can't be '9'"),
        (("--hires", "512x64"), "can't make a width of 64 pixels 512"),
        (("--hires", "0.5"), "The hi-res fix can't be '0.5'"),
        (("--hires", "large"), "The hi-res fix can't be 'large'"),
        (("--hires-steps", "3"), "There is no hi-res fix to set"),
        (("--hires", "2", "--hires-steps", "x"), "can't make 'x' steps"),
        (("--hires", "2", "--hires-strength", "y"), "strength of the hi-res fix can't be 'y'"),
        (("--hires", "2", "--hires-strength", "2"), "strength of the hi-res fix can't be 2"),
    ],
)
def test_what_cant_be_done_is_one_sentence(
    mezzotint: Mezzotint, options: tuple[str, ...], words: str
) -> None:
    ran = mezzotint("generate", "x", *options)
    assert ran.code == 2
    assert words in ran.err
    assert not ran.requests
