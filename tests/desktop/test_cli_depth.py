"""Depth of the start picture, from the command line to the PNG and back, with small real models."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from backends.core.contract import ROUGH_DEPTH, START_DEPTH
from backends.core.model_folder import sha256
from desktop.cli import app
from desktop.cli.generate_options import GenerateOptions
from desktop.cli.plan import make_plan
from desktop.errands import queue_of
from desktop.library.brought import Brought
from desktop.library.database import Library
from desktop.library.jobs import add_job
from desktop.library.record import InitPicture, from_json, to_json
from tests.core.test_depth import dpt
from tests.desktop.cli_runner import Ran
from tests.desktop.test_cli_lora import pixels, recorded
from tests.fakes import fake_job
from tests.families.reference import start_picture
from tests.library.conftest import library  # noqa: F401  a fixture
from tests.tiny_depth import make_tiny_depth
from tests.tiny_models import EPSILON

# ruff: noqa: F811  fixtures are imported

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_depth(tmp_path_factory.mktemp("models") / "told", EPSILON)


@pytest.fixture
def run(home: Path, told: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Two models: "told" has a depth network of its own, "bare" has none."""
    monkeypatch.setattr(app, "_be_offline_and_quiet", lambda: None)
    shutil.copytree(told, home / "models" / "told")
    shutil.copytree(told, home / "models" / "bare")
    shutil.rmtree(home / "models" / "bare" / "depth_estimator")
    start_picture(64).save(home / "start.png")
    Image.linear_gradient("L").resize((64, 64)).save(home / "map.png")

    def generate(*words: str) -> Ran:
        plain = [] if "--like" in words else ["--seed", "7", "--steps", "2", "--size", "64x64"]
        code = app.run_command(["generate", *words, *plain, "--quiet"])
        shown = capsys.readouterr()
        return Ran(code, shown.out, shown.err, [])

    return generate


def test_its_own_roughly_by_a_map_and_again(run: Run, home: Path) -> None:
    start = ("a fox", "--model", "told", "--start", str(home / "start.png"))
    own, rough = run(*start), run(*start, "--depth", "rough")
    mapped = run(*start, "--depth", str(home / "map.png"))
    assert len({pixels(own), pixels(rough), pixels(mapped)}) == 3
    weights = home / "models/told/depth_estimator/model.safetensors"
    assert recorded(own).provenance[START_DEPTH] == f"the model's own network: {sha256(weights)}"
    assert (recorded(own).depth_by, recorded(rough).depth_by) == (None, ROUGH_DEPTH)
    kept = recorded(mapped).depth_map
    assert kept is not None
    assert (kept.name, kept.sha256) == ("map.png", sha256(home / "map.png"))
    for made in (own, rough, mapped):
        assert pixels(run("--like", str(made.path))) == pixels(made)
    assert pixels(run("--like", str(mapped.path), "--depth", "model")) == pixels(own)
    assert "depth is a rough estimate" in rough.err
    assert "rough" not in own.err
    assert from_json(to_json(recorded(mapped))) == recorded(mapped)
    (home / "map.png").unlink()
    gone = run("--like", str(mapped.path))
    assert (gone.code, "depth map map.png is not there any more" in gone.err) == (2, True)


def test_without_one_of_its_own_a_depth_model_comes_first(run: Run, home: Path) -> None:
    start = ("a fox", "--model", "bare", "--start", str(home / "start.png"))
    rough = run(*start)
    assert recorded(rough).depth_by == ROUGH_DEPTH
    torch.manual_seed(4)
    dpt(home / "preprocessors" / "mine")
    mine = run(*start)
    assert recorded(mine).depth_by == "mine"
    assert recorded(mine).provenance[START_DEPTH].startswith("mine: ")
    assert pixels(mine) != pixels(rough)
    assert pixels(run("--like", str(rough.path))) == pixels(rough)
    changed = home / "preprocessors" / "mine"
    shutil.rmtree(changed)
    dpt(changed)
    again = run("--like", str(mine.path))
    assert "That picture's depth was found otherwise" in again.err


def test_what_is_missing_is_said(run: Run, home: Path) -> None:
    nothing = run("a fox", "--model", "told")
    assert nothing.code == 2
    assert "keeps the depth of another picture" in nothing.err
    assert "Give a start picture, or a depth map." in nothing.err
    assert run("a fox", "--model", "told", "--depth", str(home / "map.png")).code == 0
    near = run("a fox", "--model", "told", "--start", str(home / "start.png"), "--depth", "mein")
    assert (near.code, "no depth model called 'mein'" in near.err) == (2, True)
    plan = make_plan(GenerateOptions(prompt="a fox", depth=str(home / "map.png")))
    assert plan.request.depth_map == (home / "map.png").read_bytes()  # the engine says that it is of no use


def test_the_queue_keeps_it(library: Library) -> None:
    job = fake_job()
    named = InitPicture(name="map.png", path="~/map.png", sha256="00")
    mapped = replace(job, request=replace(job.request, depth_map=b"a map"))
    add_job(library, mapped, brought=Brought(depth_map=named))
    add_job(library, replace(job, request=replace(job.request, depth_by="mine", id="another")))
    first, second = queue_of(library)
    assert first.job.request == mapped.request
    assert first.beside.depth_map is not None
    assert (first.beside.depth_map.data, first.beside.depth_map.path) == (b"a map", "~/map.png")
    assert (second.job.request.depth_by, second.beside.depth_map) == ("mine", None)
