"""Recipes as other programs wrote them over the years, and as somebody wrote them to do harm."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.core.contract import Hires, UnreadablePicture
from desktop.library.foreign import Foreign, read_recipe
from desktop.library.pictures import RECORD_KEY
from desktop.library.record import Record
from desktop.model.form import Form
from desktop.model.recipes import fill
from tests.desktop import foreign_pictures as made
from tests.library.test_foreign import FOX


def graph(changes: dict[str, Any]) -> dict[str, str]:
    """A PNG's texts for the ComfyUI graph with some nodes in place of others, saved without its layout."""
    return {"prompt": json.dumps({**copy.deepcopy(made.COMFY_GRAPH), **changes})}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


SAMPLING = dict(made.COMFY_GRAPH["3"]["inputs"])
PIECES = {key: SAMPLING[key] for key in ("model", "positive", "negative", "latent_image")}
FLUX = {
    "5": node("EmptySD3LatentImage", width=512, height=640, batch_size=1),
    "6": node("CLIPTextEncode", text="a fox", clip=["11", 0]),
    "8": node("VAEDecode", samples=["13", 0], vae=["10", 0]),
    "9": node("SaveImage", images=["8", 0]),
    "10": node("VAELoader", vae_name="ae.safetensors"),
    "11": node("DualCLIPLoader", clip_name1="t5", clip_name2="l"),
    "12": node("UNETLoader", unet_name="dreamshaper_8.safetensors"),
    "13": node(
        "SamplerCustomAdvanced",
        noise=["25", 0], guider=["22", 0], sampler=["16", 0], sigmas=["17", 0], latent_image=["5", 0],
    ),
    "16": node("KSamplerSelect", sampler_name="dpmpp_2m"),
    "17": node("BasicScheduler", scheduler="karras", steps=30, denoise=1, model=["12", 0]),
    "22": node("BasicGuider", model=["12", 0], conditioning=["26", 0]),
    "25": node("RandomNoise", noise_seed=42),
    "26": node("FluxGuidance", guidance=7.5, conditioning=["6", 0]),
}  # fmt: skip
EFFICIENT = {
    "1": node(
        "Efficient Loader", ckpt_name="dreamshaper_8.safetensors", positive="a fox", negative="rain, fog",
        empty_latent_width=512, empty_latent_height=640,
    ),
    "2": node(
        "KSampler (Efficient)", seed=42, steps=30, cfg=7.5, sampler_name="dpmpp_2m", scheduler="karras",
        model=["1", 0], positive=["1", 1], negative=["1", 2], latent_image=["1", 3],
    ),
}  # fmt: skip
INVOKE_2 = {
    "model_weights": "dreamshaper_8", "app_version": "2.3.5",
    "image": {
        "prompt": [{"prompt": "a fox [rain, fog]", "weight": 1.0}], "steps": 30, "cfg_scale": 7.5,
        "height": 640, "width": 512, "seed": 42, "type": "txt2img", "sampler": "k_dpmpp_2",
    },
}  # fmt: skip
INVOKE_5 = {**made.INVOKE, "model": {"key": "k", "name": "dreamshaper_8", "base": "sd-1", "type": "main"}}
DREAM = '"a fox [rain, fog]" -s 30 -S 42 -W 512 -H 640 -C 7.5 -A k_dpmpp_2'
PLAIN = replace(FOX, sampler="dpmpp_2m")
VARIANTS: dict[str, tuple[dict[str, str], Record]] = {
    "advanced": (graph({"3": node("KSamplerAdvanced", noise_seed=42, **SAMPLING)}), FOX),
    "linked": (
        graph(
            {
                "3": node("KSampler", **{**SAMPLING, "seed": ["21", 0], "steps": ["22", 0]}),
                "6": node("CLIPTextEncode", text=["20", 0], clip=["4", 1]),
                "20": node("String Literal", string="a fox"),
                "21": node("Seed (rgthree)", seed=42),
                "22": node("PrimitiveInt", value=30),
            }
        ),
        FOX,
    ),
    "two texts": (graph({"6": node("CLIPTextEncodeSDXL", text_g="a fox", text_l="a fox")}), FOX),
    "in pieces": (
        graph(
            {
                "3": node(
                    "SamplerCustom", noise_seed=42, cfg=7.5, sampler=["30", 0], sigmas=["31", 0], **PIECES
                ),
                "30": node("KSamplerSelect", sampler_name="dpmpp_2m"),
                "31": node("KarrasScheduler", steps=30, sigma_max=14.6),
            }
        ),
        FOX,
    ),
    "a circle": (graph({"10": node("LoraLoader", lora_name="detail", model=["10", 0])}), FOX),
    "flux": ({"prompt": json.dumps(FLUX)}, replace(FOX, negative_prompt="", vae="ae")),
    "efficient": ({"prompt": json.dumps(EFFICIENT)}, FOX),
    "invoke 2": ({"sd-metadata": json.dumps(INVOKE_2), "Dream": DREAM}, PLAIN),
    "invoke dream": ({"dream": DREAM}, replace(PLAIN, model=None)),
    "invoke 5": ({"invokeai_metadata": json.dumps(INVOKE_5), "invokeai_graph": "{}"}, FOX),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant(name: str, tmp_path: Path) -> None:
    texts, expected = VARIANTS[name]
    assert read_recipe(made.png(tmp_path / "p.png", texts)).record == expected


HIRES = (
    "a fox,\n\nsnow <lora:detail:0.8>\nNegative prompt: rain,\nfog\nSteps: 30, Sampler: DPM++ 2M Karras, "
    "CFG scale: 7.5, Seed: 42, Size: 512x640, Model: dreamshaper_8, Denoising strength: 0.55, "
    'Hires upscale: 2, Hires upscaler: Latent, Lora hashes: "detail: abc, b: def", Version: v1.6.0'
)


def test_several_lines_an_enlarged_picture_and_quotes(tmp_path: Path) -> None:
    found = read_recipe(made.png(tmp_path / "p.png", {"parameters": HIRES}))
    assert found.record.prompt == "a fox,\n\nsnow <lora:detail:0.8>"
    assert (found.record.negative_prompt, found.record.strength, found.record.width) == (
        "rain,\nfog",
        None,
        512,
    )
    assert found.record.hires == Hires(width=1024, height=1280, steps=30, strength=0.55)
    assert found.extras == ("<lora:detail:0.8>", "Lora hashes: detail: abc, b: def")


@pytest.mark.parametrize("coded", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("prompt", ["a fox", "雪の中の狐"])
def test_a_comment_in_either_order_of_bytes(coded: str, prompt: str, tmp_path: Path) -> None:
    text = made.A1111.replace("a fox <lora:detail:0.8>", prompt)
    block = made.exif(text).replace(text.encode("utf-16-be"), text.encode(coded))
    for path in (made.jpeg(tmp_path / "p.jpg", block), made.webp(tmp_path / "p.webp", block)):
        assert (read_recipe(path).record.prompt, read_recipe(path).record.seed) == (prompt, 42)


# --- to do harm ---

WRONG: tuple[Any, ...] = (
    [], {}, [[]], [None], {"a": 1}, None, True, "", "²", "9" * 400, "nan", "\ud800", float("nan"), -1,
    10**40, 1e308, ["3", 0], ["no such", 0], [3], "0" * 5000,
)  # fmt: skip
OBJECTS: dict[str, Any] = {
    "prompt": {**made.COMFY_GRAPH, "13": FLUX["13"], "17": FLUX["17"]},
    "invokeai_metadata": made.INVOKE,
    "sd-metadata": INVOKE_2,
    "XML:com.adobe.xmp": made.DRAW_THINGS,
    RECORD_KEY: {
        "format": 1,
        "prompt": "a fox",
        "seed": 1,
        "width": 64,
        "height": 64,
        "stage_seconds": {"a": 1},
    },
}


def spoilt(value: Any) -> Iterator[Any]:
    """The value with each of its parts replaced, in turn, by something that has no business there."""
    yield from WRONG
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, part in entries:
        inner = spoilt(part) if isinstance(part, dict) else WRONG
        for wrong in inner:
            changed = copy.copy(value)
            changed[key] = wrong
            yield changed


def used(path: Path) -> Foreign | None:
    """Read, and put into the form, as dropping it does."""
    try:
        found = read_recipe(path)
    except UnreadablePicture:
        return None
    fill(Form(), found.record, {})
    found.record.prompt.encode()
    return found


@pytest.mark.parametrize("name", OBJECTS)
def test_wrong_values_anywhere_do_no_harm(name: str, tmp_path: Path) -> None:
    readable = 0
    for number, value in enumerate(spoilt(OBJECTS[name])):
        if number % 4 and number > 40:  # some are enough
            continue
        text = json.dumps(value)
        packet = made.xmp(text, "", "Draw Things") if name.startswith("XML") else text
        readable += used(made.png(tmp_path / "p.png", {name: packet})) is not None
    assert readable or name == RECORD_KEY


LONG = "<a:" * 100_000 + "9" * 300_000 + ', "' * 50_000
"""Slow to read for whoever looks for the end of each beginning."""


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 50_000, "{", "null", '{"3": NaN}', "9" * 10_000, LONG]
)
def test_text_that_is_no_recipe(text: str, tmp_path: Path) -> None:
    for key in ("prompt", "invokeai_metadata", "sd-metadata", "parameters", RECORD_KEY, "Dream"):
        used(made.png(tmp_path / "p.png", {key: text}))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_small_text_that_unpacks_to_a_huge_one_is_refused(kind: bytes, tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(40)) + packer.flush()
    head = b"parameters\0" + (b"\0" if kind == b"zTXt" else b"\1\0\0\0")
    path = made.png(tmp_path / "p.png", {})
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk(kind, head + packed) + data[33:])
    with pytest.raises(UnreadablePicture, match="more text"):
        read_recipe(path)


def test_a_text_of_100_mb_is_not_read(tmp_path: Path) -> None:
    path = made.png(tmp_path / "p.png", {})
    data = path.read_bytes()
    with path.open("wb") as file:
        file.write(data[:33] + struct.pack(">I", 100 * 2**20) + b"tEXt")
        file.seek(100 * 2**20, 1)  # a hole in the file: nothing is written
        file.write(b"\0\0\0\0" + data[33:])
    with pytest.raises(UnreadablePicture, match="more text"):
        read_recipe(path)
