"""The prompt history and the styles, through their real widgets; walking in the prompt's field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.keeping import Keeping
from desktop.library.database import Library
from desktop.library.prompts import find_prompts, recent_texts, remember_prompt
from desktop.model.form import Form
from desktop.model.prompts import PromptWalk
from desktop.view.prompts_screen import PromptsScreen
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.fakes import fake_job

BUTTON = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier


def remember(library: Library, count: int) -> None:
    for number in range(count):
        request = fake_job(f"prompt {number}", steps=7, seed=number).request
        remember_prompt(library, request, datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=number))


def open_screen(shop: StillShop, qtbot: QtBot, rows: int) -> PromptsScreen:
    screen = cast(PromptsScreen, shop.window.show_screen("prompts"))
    qtbot.waitUntil(lambda: len(screen.rows) == rows)
    return screen


def test_without_prompts_it_says_what_comes_here(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    screen = open_screen(still, qtbot, 0)
    qtbot.waitUntil(screen.empty.isVisible)
    assert "kept here" in screen.empty.words.text()


def test_the_newest_first_a_page_at_a_time(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    still.shelf.change(lambda library: remember(library, 60), what="prompts").result()
    screen = open_screen(still, qtbot, 40)
    assert next(iter(screen.rows.values())).prompt.text() == "prompt 59"
    bar = screen.list.verticalScrollBar()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: len(screen.rows) == 60)


def test_searching_starring_forgetting(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    still.shelf.change(lambda library: remember(library, 12), what="prompts").result()
    screen = open_screen(still, qtbot, 12)
    qtbot.keyClicks(screen.search, "11")
    qtbot.waitUntil(lambda: len(screen.rows) == 1)
    (line,) = screen.rows.values()
    qtbot.mouseClick(line.star, BUTTON)
    screen.search.clear()
    screen.starred.click()
    qtbot.waitUntil(lambda: [each.prompt.text() for each in screen.rows.values()] == ["prompt 11"])
    qtbot.mouseClick(next(iter(screen.rows.values())).forget, BUTTON)
    qtbot.waitUntil(lambda: screen.empty.isVisible())
    assert "No starred" in screen.empty.title.text()
    qtbot.mouseClick(screen.empty.button, BUTTON)
    qtbot.waitUntil(lambda: len(screen.rows) > 1)


def test_using_words_or_all_settings(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    still.shelf.change(lambda library: remember(library, 3), what="prompts").result()
    screen = open_screen(still, qtbot, 3)
    oldest = list(screen.rows.values())[2]
    still.make.form.steps = 33
    qtbot.mouseClick(oldest.use, BUTTON)
    assert still.window.make_screen.isVisible()
    assert (still.make.form.prompt, still.make.form.steps) == ("prompt 0", 33)
    screen = open_screen(still, qtbot, 3)
    qtbot.mouseClick(list(screen.rows.values())[1].use_all, BUTTON)
    form = still.make.form
    assert (form.prompt, form.steps, form.seed, form.model) == ("prompt 1", 7, 1, "small")


def test_what_a_prompt_made(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    still.make.form.prompt = 'a "fox" model:x'
    still.make.generate()
    still.finish()
    made = still.make.studio.recent[0]
    path = Keeping(still.shelf, still.settings)(made)
    screen = open_screen(still, qtbot, 1)
    (line,) = screen.rows.values()
    qtbot.waitUntil(lambda: not line.thumbnails[0].pixmap().isNull(), timeout=20_000)
    path.unlink()
    screen.refresh()
    qtbot.waitUntil(lambda: len(screen.rows) == 1)
    assert next(iter(screen.rows.values())).prompt.text() == 'a "fox" model:x'


def test_styles_are_made_changed_and_removed(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    still.window.form.styles_wanted.emit()
    screen = cast(PromptsScreen, still.window.built["prompts"])
    editor = screen.editor
    assert editor.isVisible()
    qtbot.mouseClick(editor.new, BUTTON)
    qtbot.keyClicks(editor.name, "Ink")
    editor.prompt.setPlainText("ink, {prompt}")
    qtbot.mouseClick(editor.save, BUTTON)
    assert still.styles.find("Ink") is not None
    assert still.window.form.style_box.findText("Ink") > 0
    editor.prompt.setPlainText("black ink, {prompt}")
    qtbot.mouseClick(editor.save, BUTTON)
    assert [style.prompt for style in still.styles.saved] == ["black ink, {prompt}"]
    qtbot.mouseClick(editor.remove, BUTTON)
    assert still.styles.saved == ()


def test_walking_through_the_prompts_of_before(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    form, prompt = still.make.form, still.window.form.prompt
    for words in ("first", "second"):
        form.prompt = words
        still.make.generate()
    form.prompt = "draft"
    prompt.setFocus()
    qtbot.keyClick(prompt, Qt.Key.Key_Up, ALT)
    assert prompt.toPlainText() == "second"
    qtbot.keyClick(prompt, Qt.Key.Key_Up, ALT)
    qtbot.keyClick(prompt, Qt.Key.Key_Up, ALT)
    assert prompt.toPlainText() == "first"
    for _ in range(3):
        qtbot.keyClick(prompt, Qt.Key.Key_Down, ALT)
    assert prompt.toPlainText() == "draft"


def test_weights_by_key(still: StillShop, qtbot: QtBot) -> None:  # noqa: F811
    prompt = still.window.form.prompt
    prompt.setPlainText("a red fox")
    cursor = prompt.textCursor()
    cursor.setPosition(3)
    prompt.setTextCursor(cursor)
    for _ in range(2):
        qtbot.keyClick(prompt, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert prompt.toPlainText() == "a (red:1.2) fox"
    assert still.make.form.prompt == "a (red:1.2) fox"
    prompt.undo()
    assert prompt.toPlainText() == "a (red:1.1) fox"


def test_the_walk_asks_for_more_before_it_ends() -> None:
    walk, asked = PromptWalk(Form()), list[int]()
    walk.fetch = asked.append
    walk.extend([(str(number), "") for number in range(20)])
    walk.go(1)
    assert asked == []
    walk.go(15)
    assert asked == [20]
    walk.extend([("19", ""), ("20", "")])
    walk.go(99)
    assert walk._form.prompt == "20"


def test_the_history_knows_what_was_used_last(home: Path) -> None:
    from desktop.library.database import open_library

    with open_library() as library:
        remember(library, 5)
        assert recent_texts(library, 2, 1) == [("prompt 3", ""), ("prompt 2", "")]
        assert len(find_prompts(library)) == 5
