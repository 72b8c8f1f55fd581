"""A VAE is chosen in the window with real widgets, made, told, and filled in again."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save_file

from backends.core.contract import PictureReady, Request, VaeRefused
from desktop.additions_reading import look_around
from desktop.library.additions import search_folders
from desktop.library.record import Record
from desktop.model.compare import Item, differences
from desktop.model.form import Form
from desktop.model.recipes import fill
from desktop.view.app import Workshop
from desktop.view.vae_row import VaeRow
from tests.core.test_vae import other_vae
from tests.desktop import window_kit
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.desktop.window_kit import Wait
from tests.fakes import square
from tests.tiny_models import EPSILON, make_tiny_model

shelf, shop, wait = window_kit.shelf, window_kit.shop, window_kit.wait


@pytest.fixture
def folder(home: Path) -> Path:
    """Two VAEs: one with 4 channels, one with 16."""
    folder = search_folders()[0] / "vae"
    folder.mkdir(parents=True)
    for name, channels in (("soft", 4), ("flux", 16)):
        weights = load_file(other_vae(home / "made" / name, latent_channels=channels))
        save_file(weights, folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def row(shop: Workshop, folder: Path, wait: Wait) -> VaeRow:
    shop.window.form.more.button.click()
    row = shop.window.form.vae
    wait(lambda: row.box.findText("soft") > 0)
    return row


def choose(row: VaeRow, words: str) -> None:
    """The line of the list, with the keyboard."""
    row.box.setFocus()
    for key in [Qt.Key.Key_Home, *[Qt.Key.Key_Down] * row.box.findText(words)]:
        QTest.keyClick(row.box, key)
    assert row.box.currentText() == words


def test_what_is_chosen_is_made_and_told(qtbot: QtBot, shop: Workshop, row: VaeRow, wait: Wait) -> None:
    assert row.box.currentText() == "From the model"
    choose(row, "soft")
    qtbot.mouseClick(shop.window.form.generate, Qt.MouseButton.LeftButton)
    wait(lambda: shop.make.studio.selected)
    made = shop.make.studio.selected
    assert made is not None
    assert made.request.vae == "soft"
    assert shop.window.recent.details.values["VAE"].text() == "soft"
    choose(row, "From the model")
    assert shop.make.form.next_request().vae == ""
    shop.make.repeat(made)
    assert row.box.currentText() == "soft"
    assert shop.make.form.next_request().vae == "soft"


def test_one_that_is_gone_stays_to_be_seen(shop: Workshop, row: VaeRow) -> None:
    shop.make.form.vae = "gone"
    assert row.box.currentText() == "gone"


def test_a_recipe_opens_the_fold(shop: Workshop) -> None:
    assert not shop.window.form.more.button.isChecked()
    shop.make.form.vae = "soft"
    assert shop.window.form.more.button.isChecked()


def test_a_converted_model_has_nothing_to_choose(shop: Workshop, row: VaeRow) -> None:
    small, *_ = shop.make.models.values()
    shop.make.offer([replace(small, made_for="coreml")])
    assert not row.box.isEnabled()
    assert row.said.isVisible()
    assert row.said.text() == "This model was converted, with its VAE within it."
    shop.make.form.vae = "soft"
    assert row.box.isEnabled()  # to choose the model's own again


def test_what_does_not_fit_is_grey_with_its_reason(
    home: Path, folder: Path, shop: Workshop, row: VaeRow
) -> None:
    found = look_around(make_tiny_model(home / "tiny", EPSILON))
    assert dict(found.vaes) == {
        "flux": "flux is no VAE for this model: its latents have 16 channels, and the model's 4.",
        "soft": "",
    }
    shop.additions.additions.found = found
    line = row.box.findText("flux")
    assert not row.box.model().flags(row.box.model().index(line, 0)) & Qt.ItemFlag.ItemIsEnabled
    assert "16 channels" in row.box.itemData(line, Qt.ItemDataRole.ToolTipRole)
    QTest.keyClick(row.box, Qt.Key.Key_Home)
    QTest.keyClick(row.box, Qt.Key.Key_Down)
    assert row.box.currentText() == "soft"
    shop.make.form.vae = "flux"
    assert "16 channels" in row.said.text()


def test_recipes_and_comparisons() -> None:
    form = Form()
    fill(form, Record(prompt="a fox", vae="soft"), {})
    assert form.vae == "soft"
    fill(form, Record(prompt="a fox"), {})
    assert form.vae == ""
    items = [Item(name, Record(prompt="a fox", seed=1, vae=name)) for name in ("soft", None)]
    (row,) = differences(items)
    assert (row.name, row.values) == ("VAE", ("soft", ""))


def test_the_request_of_before_fills_the_form() -> None:
    request = Request(width=64, height=64, steps=2, guidance_scale=1, sampler="euler", seed=1, vae="soft")
    ready = PictureReady(request.id, 0, 1, square(64, 64, 1), {}, {})
    form = Form()
    form.fill_from(request, ready.seed)
    assert form.next_request().vae == "soft"


def test_one_that_is_refused_can_give_way(qtbot: QtBot, still: StillShop) -> None:
    still.make.form.vae = "gone"
    qtbot.mouseClick(still.window.form.generate, Qt.MouseButton.LeftButton)
    assert still.request.vae == "gone"
    still.fail(VaeRefused("There is no VAE called 'gone'.", "Use one of: soft."))
    bar = still.window.problem
    button = next(each for each in bar.findChildren(QPushButton) if each.text() == "Use the model's own VAE")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert still.request.vae == still.make.form.vae == ""
    assert still.window.make_screen.note.isVisible()
    assert still.make.studio.note is not None
    assert still.make.studio.note.text == "The model's own VAE is used."
    still.make.studio.note.act()  # pyright: ignore[reportOptionalCall]
    assert still.make.form.vae == "gone"
