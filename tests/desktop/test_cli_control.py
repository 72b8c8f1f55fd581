"""`mezzotint generate --control ...`: what is asked for, kept in the picture, and repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backends.core.contract import Control
from backends.core.contract.pose import read_pose
from desktop.library.additions import search_folders
from desktop.library.png import read_png_texts
from tests.desktop.cli_runner import Mezzotint
from tests.families.reference import png_bytes, start_picture

EDGES = png_bytes(start_picture(64))


@pytest.fixture(autouse=True)
def picture(home: Path) -> Path:
    path = Path("fox, asleep.png")
    path.write_bytes(EDGES)
    return path


def test_it_reaches_the_request(mezzotint: Mezzotint) -> None:
    request = mezzotint("generate", "x", "--control", "canny=fox, asleep.png").requests[0]
    assert request.controls == (Control(model="canny", image=EDGES),)
    written = "canny=fox, asleep.png, weight=0.5,prepare=canny,from=0.1,to=0.9"
    request = mezzotint("generate", "x", "--control", written, "--control", "b=fox, asleep.png").requests[0]
    assert request.controls == (
        Control(model="canny", image=EDGES, prepare="canny", weight=0.5, start=0.1, end=0.9),
        Control(model="b", image=EDGES),
    )


def test_a_file_anywhere_is_a_controlnet(mezzotint: Mezzotint) -> None:
    Path("net.safetensors").touch()
    request = mezzotint("generate", "x", "--control", "net.safetensors=fox, asleep.png").requests[0]
    assert request.controls[0].model == "net"


def test_like_repeats_it(mezzotint: Mezzotint) -> None:
    written = "canny=fox, asleep.png,weight=0.5,prepare=tile,to=0.9"
    first = mezzotint("generate", "x", "--control", written, "--seed", "3")
    again = mezzotint("generate", "--like", str(first.path))
    assert again.requests == first.requests
    kept = json.loads(read_png_texts(first.path)["mezzotint"])["controls"]
    assert [each["model"] for each in kept] == ["canny"]
    assert kept[0]["picture"]["name"] == "fox, asleep.png"
    line = mezzotint("generate", "--like", str(first.path), "--json").lines[0]
    assert line["controls"][0]["prepare"] == "tile"


def test_a_pose_is_kept_in_the_recipe(mezzotint: Mezzotint) -> None:
    points = [each for number in range(18) for each in (20.5 + number, 30 + number, 1)]
    written = {
        "people": [{"pose_keypoints_2d": points, "face_keypoints_2d": []}],
        "canvas_width": 64,
        "canvas_height": 64,
    }
    Path("pose.json").write_text(json.dumps(written))
    first = mezzotint("generate", "x", "--control", "openpose=pose.json", "--seed", "3")
    named = mezzotint("generate", "x", "--control", "openpose=pose.json,prepare=pose", "--seed", "3")
    assert first.requests == named.requests
    assert first.requests[0].controls[0].prepare == "pose"
    assert read_pose(first.requests[0].controls[0].image).canvas == (64, 64)
    Path("pose.json").unlink()
    assert mezzotint("generate", "--like", str(first.path)).requests == first.requests


def test_depth_is_found_by_a_model_where_there_is_one(mezzotint: Mezzotint, tmp_path: Path) -> None:
    rough = mezzotint("generate", "x", "--control", "depth=fox, asleep.png,prepare=depth")
    assert rough.requests[0].controls[0] == Control(model="depth", image=EDGES, prepare="depth")
    assert "rough" in rough.err
    folder = search_folders()[0] / "preprocessors" / "small"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (folder / "config.json").write_text('{"architectures": ["DPTForDepthEstimation"]}')
    first = mezzotint("generate", "x", "--control", "depth=fox, asleep.png,prepare=depth", "--seed", "3")
    assert first.requests[0].controls[0].by == "small"
    assert "rough" not in first.err
    asked = mezzotint("generate", "x", "--control", "depth=fox, asleep.png,by=rough,prepare=depth")
    assert asked.requests[0].controls == rough.requests[0].controls
    assert mezzotint("generate", "--like", str(first.path)).requests == first.requests


def test_a_damaged_pose_is_told(mezzotint: Mezzotint) -> None:
    Path("pose.json").write_text('{"people": 3}')
    ran = mezzotint("generate", "x", "--control", "openpose=pose.json")
    assert ran.code != 0
    assert "no pose" in ran.err
    assert ran.requests == []


def test_a_picture_that_is_gone_is_told(mezzotint: Mezzotint, picture: Path) -> None:
    first = mezzotint("generate", "x", "--control", "canny=fox, asleep.png", "--seed", "3")
    picture.write_bytes(png_bytes(start_picture(32)))
    again = mezzotint("generate", "--like", str(first.path))
    assert again.code != 0
    assert "--control" in again.err
    assert again.requests == []


@pytest.mark.parametrize(
    "text",
    ["canny", "=fox, asleep.png", "canny=", "canny=none.png", "canny=fox, asleep.png,weight=much",
     "canny=fox, asleep.png,weight=3", "canny=fox, asleep.png,prepare=pose",
     "canny=fox, asleep.png,from=0.9,to=0.1"],
)  # fmt: skip
def test_what_means_nothing_is_told(mezzotint: Mezzotint, text: str) -> None:
    ran = mezzotint("generate", "x", "--control", text)
    assert ran.code != 0
    assert "Traceback" not in ran.err
    assert ran.err.count(".") >= 2
    assert ran.requests == []
