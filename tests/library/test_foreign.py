"""Recipes from other programs' pictures, to their documented formats."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.core.contract import UnreadablePicture
from desktop.library.foreign import read_recipe
from desktop.library.pictures import encode_picture
from desktop.library.record import Record
from desktop.library.samplers_elsewhere import sampler_id
from tests.desktop import foreign_pictures as made
from tests.fakes import square

FOX = Record(
    prompt="a fox",
    negative_prompt="rain, fog",
    model="dreamshaper_8",
    width=512,
    height=640,
    steps=30,
    guidance_scale=7.5,
    sampler="dpmpp_2m_karras",
    seed=42,
)
Make = Callable[[Path], Path]
DRAW_THINGS = json.dumps(made.DRAW_THINGS)
PICTURES: dict[str, tuple[str, Make]] = {
    "a1111 png": ("AUTOMATIC1111", lambda p: made.png(p, {"parameters": made.A1111})),
    "a1111 jpeg": ("AUTOMATIC1111", lambda p: made.jpeg(p, made.exif(made.A1111))),
    "a1111 webp": ("AUTOMATIC1111", lambda p: made.webp(p, made.exif(made.A1111))),
    "comfyui png": ("ComfyUI", lambda p: made.png(p, made.comfy_texts())),
    "comfyui webp": (
        "ComfyUI",
        lambda p: made.webp(
            p,
            made.exif(
                tags={
                    0x0110: "prompt:" + made.comfy_texts()["prompt"],
                    0x010F: "workflow:" + made.comfy_texts()["workflow"],
                }
            ),
        ),
    ),
    "invokeai png": ("InvokeAI", lambda p: made.png(p, {"invokeai_metadata": json.dumps(made.INVOKE)})),
    "draw things png": (
        "Draw Things",
        lambda p: made.png(p, {"XML:com.adobe.xmp": made.xmp(DRAW_THINGS, "a fox\n-rain", "Draw Things")}),
    ),
    "draw things jpeg": ("Draw Things", lambda p: made.jpeg(p, made.exif(DRAW_THINGS))),
    "mochi iptc": ("Mochi Diffusion", lambda p: made.jpeg(p, photoshop=made.iptc(made.MOCHI_1))),
    "mochi exif": ("Mochi Diffusion", lambda p: made.png(p, {}, made.exif(tags={0x010E: made.MOCHI_1}))),
    "mochi xmp": (
        "Mochi Diffusion",
        lambda p: made.jpeg(p, packet=made.xmp(description=made.MOCHI_1)),
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_recipe_from(name: str, tmp_path: Path) -> None:
    program, make = PICTURES[name]
    found = read_recipe(make(tmp_path / "picture"))
    assert found.program == program
    expected = {key: value for key, value in vars(FOX).items() if value not in (None, {}, "", 0, 1)}
    if program == "AUTOMATIC1111":
        expected["prompt"] = "a fox <lora:detail:0.8>"
    if program == "Mochi Diffusion":
        expected["sampler"] = "dpmpp_2m"
    assert {key: getattr(found.record, key) for key in expected} == expected


def test_what_has_no_place_is_named(tmp_path: Path) -> None:
    extras = {name: read_recipe(make(tmp_path / name)).extras for name, (_, make) in PICTURES.items()}
    assert extras["a1111 png"] == ("<lora:detail:0.8>",)
    assert read_recipe(tmp_path / "a1111 png").record.vae == "vae, ft"
    assert extras["comfyui png"] == ("LoraLoader: lora_name detail.safetensors",)
    assert extras["invokeai png"][0].startswith("loras: ")
    assert extras["draw things png"] == ("seed_mode: Scale Alike",)
    assert extras["mochi iptc"] == ("Upscaler: RealESRGAN",)


def test_mochis_second_format_keeps_every_character(tmp_path: Path) -> None:
    found = read_recipe(made.jpeg(tmp_path / "m.jpg", photoshop=made.iptc(made.MOCHI_2)))
    assert found.record.prompt == "a fox; a hound\nand a hare"
    assert (found.record.sampler, found.record.width, found.record.height) == ("plms", 16, 8)


def test_novelai(tmp_path: Path) -> None:
    texts = {"Software": "NovelAI", "Source": "Stable Diffusion F1022A28", "Title": "AI generated image"}
    texts |= {"Description": "a fox", "Comment": json.dumps(made.NOVELAI)}
    found = read_recipe(made.png(tmp_path / "n.png", texts))
    assert (found.record.prompt, found.record.seed, found.record.sampler) == ("a fox", 42, "euler_a")


def test_our_own(tmp_path: Path) -> None:
    (tmp_path / "own.png").write_bytes(encode_picture(square(8, 8, 1), FOX))
    found = read_recipe(tmp_path / "own.png")
    assert (found.program, found.record) == ("Mezzotint", FOX)


@pytest.mark.parametrize(
    ("name", "schedule", "ours"),
    [
        ("Euler a", "", "euler_a"),
        ("euler_ancestral", "normal", "euler_a"),
        ("DPM++ 2M SDE Karras", "", "dpmpp_2m_sde_karras"),
        ("dpmpp_sde_k", "", "dpmpp_sde_karras"),
        ("kdpm_2", "", "dpm2"),
        ("uni_pc", "karras", "unipc_karras"),
        ("PNDM", "", "plms"),
        ("Euler A Trailing", "", None),
        ("ddim", "karras", None),
    ],
)
def test_samplers_elsewhere(name: str, schedule: str, ours: str | None) -> None:
    assert sampler_id(name, schedule) == ours


def test_pictures_without_a_recipe_say_so(tmp_path: Path) -> None:
    for path in (
        made.png(tmp_path / "p.png", {}),
        made.jpeg(tmp_path / "j.jpg"),
        made.webp(tmp_path / "w", b""),
    ):
        with pytest.raises(UnreadablePicture, match="doesn't say"):
            read_recipe(path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UnreadablePicture):
        read_recipe(tmp_path / "text")


def test_damage_is_never_more_than_an_unreadable_picture(tmp_path: Path) -> None:
    for name, (_, make) in PICTURES.items():
        data = make(tmp_path / name).read_bytes()
        for cut in range(0, len(data), max(1, len(data) // 40)):
            for broken in (data[:cut], data[:cut] + b"\xff\0\x1c\x7f" + data[cut + 4 :]):
                path = tmp_path / "broken"
                path.write_bytes(broken)
                with contextlib.suppress(UnreadablePicture):
                    read_recipe(path)


def test_a_packet_that_would_fill_the_memory_is_left_alone(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    with pytest.raises(UnreadablePicture, match="doesn't say"):
        read_recipe(made.jpeg(tmp_path / "b.jpg", packet=bomb))
