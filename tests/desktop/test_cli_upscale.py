"""`mezzotint upscale`: the picture, its recipe, the library, pickles, and what can't be done."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from backends.core.contract import Picture
from backends.core.upscaler_networks import network_of
from desktop.library.database import open_library
from desktop.library.pictures import encode_picture, read_record
from desktop.library.png import read_png_texts
from desktop.library.record import Record, from_json, to_json
from tests.desktop.cli_runner import Mezzotint
from tests.families.reference import psnr
from tests.upscaler_files import compact

WIDTH, HEIGHT = 90, 70
RECIPE = Record(
    prompt="a fox", steps=7, sampler="euler", guidance_scale=3, seed=9, width=WIDTH, height=HEIGHT
)


@pytest.fixture(autouse=True)
def picture(tmp_path: Path) -> Image.Image:
    ramp = np.linspace(0, 255, WIDTH)[None].repeat(HEIGHT, 0)
    pixels = np.stack([ramp, 255 - ramp, ramp / 2], -1)
    image = Image.fromarray(pixels.astype(np.uint8))
    data = encode_picture(Picture(WIDTH, HEIGHT, image.tobytes()), RECIPE)
    (tmp_path / "fox.png").write_bytes(data)
    return image


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "upscalers"
    folder.mkdir(parents=True)
    save_file(compact(), folder / "Tiny.safetensors")
    return folder


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def by_network(image: Image.Image) -> np.ndarray:
    network = network_of(compact())
    assert network is not None
    with torch.inference_mode():
        given = torch.from_numpy(np.asarray(image).astype(np.float32) / 255).permute(2, 0, 1)[None]
        found = network(given)[0].clamp(0, 1).permute(1, 2, 0)
    return (found * 255).round().to(torch.uint8).numpy()


def test_lanczos_is_pillows(mezzotint: Mezzotint, picture: Image.Image) -> None:
    ran = mezzotint("upscale", "fox.png", "--scale", "1.5")
    expected = picture.resize((135, 105), Image.Resampling.LANCZOS)
    assert (opened(ran.path) == np.asarray(expected)).all()
    assert ran.path.name == "fox-1.5x.png"


def test_an_upscaler_in_tiles(mezzotint: Mezzotint, picture: Image.Image, shelf: Path) -> None:
    ran = mezzotint("upscale", "fox.png", "--by", "Tiny", "--tile", "64", "--json")
    *tiles, last = ran.lines
    assert [(each["done"], each["of"]) for each in tiles] == [(n, 6) for n in range(1, 7)]
    assert psnr(opened(Path(last["path"])), by_network(picture)) >= 45
    assert (last["by"], last["width"], last["height"], last["tile"]) == ("Tiny", 180, 140, 64)


def test_the_recipe_stays_and_says_it(mezzotint: Mezzotint, shelf: Path) -> None:
    ran = mezzotint("upscale", "fox.png", "--by", "Tiny", "--scale", "3")
    record = read_record(ran.path)
    assert (record.prompt, record.seed, record.width) == ("a fox", 9, WIDTH)
    assert record.upscaled is not None
    assert (record.upscaled.by, record.upscaled.scale, record.picture_size) == ("Tiny", 3, (270, 210))
    assert record.upscaled.origin is not None
    assert record.upscaled.origin.name == "fox.png"
    assert from_json(to_json(record)) == record
    texts = read_png_texts(ran.path)["parameters"]
    assert "Size: 90x70" in texts
    assert "Postprocess upscale by: 3, Postprocess upscaler: Tiny" in texts
    with open_library() as library:
        assert library.read("SELECT width, height, prompt FROM pictures") == [(270, 210, "a fox")]


def test_like_repeats_it(mezzotint: Mezzotint, shelf: Path) -> None:
    first = mezzotint("upscale", "fox.png", "--by", "Tiny", "--tile", "64")
    again = mezzotint("upscale", "fox.png", "--like", str(first.path), "--out", "again.png")
    assert (opened(first.path) == opened(again.path)).all()
    assert read_record(again.path).upscaled == read_record(first.path).upscaled


def test_a_picture_without_a_recipe(mezzotint: Mezzotint, picture: Image.Image, tmp_path: Path) -> None:
    picture.save(tmp_path / "plain.jpg", quality=95)
    ran = mezzotint("upscale", "plain.jpg", "--out", "larger.png", "--quiet")
    assert ran.path.name == "larger.png"
    assert opened(ran.path).shape == (2 * HEIGHT, 2 * WIDTH, 3)


@pytest.mark.parametrize("wrapped", ["params_ema", "params", ""])
def test_a_pickle_is_written_anew_once(mezzotint: Mezzotint, shelf: Path, wrapped: str) -> None:
    (shelf / "Tiny.safetensors").unlink()
    torch.save({wrapped: compact()} if wrapped else compact(), shelf / "Old.pth")
    ran = mezzotint("upscale", "fox.png", "--by", "Old")
    assert opened(ran.path).shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert (shelf / "Old.safetensors").is_file()


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def test_a_pickle_with_code_is_not_opened(mezzotint: Mezzotint, shelf: Path, tmp_path: Path) -> None:
    (shelf / "Bad.pth").write_bytes(pickle.dumps({"params": Payload(tmp_path / "was-here")}))
    ran = mezzotint("upscale", "fox.png", "--by", "Bad")
    assert ran.code != 0
    assert "not opened" in ran.err
    assert not (tmp_path / "was-here").exists()
    assert [path.name for path in shelf.iterdir() if path.suffix == ".safetensors"] == ["Tiny.safetensors"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("none.png",), "There is no picture none.png"),
        (("fox.png", "--by", "Tinny"), "Tinny"),
        (("fox.png", "--by", "no.safetensors"), "There is no upscaler no.safetensors"),
        (("fox.png", "--by", "fox.png"), "fox.png"),
        (("fox.png", "--scale", "99"), "99"),
        (("fox.png", "--tile", "8"), "A tile's side can't be '8'"),
        (("fox.png", "--like", "fox.png"), "was not upscaled by Mezzotint"),
    ],
)
def test_what_cant_be_done_is_one_sentence(
    mezzotint: Mezzotint, shelf: Path, options: tuple[str, ...], words: str
) -> None:
    ran = mezzotint("upscale", *options)
    assert (ran.code, words in ran.err) == (2, True), ran.err
    assert not ran.out
