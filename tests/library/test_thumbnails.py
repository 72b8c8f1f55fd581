"""Thumbnails and their cache; copies without metadata."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from backends.core.contract import Picture, UnreadablePicture
from desktop.library import thumbnails
from desktop.library.pictures import encode_picture
from desktop.library.png import read_png_texts
from desktop.library.saving import save_new
from desktop.library.stripping import save_plain_copy
from tests.library_pictures import RECORD, save

WIDE = Picture(640, 64, bytes((200, 120, 40)) * 640 * 64)


def test_a_thumbnail_is_small_and_keeps_its_shape(home: Path):
    path = save_new(encode_picture(WIDE, RECORD), home, "wide")
    target = thumbnails.thumbnail_path("ab" * 32)
    assert target.is_relative_to(home / "cache")
    thumbnails.make_thumbnail(path, target)
    with Image.open(target) as image:
        assert (image.size, image.format) == ((320, 32), "JPEG")
        assert image.getpixel((5, 5)) == pytest.approx((200, 120, 40), abs=3)
    assert [file.name for file in target.parent.iterdir()] == [target.name]


def test_a_small_picture_is_not_enlarged(home: Path):
    pixels = thumbnails.develop(save(home), 320)
    assert (pixels.width, pixels.height, pixels.rgb) == (8, 8, bytes(192))


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_what_is_no_picture_says_so(home: Path, data: bytes):
    (home / "bad.png").write_bytes(data)
    with pytest.raises(UnreadablePicture, match="damaged"):
        thumbnails.make_thumbnail(home / "bad.png", home / "small.jpg")
    assert not (home / "small.jpg").exists()


def test_a_picture_of_too_many_pixels_is_not_decoded(home: Path):
    Image.new("1", (20_000, 20_000)).save(home / "bomb.png")
    with pytest.raises(UnreadablePicture):
        thumbnails.develop(home / "bomb.png", 100)


def test_the_cache_does_not_grow_for_ever(home: Path):
    target = thumbnails.thumbnail_path("ab" * 32)
    target.parent.mkdir(parents=True)
    for number in range(120):
        (target.parent / f"{number}.jpg").touch()
    thumbnails.make_thumbnail(save(home), target)
    assert target.exists()
    assert len(list(target.parent.iterdir())) == 71


def test_a_copy_without_metadata_has_the_same_pixels_and_nothing_else(home: Path):
    record = replace(RECORD, prompt="a secret")
    path = save_new(encode_picture(WIDE, record), home, "wide")
    copy = save_plain_copy(path, home / "shared.png")
    again = save_plain_copy(path, home / "shared.png")
    assert (copy.name, again.name) == ("shared.png", "shared-2.png")
    assert read_png_texts(copy) == {}
    assert b"secret" not in copy.read_bytes()
    assert thumbnails.develop(copy, 640) == thumbnails.develop(path, 640)


def test_what_is_no_png_is_not_copied(home: Path):
    whole = save(home)
    for number, data in enumerate((b"GIF89a", whole.read_bytes()[:-6])):
        (home / f"{number}.png").write_bytes(data)
        with pytest.raises(UnreadablePicture):
            save_plain_copy(home / f"{number}.png", home / "copy.png")
    assert not (home / "copy.png").exists()
