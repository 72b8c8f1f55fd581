"""The states of the hi-res fix and of upscaling, for the screenshots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from desktop.model.additions import Found
from tests import screenshots_gallery

if TYPE_CHECKING:
    from tests.screenshots import Scene

_FOUND = Found(upscalers=("4x-UltraSharp", "RealESRGAN_x4plus"))


def hires(scene: Scene) -> None:
    """The hi-res fix is open, with an upscaler."""
    scene.window.form.more.button.setChecked(False)
    fold = scene.window.make_screen.hires
    fold.button.setChecked(True)
    scene.workshop.additions.additions.found = _FOUND
    scene.make.form.hires_by = "RealESRGAN_x4plus"
    scene.before_grab.append(lambda: scene.window.form.area.ensureWidgetVisible(fold.said))


def upscaling(scene: Scene) -> None:
    """A picture of the gallery is being made larger."""
    screen = screenshots_gallery.open_gallery(scene)
    screenshots_gallery.choose(screen, 1)
    scene.workshop.additions.additions.found = _FOUND
    at = screen.upscaling.upscaling
    at.picture, at.way = Path("2026-11-23-4711-a-panda-eating-tacos.png"), "4x-UltraSharp"
    screen.upscale.way.setCurrentIndex(1)
    at.running, at.of = True, 8
    at.done = 3


STATES = (hires, upscaling)
