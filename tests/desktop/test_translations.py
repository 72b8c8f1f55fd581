"""German is complete: whatever the window can say has an entry, with the same places for values."""

from __future__ import annotations

import string
from collections.abc import Iterator

import pytest

from backends.core.contract import Stage
from desktop.library.naming import check_template
from desktop.model import language
from desktop.model.keys import ACTIONS
from desktop.model.language import LANGUAGES, read_catalogue, speak, tr
from desktop.model.progress import in_words
from desktop.view.screens import SCREENS
from desktop.view.tabs import TABS
from tests.desktop.spoken import written_sentences

OTHERS = [each for each in LANGUAGES if each != language.ENGLISH]


def sentences() -> set[str]:
    """What stands in the source, and what the tables hold."""
    tables = {*(stage.value for stage in Stage), *(each.title for each in (*SCREENS, *TABS))}
    actions = {text for action in ACTIONS.values() for text in (action.words, action.place)}
    wrong = {check_template("{"), check_template("plain")}
    return {*written_sentences(), *tables, *actions, *(each for each in wrong if each)}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_has_an_entry(name: str) -> None:
    missing = sorted(sentences() - read_catalogue(name).keys())
    assert missing == []


@pytest.mark.parametrize("name", OTHERS)
def test_entries_name_the_same_values(name: str) -> None:
    literal = {"Name at least one of the fields, such as {seed}."}
    different = {
        english: said
        for english, said in read_catalogue(name).items()
        if english not in literal and places(english) != places(said)
    }
    assert different == {}


@pytest.fixture
def german() -> Iterator[None]:
    speak("de")
    yield
    speak(language.ENGLISH)


def test_the_window_speaks_german(german: None) -> None:
    assert tr("Add to queue") == "In die Warteschlange"
    assert in_words(125) == "2 min 5 s"
    speak("tlh")
    assert tr("Add to queue") == "Add to queue"
