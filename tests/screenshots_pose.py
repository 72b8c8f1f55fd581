"""The states of the editor for poses, for the screenshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def _open(scene: Scene) -> None:
    screen = scene.window.make_screen
    screen.edit_pose(None, bytes, screen.form.prompt)
    scene.before_grab.append(screen.pose.canvas.setFocus)


STATES = (pose, pose_of_two)
