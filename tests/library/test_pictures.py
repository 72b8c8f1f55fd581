"""A picture carries its recipe, and gives it back whatever was in the prompt."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from backends.core.contract import SAMPLERS, Picture, PictureReady, Request, UnreadablePicture
from desktop.library.pictures import encode_picture, read_record
from desktop.library.png import MAX_TEXT_BYTES, encode_png, read_png_texts
from desktop.library.record import InitPicture, Record, describe

PIXELS = Picture(8, 8, bytes(range(192)))
MADE = {
    "backend": "cpu",
    "precision": "float32",
    "model": "Starter",
    "model_hash": "ab" * 32,
    "mezzotint": "0.1.0",
}
PROMPTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300) | st.sampled_from(
    [
        "",
        "a cat\nNegative prompt: not the real one\nSteps: 3, Sampler: none, CFG scale: 1, Seed: 4",
        "Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 8x8",
        'quotes " and \\ and, commas: colons',
        "панда 🐼 大熊猫 \u202e \u2028 \ufeff",
        "null \0 and escape \x1b[31m and \x85 and \uffff",
        "  spaces \r\n around  ",
        "]]></rdf:li><evil & {braces} %s",
    ]
)


def make_record(prompt: str = "a cat", negative: str = "", **more: object) -> Record:
    request = Request(
        prompt=prompt, negative_prompt=negative, width=512, height=768, steps=20, guidance_scale=7.5,
        sampler="dpmpp_2m_karras", seed=40, count=4, clip_skip=1, init_image=b"x", strength=0.6,
    )  # fmt: skip
    ready = PictureReady("id", 2, 42, PIXELS, {"denoising": 1.25}, MADE)
    init = InitPicture(name="start.png", path="~/start.png", sha256="cd" * 32)
    return describe(request, ready, init, "2026-11-22T10:00:00+00:00")


def write(folder: Path, record: Record) -> Path:
    path = folder / "picture.png"
    path.write_bytes(encode_picture(PIXELS, record))
    return path


@given(prompt=PROMPTS, negative=PROMPTS)
@settings(max_examples=150, deadline=None)
def test_any_prompt_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, prompt: str, negative: str):
    record = make_record(prompt, negative)
    path = write(tmp_path_factory.mktemp("p"), record)
    assert read_record(path) == record
    with Image.open(path) as image:  # other programs read it too, pixels and texts
        image.load()
        assert image.tobytes() == PIXELS.rgb
        texts = image.info
    assert {"parameters", "mezzotint", "XML:com.adobe.xmp"} <= set(texts)
    ElementTree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", texts["XML:com.adobe.xmp"]))


def test_seed_is_the_pictures_own(tmp_path: Path):
    assert read_record(write(tmp_path, make_record())).seed == 42


def test_the_prompt_is_in_the_xmp_description(tmp_path: Path):
    packet = read_png_texts(write(tmp_path, make_record("a <fox> & a 🐼")))["XML:com.adobe.xmp"]
    tree = ElementTree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", packet))
    found = [item.text for item in tree.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")]
    assert found == ["a <fox> & a 🐼"]
    assert "Mezzotint 0.1.0" in packet


def test_latin_text_is_in_a_text_chunk_and_other_text_in_an_international_one(tmp_path: Path):
    assert b"tEXtparameters\0" in write(tmp_path, make_record("caf\xe9")).read_bytes()
    assert b"iTXtparameters\0" in write(tmp_path, make_record("熊猫")).read_bytes()


def test_a1111_text_alone_is_enough(tmp_path: Path):
    path = tmp_path / "theirs.png"
    text = "a cat\nNegative prompt: dog\nSteps: 7, Sampler: Euler a, CFG scale: 3.5, Seed: 9, Size: 64x128"
    path.write_bytes(encode_png(PIXELS, {"parameters": text}))
    record = read_record(path)
    assert (record.prompt, record.negative_prompt, record.steps, record.sampler) == (
        "a cat",
        "dog",
        7,
        "euler_a",
    )
    assert (record.guidance_scale, record.seed, record.width, record.height) == (3.5, 9, 64, 128)


def test_compressed_texts_are_read(tmp_path: Path):
    path = tmp_path / "z.png"
    body = b"parameters\0\0" + zlib.compress(b"a cat\nSteps: 7, Sampler: Euler, CFG scale: 1, Seed: 2")
    path.write_bytes(_png_with(b"zTXt", body))
    assert read_record(path).steps == 7


# --- Files that are not what they should be -----------------------------------------------------


def _png_with(kind: bytes, body: bytes) -> bytes:
    plain = encode_png(PIXELS, {})
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return plain[:33] + chunk + plain[33:]


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    return buffer.getvalue()


WHOLE = encode_picture(PIXELS, make_record())
BAD_FILES = {
    "empty": (b"", "damaged|not a PNG"),
    "text": (b"hello, this is no picture at all", "not a PNG"),
    "jpeg": (_jpeg(), "not a PNG"),
    "no recipe": (encode_png(PIXELS, {"Title": "x"}), "doesn't say how it was made"),
    "cut in the text": (WHOLE[:200], "damaged or cut short"),
    "cut at the end": (WHOLE[:-12], "damaged or cut short"),
    "bad checksum": (WHOLE.replace(b"a cat", b"a dog", 1), "damaged or cut short"),
    "huge chunk length": (WHOLE[:33] + b"\xff\xff\xff\xfftEXt" + WHOLE[33:], "damaged or cut short"),
    "too much text": (_png_with(b"tEXt", b"parameters\0" + b"x" * (2 * MAX_TEXT_BYTES)), "more text"),
    "zip bomb": (_png_with(b"zTXt", b"parameters\0\0" + zlib.compress(b"x" * 2**26)), "more text"),
    "bad zip": (_png_with(b"zTXt", b"parameters\0\0nonsense"), "damaged"),
    "no key": (_png_with(b"tEXt", b"parameters"), "damaged"),
    "not our json": (encode_png(PIXELS, {"mezzotint": "{"}), "recipe in .* is damaged"),
    "a list": (encode_png(PIXELS, {"mezzotint": "[]"}), "recipe in .* is damaged"),
    "deep": (encode_png(PIXELS, {"mezzotint": "[" * 100_000}), "recipe in .* is damaged"),
    "wrong kinds": (
        encode_png(PIXELS, {"mezzotint": '{"format": 1, "steps": "many"}'}),
        "recipe in .* is damaged",
    ),
    "nested wrong": (
        encode_png(PIXELS, {"mezzotint": '{"stage_seconds": {"a": []}}'}),
        "recipe in .* is damaged",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_named_as_such(tmp_path: Path, name: str):
    data, words = BAD_FILES[name]
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(UnreadablePicture, match=words) as caught:
        read_record(path)
    assert caught.value.action.endswith(".")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_anywhere_raises_nothing_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(WHOLE) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("d") / "damaged.png"
    path.write_bytes(bytes(damaged[: data.draw(st.integers(0, len(WHOLE)))]))
    with contextlib.suppress(UnreadablePicture):
        read_record(path)


def test_every_sampler_name_comes_back(tmp_path: Path):
    from desktop.library.parameters import read_parameters, write_parameters

    for sampler in SAMPLERS:
        text = write_parameters(Record(prompt="x", sampler=sampler, steps=1, seed=1, width=8, height=8))
        assert read_parameters(text).sampler == sampler
