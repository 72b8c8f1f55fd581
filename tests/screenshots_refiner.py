"""The states of the refiner, for the screenshots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backends.core.contract import Defaults, Stage, StageStarted
from desktop.model.form import ModelChoice

if TYPE_CHECKING:
    from tests.screenshots import Scene

_LARGE = Defaults(width=1024, height=1024, steps=30, guidance_scale=6.0, sampler="dpmpp_2m_karras")
_BASE = ModelChoice(
    name="sdxl",
    title="Stable Diffusion XL 1.0",
    folder=Path("sdxl"),
    defaults=_LARGE,
    family="sdxl",
    has_refiner=True,
)
_REFINER = replace(
    _BASE,
    name="sdxl-refiner",
    title="SDXL 1.0 refiner",
    family="sdxl_refiner",
    has_refiner=False,
    refines=("sdxl",),
)


def refiner(scene: Scene) -> None:
    """A refiner is chosen, and makes its steps."""
    _open(scene, _BASE, _REFINER)
    scene.make.form.refiner, scene.make.form.refiner_switch = _REFINER.name, 0.8
    scene.begin()
    scene.step(24)
    scene.make.take(StageStarted(scene.request.id, Stage.REFINING))


def no_refiner(scene: Scene) -> None:
    """None is installed: what it is, and where to get one."""
    _open(scene, _BASE)


def refiner_alone(scene: Scene) -> None:
    """A refiner chosen as the model says what it is for."""
    _open(scene, _BASE, _REFINER)
    scene.make.form.use_model(_REFINER)
    scene.window.form.more.button.setChecked(False)


def _open(scene: Scene, *models: ModelChoice) -> None:
    scene.make.offer((*scene.make.studio.models, *models))
    scene.make.form.use_model(models[0])
    form = scene.window.form
    form.more.button.setChecked(True)
    rows = form.refiner

    def show() -> None:
        form.area.ensureWidgetVisible(rows.fetch if rows.fetch.isVisible() else rows.switch)

    scene.before_grab.append(show)


STATES = (refiner, no_refiner, refiner_alone)
