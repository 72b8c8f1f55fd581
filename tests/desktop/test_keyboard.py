"""The keyboard alone: make, stop, find, star, repeat, delete; and a name for every control there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot

from backends.core.contract import Finished, SaveFailed, Stage, StageStarted
from desktop.model.backends import BackendState
from desktop.view.app import Workshop
from desktop.view.gallery.screen import GalleryScreen
from tests.desktop.gallery_kit import PATIENCE, open_workshop
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.fakes import FAKE_BACKEND

CONTROL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
_KINDS = (
    QAbstractButton, QAbstractSpinBox, QComboBox, QKeySequenceEdit, QLineEdit, QPlainTextEdit, QSlider,
    QAbstractItemView,
)  # fmt: skip


@pytest.fixture
def shop(qtbot: QtBot, home: Path) -> Iterator[Workshop]:
    workshop = open_workshop(qtbot)
    yield workshop
    workshop.close()


def focused(shop: Workshop) -> QWidget:
    """Where keys go; the window itself when nothing has the focus."""
    return QApplication.focusWidget() or shop.window


def test_make_stop_find_star_repeat_delete(
    shop: Workshop, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        qtbot.keyClick(focused(shop), key, keys)

    def wait(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    monkeypatch.setattr("send2trash.send2trash", lambda path: Path(path).unlink())
    window, studio = shop.window, shop.make.studio
    qtbot.waitUntil(window.form.prompt.hasFocus)
    press(Qt.Key.Key_A, CONTROL)
    qtbot.keyClicks(focused(shop), "a blue hen {step 0.3}")
    press(Qt.Key.Key_Return, CONTROL)
    wait(lambda: studio.progress)
    press(Qt.Key.Key_Escape)
    wait(lambda: studio.progress is None)
    assert studio.recent == ()
    press(Qt.Key.Key_A, CONTROL)
    qtbot.keyClicks(focused(shop), "a red fox")
    press(Qt.Key.Key_Return, CONTROL)
    wait(lambda: studio.selected and studio.selected.path and studio.progress is None)
    made = studio.selected
    assert made is not None
    shop.make.form.prompt = ""
    press(Qt.Key.Key_2, ALT)
    wait(lambda: "gallery" in window.built)
    gallery = cast(GalleryScreen, window.built["gallery"])
    press(Qt.Key.Key_F, CONTROL)
    qtbot.keyClicks(focused(shop), "fox")
    wait(lambda: gallery.curator.gallery.text == "fox" and gallery.model.rowCount() == 1)
    gallery.grid.setFocus(Qt.FocusReason.TabFocusReason)
    press(Qt.Key.Key_Home)
    wait(lambda: gallery.curator.gallery.card)
    press(Qt.Key.Key_Period)
    wait(lambda: (card := gallery.curator.gallery.card) and card.picture.starred)
    press(Qt.Key.Key_R)
    wait(window.make_screen.isVisible)
    assert (shop.make.form.prompt, shop.make.form.seed) == ("a red fox", made.event.seed)
    press(Qt.Key.Key_2, ALT)
    wait(gallery.isVisible)
    gallery.grid.setFocus(Qt.FocusReason.TabFocusReason)
    press(Qt.Key.Key_Delete)
    wait(lambda: gallery.model.rowCount() == 0)
    window.close()
    wait(lambda: made.path and not made.path.exists())


def test_every_control_of_every_screen_has_a_name(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    still.backends.found = (BackendState(FAKE_BACKEND),)
    still.make.generate()
    for name in ("make", "gallery", "prompts", "models", "queue", "settings", "keys"):
        screen = still.window.show_screen(name)
        nameless = [
            (type(widget).__name__, type(widget.parent()).__name__, widget.objectName())
            for kind in _KINDS
            for widget in screen.findChildren(kind)
            if widget.isVisibleTo(screen)
            and not widget.objectName().startswith("qt_")
            and not widget.accessibleName()
            and not (isinstance(widget, QAbstractButton) and widget.text())
            and not isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QKeySequenceEdit | QLineEdit)
            and "QComboBox" not in type(widget.parent()).__name__
        ]
        assert nameless == [], name


def test_what_goes_on_is_said(still: StillShop) -> None:  # noqa: F811
    told: list[str] = []
    still.window.announcer.told.connect(told.append)
    still.make.generate()
    for stage in (Stage.READING_PROMPT, Stage.DENOISING, Stage.DENOISING):
        still.session.happened.emit(StageStarted(still.request.id, stage))
    still.session.happened.emit(Finished(still.request.id))
    still.make.not_opened(SaveFailed("The disk is full.", "Free some space."))
    assert told == [
        "Reading the prompt", "Denoising", "The picture is ready.", "The disk is full. Free some space."
    ]  # fmt: skip


def test_tab_goes_from_the_prompt_down_to_generate(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    form = still.window.form
    form.prompt.setFocus()
    order: list[QWidget] = []
    for _ in range(30):
        qtbot.keyClick(focused(still), Qt.Key.Key_Tab)
        order.append(focused(still))
        if order[-1] is form.generate:
            break
    wanted = [form.style_box, form.start.choose, form.model, form.count, form.steps, form.generate]
    assert [widget for widget in order if widget in wanted] == wanted
