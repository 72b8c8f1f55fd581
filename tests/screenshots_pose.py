"""The states of the editor for poses, for the screenshots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from backends.core.contract import DEPTH
from backends.core.contract.pose import Pose, pose_bytes
from desktop.library import paths
from desktop.model.guides import Guide
from desktop.model.pose_person import new_person
from desktop.model.pose_presets import PRESETS
from desktop.model.start import StartPicture
from tests.screenshots_guides import _answer, _guidable, _nets, _picture
from tests.screenshots_guides import _open as _open_fold
from tests.screenshots_inpaint import _start as with_start_picture

if TYPE_CHECKING:
    from tests.screenshots import Scene


def pose(scene: Scene) -> None:
    """Somebody stands there, over the start picture."""
    with_start_picture(scene)
    _open(scene)


def pose_of_two(scene: Scene) -> None:
    """Two people in a wide picture, one with a joint left out."""
    scene.make.form.use_size(768, 512)
    _open(scene)
    editor = scene.window.make_screen.pose
    assert editor.sheet is not None
    editor.sheet.use_preset("waving")
    editor.sheet.drag_person((-150, 0))
    editor.sheet.add("walking")
    editor.sheet.choose(1, 7)
    editor.sheet.hide(True)


def pose_guide(scene: Scene) -> None:
    """The guide that a pose makes, with its button."""
    _guidable(scene)
    _nets()
    scene.make.form.use_size(512, 512)
    person = new_person(PRESETS["walking"], (512, 512))
    data = pose_bytes(Pose(people=(person.figure,), canvas=(512, 512)))
    scene.make.guides.add_guide(StartPicture(data, "walk.json"), "control_v11p_sd15_openpose_fp16")
    _answer(scene)
    _open_fold(scene)


def depth_guide(scene: Scene) -> None:
    """Depth of a picture, roughly, and a depth model that could find it."""
    _guidable(scene)
    _nets()
    model = Path(os.environ[paths.HOME_VARIABLE]) / "preprocessors" / "Depth-Anything-V2-Small-hf"
    model.mkdir(parents=True)
    (model / "model.safetensors").touch()
    (model / "config.json").write_text('{"architectures": ["DepthAnythingForDepthEstimation"]}')
    scene.make.form.use_size(512, 512)
    picture = _picture(53, "panda.png")
    scene.make.form.guides = (
        Guide(picture=picture, model="control_v11p_sd15_openpose_fp16", prepare=DEPTH, weight=0.7),
    )
    _answer(scene)
    _open_fold(scene)


def _open(scene: Scene) -> None:
    screen = scene.window.make_screen
    screen.edit_pose(None, bytes, screen.form.prompt)
    scene.before_grab.append(screen.pose.canvas.setFocus)


STATES = (pose, pose_of_two, pose_guide, depth_guide)
