"""In another language nothing on any screen is left in English, errors from elsewhere included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QTableWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from backends.core.contract import DEPTH, POSE, SAMPLERS, Job, OutOfMemory, Request
from backends.core.registry import all_backends
from desktop.model import language
from desktop.model.backends import BackendState
from desktop.model.guides import Guide
from desktop.model.language import LANGUAGES, read_catalogue, speak
from desktop.model.problem import Problem
from desktop.model.queue import Entry
from desktop.model.sentences import said, sentences
from desktop.model.start import StartPicture
from desktop.view import theme
from desktop.view.app import speak_in_qt, wear_theme
from desktop.view.queue_row import describe
from desktop.view.screens import SCREENS
from desktop.view.tabs import TABS
from tests.desktop.spoken_elsewhere import untranslated
from tests.desktop.still import SMALL
from tests.desktop.still_window import StillShop

OTHERS = [each for each in LANGUAGES if each != language.ENGLISH]
BEGIN, END = "\u27e6", "\u27e7"
_MARKED = re.compile(f"{BEGIN}[^{BEGIN}{END}]*{END}")
_SAME = re.compile(r"\{\w+\}|/\S+|\b[a-z]+:|\b(Ctrl|Alt|Shift|Esc|Space|Return|Enter|Del|Up|Down)\b")
"""Fields in braces, paths, the words of a search and keys are the same in every language."""


class Marked(dict[str, str]):
    """A language in which every sentence is the English one between marks."""

    def get(self, key: str, default: object = None) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"{BEGIN}{key}{END}"


@pytest.fixture
def marked(qtbot: QtBot, home: Path) -> Iterator[StillShop]:
    before, language._speech.entries = language._speech.entries, Marked()
    wear_theme(cast(QApplication, QApplication.instance()), theme.DARK)
    shop = StillShop(home)
    qtbot.addWidget(shop.window)
    yield shop
    shop.close()
    language._speech.entries = before


@pytest.fixture
def german() -> Iterator[None]:
    speak("de")
    yield
    speak(language.ENGLISH)


def shown(root: QWidget) -> set[str]:
    """Every word that a person can see or hear of these widgets."""
    words = set[str]()
    for widget in (root, *root.findChildren(QWidget)):
        words |= {widget.toolTip(), widget.accessibleName(), widget.accessibleDescription()}
        if isinstance(widget, QLabel | QAbstractButton):
            words.add(widget.text())
        if isinstance(widget, QLineEdit | QPlainTextEdit):
            words.add(widget.placeholderText())
        if isinstance(widget, QComboBox):
            words |= {widget.itemText(row) for row in range(widget.count())}
        if isinstance(widget, QListWidget):
            words |= {widget.item(row).text() for row in range(widget.count())}
        if isinstance(widget, QTableWidget):
            headers = (widget.verticalHeaderItem(row) for row in range(widget.rowCount()))
            words |= {header.text() for header in headers if header is not None}
    return words | {action.text() for action in root.findChildren(QAction)}


def english_in(words: set[str], names: set[str]) -> list[str]:
    """Texts with words outside the marks, other than names."""
    return sorted(
        text
        for text in words - names
        if re.search(r"[A-Za-z]{3}", outside := _outside(text)) and outside.strip(" ,") not in names
    )


def _outside(text: str) -> str:
    """What no translation accounts for; marks may hold others."""
    while (less := _MARKED.sub("", text)) != text:
        text = less
    return _SAME.sub("", text)


def test_no_screen_is_left_in_english(marked: StillShop) -> None:
    backends = tuple(BackendState(each.capabilities, None) for each in all_backends())
    names = {
        "Press shortcut",  # Qt's own, see below
        "Mezzotint", "Small", "small", "auto", "PNG", "English", "Deutsch", marked.make.form.prompt, "Alt+1",
        *SAMPLERS.values(),
        *(each.capabilities.name for each in backends),
        *(f"{each.capabilities.name}, {each.capabilities.hardware}" for each in backends),
    }  # fmt: skip
    marked.backends.found = backends
    helps: set[str] = set()
    for backend in backends:
        marked.settings.backend = backend.capabilities.id
        options = {choice for option in backend.capabilities.options for choice in option.choices}
        screen = marked.window.show_screen("settings")
        helps |= {option.help for option in backend.capabilities.options}
        assert english_in(shown(screen), names | options | helps) == []
    marked.make.generate()
    marked.step(2)
    marked.finish()
    for tab in TABS:
        marked.window.make_screen.show_tab(tab.id)
    for screen in SCREENS:
        marked.window.show_screen(screen.id)
    assert english_in(shown(marked.window), names | helps) == []


def test_guides_and_reference_pictures_are_not_left_in_english(marked: StillShop) -> None:
    marked.make.offer([replace(marked.make.studio.models[0], takes_controls=True, takes_references=True)])
    fox, form, window = StartPicture(b"\x89PNG", "1.png"), marked.make.form, marked.window
    form.guides = (
        Guide(picture=fox, model="xy", prepare=DEPTH),
        Guide(picture=StartPicture(b"{}", "1.png"), prepare=POSE),
    )
    form.references = (fox, fox)
    panels = window.make_screen.guides, window.form.references
    for able in (True, False):
        models = [replace(marked.make.studio.models[0], takes_controls=able, takes_references=able)]
        marked.make.offer(models)
        for panel in panels:
            assert english_in(shown(panel), {"1.png", "Small"}) == []
    words = {words for tile in window.form.references.tiles for words, _, _ in tile._deeds()}
    assert english_in(words, set()) == []


def test_qts_own_words_are_german(qtbot: QtBot, german: None) -> None:
    app = cast(QApplication, QApplication.instance())
    speak_in_qt(app)
    try:
        assert app.translate("QWidgetTextControl", "&Paste") == "Einf&ügen"
    finally:
        for translator in app.findChildren(QTranslator):
            app.removeTranslator(translator)


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_other_parts_say_has_a_translation(name: str) -> None:
    assert untranslated(name) == {}


@pytest.mark.parametrize("name", OTHERS)
def test_labels_of_every_backend_have_one(name: str) -> None:
    entries, about = read_catalogue(name), [each.capabilities for each in all_backends()]
    options = [option for each in about for option in each.options]
    labels = {option.label for option in options}
    choices = {choice for option in options for choice in option.choices if choice.islower()}
    assert (
        sorted((labels | choices) - entries.keys() - {"float32", "bfloat16", "int8", "8 bit", "4 bit"}) == []
    )
    assert [each.hardware for each in about if each.hardware not in sentences(name)] == []


def test_an_error_from_the_worker_is_german_with_its_values(german: None) -> None:
    told = "A picture of 2048 x 2048 needs about 9.4 GB of memory; 3.1 GB is free."
    problem = Problem(OutOfMemory(told, "Use 1152 x 1152, or close other programs."))
    assert problem.text == (
        "Ein Bild von 2048 x 2048 braucht etwa 9.4 GB Speicher; 3.1 GB sind frei. "
        "Bitte 1152 x 1152 nehmen, oder andere Programme schließen."
    )
    assert problem.suggested_size == (1152, 1152)


def test_values_stay_as_they_are_and_known_parts_of_a_sentence_are_translated(german: None) -> None:
    assert said("/home/ada/my is damaged.png is damaged or cut short.") == (
        "/home/ada/my is damaged.png ist beschädigt oder abgeschnitten."
    )
    assert said("The numbers overflowed while denoising, so there is no picture.").startswith(
        "Die Zahlen liefen über (beim Entrauschen)"
    )
    assert said("Nobody ever wrote this one. Use float32.") == "Nobody ever wrote this one. Use float32."


def test_a_job_of_before_says_in_german_why_it_failed(german: None) -> None:
    job = Job(request=Request(**vars(SMALL), seed=1), model_folder=Path("a"))
    reason = "The process that makes pictures crashed (SIGSEGV). Close other programs and try again."
    words = describe(Entry(job=job, state="failed", reason=reason))
    assert "abgestürzt (SIGSEGV). Bitte andere Programme schließen" in words
