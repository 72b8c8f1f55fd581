"""The states of the Inside tab: nothing yet, not looked into, and each of its five stations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.view.inside.panel import InsidePanel
from tests import fake_inside

if TYPE_CHECKING:
    from tests.screenshots import Scene


def inside_empty(scene: Scene) -> None:
    """The tab is opened for the first time."""
    _open(scene)


def inside_unseen(scene: Scene) -> None:
    """The picture was made while the tab was closed."""
    scene.begin()
    scene.finish(1)
    _open(scene)


def _station(name: str) -> Callable[[Scene], None]:
    def state(scene: Scene) -> None:
        panel = _open(scene)
        scene.make.form.prompt, scene.make.form.steps = "a panda eating tacos at the beach " * 12, 20
        scene.begin()
        for event in fake_inside.whole_run(scene.request):
            scene.bench.happened.emit(event)
        panel.inside.show_step(9)
        panel.inside.show_token(1)
        panel.stations.open(name)

    state.__name__ = f"inside_{name}"
    return state


def _open(scene: Scene) -> InsidePanel:
    scene.window.make_screen.show_tab("inside")
    panel = scene.window.make_screen.shown.built["inside"]
    assert isinstance(panel, InsidePanel)
    return panel


STATES = (
    inside_empty,
    inside_unseen,
    *(_station(name) for name in ("prompt", "tokens", "noise", "steps", "picture")),
)
