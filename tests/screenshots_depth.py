"""The states of models that keep a picture's depth, for the screenshots."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtTest import QTest

from backends.core.contract import Defaults
from backends.core.opening import open_picture
from desktop.library import paths
from desktop.model.form import ModelChoice
from tests.screenshots_guides import _picture, _small

if TYPE_CHECKING:
    from tests.screenshots import Scene

_DEPTH = ModelChoice(
    name="sd2-depth",
    title="Stable Diffusion 2 depth",
    folder=Path("sd2-depth"),
    defaults=Defaults(width=512, height=512, steps=20, guidance_scale=7.0, sampler="dpmpp_2m"),
    family="sd1",
    takes_depth=True,
    finds_depth=True,
)


def depth_wanted(scene: Scene) -> None:
    """Such a model without a picture: what it wants, and what Generate says."""
    _open(scene, _DEPTH)
    scene.make.generate()


def depth_own(scene: Scene) -> None:
    """With a start picture, found by the model's own network."""
    _open(scene, _DEPTH)
    _start(scene)


def depth_by_another(scene: Scene) -> None:
    """It has no network of its own, and there is a depth model."""
    folder = Path(os.environ[paths.HOME_VARIABLE]) / "preprocessors" / "Depth-Anything-V2-Small-hf"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"architectures": ["DepthAnythingForDepthEstimation"]}')
    (folder / "model.safetensors").touch()
    _open(scene, replace(_DEPTH, finds_depth=False))
    _start(scene)
    scene.before_grab.append(lambda: QTest.qWait(300))


def depth_map(scene: Scene) -> None:
    """A map of one's own, and nothing to start from."""
    _open(scene, _DEPTH)
    scene.make.form.depth_map = _picture(9, "IMG_20260114_120233_depth.png")


def _open(scene: Scene, model: ModelChoice) -> None:
    scene.make.offer((*scene.make.studio.models, model))
    scene.make.form.use_model(model)


def _start(scene: Scene) -> None:
    picture = _picture(3, "panda at the beach.png")
    scene.make.form.start = picture
    image = open_picture(picture.data)
    scene.make.studio.start_size, scene.make.studio.start_look = image.size, _small(image)


STATES = (depth_wanted, depth_own, depth_by_another, depth_map)
