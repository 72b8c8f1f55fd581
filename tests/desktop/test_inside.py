"""The Inside tab through its real widgets: with the worker played by the test, and with the starter."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from backends.core.contract import Stage, StageStarted, TextRead
from desktop.application import model_choices
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view.app import Workshop
from desktop.view.inside.panel import InsidePanel
from tests import fake_inside
from tests.desktop.still_window import StillShop, still

__all__ = ["still"]


def open_inside(shop: StillShop) -> InsidePanel:
    shop.window.make_screen.show_tab("inside")
    panel = shop.window.make_screen.shown.built["inside"]
    assert isinstance(panel, InsidePanel)
    return panel


def run(shop: StillShop, prompt: str = "a fox in snow") -> None:
    shop.make.form.prompt = prompt
    shop.make.generate()
    for event in fake_inside.whole_run(shop.request):
        shop.session.happened.emit(event)


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_it_is_off_until_opened_and_says_what_it_does(qtbot: QtBot, still: StillShop) -> None:
    run(still)
    assert not still.bench.jobs[-1].inside
    assert "inside" not in still.window.make_screen.shown.built
    panel = open_inside(still)
    assert panel.empty.isVisible()
    assert not panel.stations.isVisible()
    assert "Nobody looked" in panel.empty.title.text()
    click(qtbot, panel.empty.again)
    assert still.bench.jobs[-1].inside
    assert still.bench.jobs[-1].request == still.bench.jobs[0].request
    still.window.make_screen.show_tab("picture")
    assert not still.make.work.look_inside


def test_the_stations_tell_the_run(still: StillShop) -> None:
    panel = open_inside(still)
    assert panel.empty.isVisible()
    run(still)
    assert not panel.empty.isVisible()
    facts = {name: button.facts for name, button in panel.stations.buttons.items()}
    seed = still.request.seed
    assert facts == {
        "prompt": "4 words",
        "tokens": "4 tokens",
        "noise": f"seed {seed}",
        "steps": "5 steps",
        "picture": "64 x 64",
    }
    assert panel.prompt.prompt.text() == "a fox in snow"
    assert panel.noise.noise.picture is not None
    assert panel.picture.latents.picture is not None
    assert panel.picture.times.seconds[Stage.DENOISING].text() == "1.6 s"
    assert not panel.picture.times.seconds[Stage.READING_PICTURE].isVisible()


def test_weights_and_chunks_are_on_the_chips(qtbot: QtBot, still: StillShop) -> None:
    panel = open_inside(still)
    still.make.form.prompt = "a (red:1.2) fox BREAK an owl"
    still.make.generate()
    words, weights = ("a", "red", "fox", "an", "owl"), (1.0, 1.2, 1.0, 1.0, 1.0)
    still.session.happened.emit(StageStarted(still.request.id, Stage.READING_PROMPT))
    still.session.happened.emit(TextRead(still.request.id, words, (), weights, (0, 0, 0, 1, 1)))
    panel.stations.open("tokens")
    assert [chip.text() for chip in panel.tokens.chips] == ["a", "red ×1.2", "fox", "an", "owl"]
    assert "counts 1.2 times as much" in panel.tokens.chips[1].toolTip()
    marks = [label for label in panel.tokens.findChildren(QLabel) if label.text().startswith("Chunk")]
    assert [mark.text() for mark in marks] == ["Chunk 2:"]


def test_a_click_on_a_token_shows_where_it_mattered(qtbot: QtBot, still: StillShop) -> None:
    panel = open_inside(still)
    run(still, "a fox " + "very " * 80)
    panel.stations.open("tokens")
    assert len(panel.tokens.chips) == 75
    assert [chip.text() for chip in panel.tokens.cut] == ["very"] * 7
    assert all(not chip.isEnabled() for chip in panel.tokens.cut)
    assert "line-through" in panel.tokens.cut[0].styleSheet()
    plain = panel.tokens.picture.picture
    click(qtbot, panel.tokens.chips[1])
    assert "fox" in panel.tokens.picture.name
    assert panel.tokens.picture.picture != plain
    click(qtbot, panel.tokens.chips[1])
    assert panel.tokens.picture.picture == plain


def test_the_scrubber_walks_by_keyboard(qtbot: QtBot, still: StillShop) -> None:
    panel = open_inside(still)
    run(still)
    page, steps = panel.steps, panel.inside.looking
    assert steps.step == 4
    page.scrubber.setFocus()
    qtbot.keyClick(page.scrubber, Qt.Key.Key_Left)
    assert steps.step == 3
    qtbot.keyClick(page.scrubber, Qt.Key.Key_Home)
    record = steps.record
    assert record is not None
    assert page.seen.picture is record.steps[0].latents
    assert page.without.picture is record.steps[0].unconditional
    assert page.with_words.picture is record.steps[0].conditional
    assert page.guided.picture is record.steps[0].estimate
    assert page.where.text() == "Step 1 of 5, 100 % noise"
    page.strip.chosen.emit(page.strip.step_at(10_000))
    assert page.scrubber.value() == 4


def test_without_guidance_there_are_no_halves(still: StillShop) -> None:
    panel = open_inside(still)
    still.make.form.guidance_scale = 1.0
    run(still)
    assert not panel.steps.without.isVisible()
    assert not panel.steps.with_words.isVisible()
    assert panel.steps.guided.isVisible()


def test_it_is_seen_coming(still: StillShop) -> None:
    panel = open_inside(still)
    still.make.generate()
    request = still.request
    still.session.happened.emit(StageStarted(request.id, Stage.LOADING))
    assert not panel.empty.isVisible()
    still.session.happened.emit(fake_inside.step(request, 0, 1))
    assert panel.stations.buttons["steps"].facts == "step 1"
    assert not panel.steps.film.isEnabled()


@pytest.mark.parametrize(("button", "suffix"), [("film", ".webp"), ("sheet", ".png")])
def test_the_strip_is_saved(
    qtbot: QtBot, still: StillShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, button: str, suffix: str
) -> None:
    panel = open_inside(still)
    run(still)
    suggested: list[str] = []

    def choose(parent: object, title: str, path: str, *_: object, **__: object) -> tuple[str, str]:
        suggested.append(Path(path).name)
        return str(tmp_path / "strip"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    click(qtbot, getattr(panel.steps, button))
    qtbot.waitUntil(lambda: "Saved" in still.make.studio.notice, timeout=20_000)
    assert suggested == [f"{still.request.seed}-a-fox-in-snow-steps{suffix}"]
    with Image.open(tmp_path / f"strip{suffix}") as picture:
        picture.load()


def test_a_strip_that_cant_be_saved_says_why(qtbot: QtBot, still: StillShop, tmp_path: Path) -> None:
    panel = open_inside(still)
    run(still)
    record = panel.inside.looking.record
    assert record is not None
    panel._export.save(record, tmp_path / "missing" / "strip.png", ".png")
    qtbot.waitUntil(lambda: still.make.studio.problem is not None, timeout=20_000)
    assert still.window.problem.isVisible()


def test_everything_has_a_name(still: StillShop) -> None:
    panel = open_inside(still)
    run(still)
    controls = [
        *panel.stations.buttons.values(),
        *panel.tokens.chips,
        panel.steps.scrubber,
        panel.steps.strip,
        panel.steps.seen,
        panel.picture.picture,
    ]
    assert all(control.accessibleName() for control in controls)
    assert panel.steps.scrubber.accessibleDescription() == panel.steps.where.text()


def test_the_starter_shows_its_inside(qtbot: QtBot, home: Path) -> None:
    """The real worker, from the words to the pixels, with a heat map for every token."""
    shop = Workshop(Session(lambda made: home / "made.png"), Shelf(), model_choices())
    qtbot.addWidget(shop.window)
    shop.open()
    try:
        shop.window.make_screen.show_tab("inside")
        panel = shop.window.make_screen.shown.built["inside"]
        assert isinstance(panel, InsidePanel)
        shop.make.form.prompt, shop.make.form.steps = "a panda eating tacos at the beach", 3
        shop.make.generate()
        qtbot.waitUntil(lambda: _is_whole(panel) or shop.make.studio.problem is not None, timeout=180_000)
        record = panel.inside.looking.record
        assert record is not None
        assert "panda" in record.tokens
        assert [step.step for step in record.steps] == [1, 2, 3]
        assert record.steps[0].conditional != record.steps[0].unconditional
        panel.stations.open("tokens")
        click(qtbot, panel.tokens.chips[record.tokens.index("panda")])
        assert "panda" in panel.tokens.picture.name
        heats = [record.heat(token) for token in range(len(record.tokens))]
        assert all(heat is not None and (heat.width, heat.height) == (16, 16) for heat in heats)
        assert len({heat.values for heat in heats if heat is not None}) == len(heats)
    finally:
        shop.close()


def _is_whole(panel: InsidePanel) -> bool:
    record = panel.inside.looking.record
    return record is not None and record.ended
