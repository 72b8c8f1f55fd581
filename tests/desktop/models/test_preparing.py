"""Preparing a model from the Models screen: going on, stopping, failing, ending with its figures."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from convert.coreml_order import add_options, make_order
from desktop.model.models_ask import Ask
from tests.desktop.models.kit import (
    PATIENCE,
    StillRunner,
    chore,
    conversion,
    install_converted,
    open_shop,
    refreshed,
    show,
)
from tests.desktop.still_window import StillShop


def test_preparing_goes_on_and_ends_with_its_figures(
    shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path
) -> None:
    screen = show(shop, qtbot)
    prepare = screen.details.prepare
    assert prepare.go.text() == "Prepare for the Neural Engine"
    qtbot.keyClicks(prepare.sizes, "64x96")
    prepare.go.setFocus()
    qtbot.keyClick(prepare.go, Qt.Key.Key_Space)
    command = conversion(runner)
    assert command.words[:2] == ["convert", str(home / "models" / "fox")]
    assert command.words[command.words.index("--for") + 1] == "neural-engine"
    assert command.words[command.words.index("--size") + 1] == "64x96"
    assert "--check" in command.words
    command.say(words="Converting the UNet", done=1, of=5)
    assert chore(screen).words.text().startswith("Converting the UNet (2/5), ")
    assert chore(screen).bar.value() == 200
    command.say(words="Converting the UNet", done=1, of=5, step=46, steps=92)
    assert chore(screen).bar.value() == 300
    assert shop.window.bar.buttons["models"].text() == "Models (1)"
    install_converted(home, "fox-coreml-neural-engine", home / "models" / "fox")
    command.say(folder=str(home / "models" / "fox-coreml-neural-engine"))
    command.end()
    refreshed(screen, qtbot, "fox-coreml-neural-engine")
    assert screen.chore_rows == {}
    assert screen.details.title.text() == "fox-coreml-neural-engine for Core ML"
    assert screen.details.parity.cells["unet"] == ("100.0 dB", "70.5 dB")
    assert not screen.details.prepare.isVisible()
    assert shop.window.form.model.findData("fox-coreml-neural-engine") >= 0


def test_stopping_and_going_on(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen = show(shop, qtbot)
    screen.details.prepare.go.click()
    screen.details.prepare.go.click()
    assert screen.notice.text() == "fox-coreml-neural-engine is being made already."
    chore(screen).stop.click()
    assert conversion(runner).stopped
    assert chore(screen).words.text() == "Stopping"
    conversion(runner).end(1)
    assert chore(screen).words.text() == "Stopped. What is finished is kept."
    chore(screen).go_on.click()
    assert len(runner.of("convert")) == 2
    assert chore(screen).chore.state == "running"


def test_a_failure_says_why_and_can_be_tried_again(
    shop: StillShop, qtbot: QtBot, runner: StillRunner
) -> None:
    screen = show(shop, qtbot)
    screen.details.prepare.go.click()
    conversion(runner).say(problem="It takes 9 GB of memory.", action="Close other programs.")
    conversion(runner).end(1)
    assert chore(screen).words.text() == "It takes 9 GB of memory. Close other programs."
    chore(screen).go_on.click()
    conversion(runner).end(-9)
    assert "ended (-9)" in chore(screen).words.text()


def test_a_conversion_outlives_the_window(
    shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path
) -> None:
    screen = show(shop, qtbot)
    screen.details.prepare.bits.setCurrentIndex(2)
    screen.details.prepare.go.click()
    first = conversion(runner).words
    half = home / "models" / ".fox-coreml-neural-engine-6bit.converting" / "finished"
    half.mkdir(parents=True)
    (half / "unet.json").write_text("{}")
    shop.close()
    again = open_shop(qtbot, home, runner)
    screen = show(again, qtbot)
    assert chore(screen).words.text() == "Stopped; 1 of 4 networks are finished"
    chore(screen).go_on.click()
    assert conversion(runner).words == first
    again.close()


def test_throwing_away_what_is_half_made(
    shop: StillShop, qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("send2trash.send2trash", shutil.rmtree)
    half = home / "models" / ".other.converting"
    half.mkdir()
    screen = show(shop, qtbot)
    assert not chore(screen).go_on.isVisible()  # nobody knows what it was to be
    chore(screen).throw_away.click()
    qtbot.waitUntil(lambda: not half.exists(), timeout=PATIENCE)
    assert screen.chore_rows == {}


def test_one_that_another_version_made_can_be_prepared_again(
    shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path
) -> None:
    install_converted(home, "old", home / "models" / "fox", converter=0, bits=6, sizes=[[64, 64], [64, 96]])
    screen = show(shop, qtbot, "old")
    assert screen.rows["old"].about.text() == "Needs preparing again"
    assert "another version of Mezzotint" in screen.details.problem.words
    screen.details.again.click()
    words = conversion(runner).words
    assert words[1] == str(home / "models" / "fox")
    assert words[words.index("--size") + 1] == "64x64,64x96"
    assert words[words.index("--bits") + 1] == "6"
    assert words[words.index("--name") + 1] == "old"
    assert words[-1] == "--replace"


def test_names_are_the_converters_own(tmp_path: Path) -> None:
    """The screen must know a conversion's name before it runs."""
    for target, bits in (("neural-engine", "16"), ("gpu", "6"), ("any", "4")):
        ask = Ask(model=str(tmp_path / "fox"), models=str(tmp_path), target=target, bits=bits)
        parser = ArgumentParser()
        parser.add_argument("model", type=Path)
        add_options(parser)
        options = vars(parser.parse_args(ask.words()))
        named = make_order(options.pop("model"), tmp_path, options)
        unnamed = make_order(tmp_path / "fox", tmp_path, {**options, "name": None})
        assert named.destination == unnamed.destination == tmp_path / ask.called
        assert ask.half_made.name == f".{ask.called}.converting"
