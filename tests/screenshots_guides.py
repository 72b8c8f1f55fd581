"""The states of guides and reference pictures, for the screenshots."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from PySide6.QtTest import QTest

from backends.core.contract import GuideRefused, Picture
from backends.core.control_pictures import shown
from backends.core.opening import open_picture
from desktop.library import paths
from desktop.model.guide_desk import Seen
from desktop.model.guides import Guide
from desktop.model.start import StartPicture
from tests.desktop.guide_kit import write_net

if TYPE_CHECKING:
    from tests.screenshots import Scene

_SIDE = 512
_SAMPLES = Path(__file__).parents[1] / "docs" / "starter-samples.webp"


def guides_none(scene: Scene) -> None:
    """Open, and there is no ControlNet."""
    _guidable(scene)
    _open(scene)


def guides_not_able(scene: Scene) -> None:
    """The model is of a kind that ControlNets aren't for."""
    scene.make.offer([replace(scene.make.studio.models[0], takes_controls=False)])
    _open(scene)


def guides(scene: Scene) -> None:
    """Two: edges with settings, and one whose ControlNet is for another kind of model."""
    _guidable(scene)
    _nets()
    scene.make.form.use_size(512, 384)
    scene.make.form.guides = (
        Guide(picture=_picture(3, "panda at the beach.png"), model="control_v11p_sd15_canny_fp16",
              prepare="canny", weight=0.8, end=0.8),
        Guide(picture=_picture(9, "IMG_20260114_120233.jpg"), model="controlnet-depth-sdxl",
              prepare="scribble"),
    )  # fmt: skip
    _answer(scene)
    _open(scene)


def guide_refused(scene: Scene) -> None:
    """A picture could not be made with it."""
    guides(scene)
    error = GuideRefused("There is no ControlNet called 'scribble'.", "Did you mean scribble_v2?")
    scene.fail(error)


def references(scene: Scene) -> None:
    """Three that the model looks at."""
    scene.make.offer([replace(scene.make.studio.models[0], takes_references=True)])
    scene.make.form.references = tuple(_picture(number, f"picture {number}.png") for number in (3, 5, 8))
    _answer(scene)
    scene.before_grab.append(lambda: QTest.qWait(200))


def references_not_able(scene: Scene) -> None:
    """There are some, and the model takes none."""
    scene.make.form.references = (_picture(3, "panda.png"),)
    _answer(scene)


def _guidable(scene: Scene) -> None:
    scene.make.offer([replace(scene.make.studio.models[0], takes_controls=True)])


def _nets() -> None:
    folder = Path(os.environ[paths.HOME_VARIABLE]) / "controlnets"
    for name in ("control_v11p_sd15_canny_fp16", "control_v11p_sd15_openpose_fp16"):
        write_net(folder, name, "starter")
    write_net(folder, "controlnet-depth-sdxl", "sdxl")


def _answer(scene: Scene) -> None:
    """What the worker would have answered."""
    form, guiding = scene.make.form, scene.make.guides.guiding
    pictures = [*form.references, *(guide.picture for guide in form.guides if not guide.is_pose)]
    guiding.pictures = {
        each.sha256: Seen(_small(open_picture(each.data)), open_picture(each.data).size) for each in pictures
    }
    size = form.whole_size
    guiding.maps = {
        (guide.picture.sha256, guide.prepare, guide.by, size): Seen(
            _small(shown(guide.picture.data, guide.prepare, size)), size
        )
        for guide in form.guides
    }


def _small(image: Image.Image) -> Picture:
    return Picture(image.width, image.height, image.convert("RGB").tobytes())


def _picture(number: int, name: str) -> StartPicture:
    """One of the starter's pictures."""
    samples, buffer = Image.open(_SAMPLES).convert("RGB"), io.BytesIO()
    left, top = number % 8 * 128, number // 8 * 128
    samples.crop((left, top, left + 128, top + 128)).resize((_SIDE, _SIDE)).save(buffer, "PNG")
    return StartPicture(buffer.getvalue(), name, f"~/Pictures/{name}")


def _open(scene: Scene) -> None:
    fold, area = scene.window.make_screen.guides, scene.window.form.area
    fold.button.setChecked(True)
    scene.before_grab.append(lambda: _wait(scene))
    scene.before_grab.append(lambda: area.verticalScrollBar().setValue(fold.y() - 40))


def _wait(scene: Scene) -> None:
    while not scene.workshop.additions.additions.read:
        QTest.qWait(20)
    QTest.qWait(50)


STATES = (guides_none, guides_not_able, guides, guide_refused, references, references_not_able)
