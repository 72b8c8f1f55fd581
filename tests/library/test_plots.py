"""Axes of an XY plot: how they are read, and what they change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backends.core.contract import Control, Hires, InvalidRequest, MezzotintError, Picture, Request
from desktop.library import plot_sheet
from desktop.library.plot_page import page
from desktop.library.plot_sheet import Plot, draw
from desktop.library.plots import SETTINGS, Axis, cells, parse_axis, vary

REQUEST = Request(
    prompt="a fox in the snow <lora:ink:0.5>", negative_prompt="a blurred fox",
    width=64, height=64, steps=4, guidance_scale=3.0, sampler="euler", seed=7,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("steps=4,8,16", ["4", "8", "16"]),
        ("steps=1-5 (+2), 9", ["1", "3", "5", "9"]),
        ("guidance=1-7 [4]", ["1", "3", "5", "7"]),
        ("guidance=1.5..2.5 (+0.5)", ["1.5", "2", "2.5"]),
        ("Clip skip=2-0", ["2", "1", "0"]),
        ("strength=0.1-1 [3]", ["0.1", "0.55", "1"]),
        ("seed=5-5", ["5"]),
        ('prompt=fox,"cat, asleep",dog', ["fox", "cat, asleep", "dog"]),
        ("prompt=1-3,4-6", ["1-3", "4-6"]),
        ("lora:ink=0-1 (+0.5)", ["0", "0.5", "1"]),
        ("size=64x64, 128 x 64", ["64x64", "128 x 64"]),
    ],
)
def test_values_are_read_as_people_write_them(text: str, values: list[str]) -> None:
    assert list(parse_axis(text).values) == values


@pytest.mark.parametrize(
    "text", ["", "steps", "steps=", "steps= , ", "stairs=1,2", "lora:=1", "seed=1-100000000000", "=4"]
)
def test_what_is_no_axis_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_axis(text)
    assert error.value.action


def changed(text: str, request: Request = REQUEST) -> list[Request]:
    axis = parse_axis(text)
    return [axis.change(request, value) for value in axis.values]


def test_each_setting_changes_its_own_field() -> None:
    assert [each.steps for each in changed("steps=4,8")] == [4, 8]
    assert [each.seed for each in changed("seed=1-3")] == [1, 2, 3]
    assert [each.guidance_scale for each in changed("guidance=1,2.5")] == [1.0, 2.5]
    assert [each.sampler for each in changed("sampler=DPM++ 2M,ddim")] == ["dpmpp_2m", "ddim"]
    assert [(each.width, each.height) for each in changed("size=64x128,128x64")] == [(64, 128), (128, 64)]
    assert [each.strength for each in changed("strength=0.5,1")] == [0.5, 1.0]
    assert [each.clip_skip for each in changed("clip-skip=0,1")] == [0, 1]
    assert [each.negative_prompt for each in changed("negative=rain,night")] == ["rain", "night"]
    assert [each.model for each in changed("model=a,b")] == ["a", "b"]
    assert [each.vae for each in changed("vae=model,soft")] == ["", "soft"]
    assert [each.depth_by for each in changed("depth=model,rough,mine")] == ["", "rough", "mine"]


LARGER = replace(
    REQUEST,
    hires=Hires(width=128, height=128, steps=3, strength=0.5),
    controls=(Control(model="edges", image=b""), Control(model="depth", image=b"", weight=0.3)),
)


def test_the_second_pass_and_control_nets_are_settings_too() -> None:
    once, half, twice = (each.hires for each in changed("hires=1,1.5,2"))
    assert once is None
    assert half == Hires(width=96, height=96, steps=2, strength=0.5)
    assert twice == Hires(width=128, height=128, steps=2, strength=0.5)
    kept = [each.hires for each in changed("hires=1.5-2 [2]", LARGER)]
    assert [(each.width, each.steps) for each in kept if each] == [(96, 3), (128, 3)]
    assert [each.hires.strength for each in changed("hires-strength=0.2,1", LARGER) if each.hires] == [0.2, 1]
    assert [each.hires.steps for each in changed("hires-steps=1-3 (+2)", LARGER) if each.hires] == [1, 3]
    assert [each.hires.by for each in changed("hires-by=latent,lanczos", LARGER) if each.hires] == [
        "latent",
        "lanczos",
    ]
    weights = [[each.weight for each in one.controls] for one in changed("control-weight=0,1.5", LARGER)]
    assert weights == [[0, 0], [1.5, 1.5]]


def test_a_second_pass_grows_with_the_size() -> None:
    wide = changed("size=128x64", LARGER)[0]
    assert wide.hires is not None
    assert (wide.hires.width, wide.hires.height) == (256, 128)


def test_an_axis_may_turn_on_what_the_other_is_of() -> None:
    strength, scale = parse_axis("hires-strength=0.25"), parse_axis("hires=2")
    cell = vary(REQUEST, strength, 0, scale, 0)
    assert cell == vary(REQUEST, scale, 0, strength, 0)
    assert cell.hires == Hires(width=128, height=128, steps=2, strength=0.25)


@pytest.mark.parametrize(
    "text", ["hires-strength=0.5", "hires-steps=2", "hires-by=latent", "control-weight=1"]
)
def test_what_is_off_can_not_be_varied(text: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        changed(text)
    assert error.value.action


def test_words_take_each_others_place_in_both_prompts() -> None:
    found = changed("prompt=fox,cat")
    assert found[0] == REQUEST
    assert (found[1].prompt, found[1].negative_prompt) == (
        "a cat in the snow <lora:ink:0.5>",
        "a blurred cat",
    )


def test_a_lora_takes_each_strength() -> None:
    assert [each.prompt for each in changed("lora:ink=0,1")] == [
        "a fox in the snow <lora:ink:0>",
        "a fox in the snow <lora:ink:1>",
    ]
    assert changed("lora:new=0.25")[0].prompt == "a fox in the snow <lora:ink:0.5> <lora:new:0.25>"


@pytest.mark.parametrize(
    "text",
    ["steps=a,b", "steps=0", "guidance=x", "sampler=none", "size=64", "size=65x64", "prompt=bear,cat",
     "strength=2", "lora:ink=99", "lora:ink=x", "seed=1.5", "feather=x", "hires=9", "hires=x"],
)  # fmt: skip
def test_values_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(MezzotintError) as error:
        changed(text)
    assert str(error.value).count(".") >= 2


def test_both_axes_change_a_cell() -> None:
    x, y = parse_axis("steps=1,2,3"), parse_axis("prompt=fox,cat")
    cell = vary(REQUEST, x, 2, y, 1)
    assert (cell.steps, cell.prompt[:5]) == (3, "a cat")
    assert vary(REQUEST, x, 1, None, 0).steps == 2


def test_what_loads_weights_again_changes_least_often() -> None:
    steps, models, lora = (parse_axis(text) for text in ("steps=1,2", "model=a,b", "lora:ink=0,1"))
    assert cells(steps, models) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert cells(models, steps) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert cells(lora, models) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert cells(lora, None) == [(0, 0), (1, 0)]
    with pytest.raises(InvalidRequest, match="441"):
        cells(parse_axis("seed=1-21"), parse_axis("steps=1-21"))


def test_every_setting_has_a_title() -> None:
    assert all(Axis(setting, ("1",)).title for setting in SETTINGS)
    assert Axis("lora:ink", ("1",)).title == "ink (LoRA)"


# --- The sheet and the page ---------------------------------------------------------------------


def plot_of(folder: Path, **changes: object) -> Plot:
    files = {}
    for column, colour in enumerate(("#ff0000", "#00ff00")):
        files[column, 0] = folder / f"0{column} & one.png"
        Image.new("RGB", (60, 40), colour).save(files[column, 0])
    told = {
        "title": "a <fox>", "shared": "seed 7", "x_title": "Steps", "x_values": ("4", "8"),
        "y_title": "Model",
        "y_values": ("starter", "a model with a very long name that nobody can read"), "files": files,
        "problems": {(0, 1): "There is no memory for it."},
    }  # fmt: skip
    return Plot(**{**told, **changes})  # type: ignore[arg-type]


def image_of(picture: Picture) -> Image.Image:
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def box_of(image: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Where pixels of this colour are: left, top, right, bottom."""
    rows, columns = np.nonzero((np.asarray(image) == colour).all(axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_the_sheet_shows_each_picture_whole_in_its_row_and_column(tmp_path: Path) -> None:
    image = image_of(draw(plot_of(tmp_path)))
    left, right = box_of(image, (255, 0, 0)), box_of(image, (0, 255, 0))
    assert (left[2] - left[0], left[3] - left[1]) == (60, 40)
    assert (left[1], left[3]) == (right[1], right[3])
    assert left[2] < right[0]


def test_a_large_plots_pictures_are_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_sheet, "LARGEST_SIDE", 100)
    left, top, right, bottom = box_of(image_of(draw(plot_of(tmp_path))), (255, 0, 0))
    assert (right - left, bottom - top) == (45, 30)


@pytest.mark.parametrize("words", ["雪の中の狐 " * 30, "ein Fuchs im Schnee " * 30, "\n\n", "🦊"])
def test_any_words_can_stand_on_it(tmp_path: Path, words: str) -> None:
    made = draw(plot_of(tmp_path, title=words, x_values=(words, "8"), shared=words))
    assert made.width > 120


def test_the_page_escapes_what_it_shows_and_reaches_for_nothing(tmp_path: Path) -> None:
    text = page(plot_of(tmp_path), {(0, 0): 'a "fox"\nSteps: 4'}, tmp_path.parent)
    assert "<h1>a &lt;fox&gt;</h1>" in text
    assert f'href="{tmp_path.name}/00%20%26%20one.png"' in text
    assert 'title="a &quot;fox&quot;\nSteps: 4"' in text
    assert "There is no memory for it." in text
    assert "not made" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text
