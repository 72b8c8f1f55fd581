"""The states of the mask's brush, of extending and of its handles, for the screenshots."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw
from PySide6.QtTest import QTest

from backends.core.contract import Picture
from desktop.model.extending import BELOW, RIGHT
from desktop.model.models_fit import words_of_fit
from desktop.model.start import StartPicture

if TYPE_CHECKING:
    from tests.screenshots import Scene

_SIDE = 512


def brush(scene: Scene) -> None:
    """A mask is being painted over the start picture."""
    _start(scene)
    mask = Image.new("L", (_SIDE, _SIDE))
    ImageDraw.Draw(mask).line(((150, 190), (230, 150), (340, 170), (370, 240)), 255, 60, "curve")
    scene.make.form.mask = _png(mask)
    scene.window.make_screen.paint_mask()
    scene.before_grab.append(lambda: scene.window.make_screen.brush.canvas.setFocus())


def extend(scene: Scene) -> None:
    """Edges are to be added, and there is a mask."""
    _start(scene)
    mask = Image.new("L", (_SIDE, _SIDE))
    mask.paste(255, (0, 0, 200, 200))
    scene.make.form.mask = _png(mask)
    scene.make.form.extend = (64, 0, 64, 0)
    QTest.qWait(0)


def edges(scene: Scene) -> None:
    """The start picture's edges are pulled outwards; a handle has the focus, and memory is told."""
    _start(scene)
    mask = Image.new("L", (_SIDE, _SIDE))
    mask.paste(255, (60, 60, 200, 160))
    scene.make.form.mask = _png(mask)
    scene.make.form.use_size(_SIDE, _SIDE)
    scene.make.form.extend = (128, 0, 192, 64)
    scene.window.make_screen.paint_mask(extending=True)
    scene.make.extending.told.fit = words_of_fit("fits", 2_300_000_000, 9_000_000_000) + "."
    handle = scene.window.make_screen.brush.edges.handles[RIGHT, BELOW]
    scene.before_grab.append(handle.setFocus)


def _start(scene: Scene) -> None:
    from tests.screenshots import picture

    shown = picture(3, 128, _SIDE, _SIDE)
    image = Image.frombytes("RGB", (shown.width, shown.height), shown.rgb)
    scene.make.start_from(StartPicture(_png(image), "panda.png", "~/Pictures/panda.png"))
    scene.make.studio.start_size = (_SIDE, _SIDE)
    scene.make.studio.start_look = Picture(shown.width, shown.height, shown.rgb)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


STATES = (brush, extend, edges)
