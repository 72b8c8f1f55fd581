"""What an import asks on the Models screen: the other parts, the name, the prediction; what is no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from safetensors.numpy import save_file

from desktop.view.models.ask_row import AskRow
from desktop.view.models.chore_row import ChoreRow
from desktop.view.models.screen import ModelsScreen
from tests.desktop.models.kit import BUTTON, PATIENCE, StillCommand, StillRunner, install, refreshed, show
from tests.desktop.still_window import StillShop

FILE = Path("/files/z_image_turbo_bf16.safetensors")
TRANSFORMER: dict[str, Any] = {
    "name": "z_image_turbo_bf16",
    "taken": False,
    "of": "zimage",
    "parts": ["transformer"],
    "lacks": ["text_encoder", "vae"],
    "latents": 0,
    "prediction": "",
    "because": "",
    "bases": [
        {"name": "turbo", "title": "Z-Image Turbo", "folder": "/m/turbo", "misfit": ""},
        {"name": "z", "title": "Z-Image", "folder": "/m/z", "misfit": ""},
        {"name": "odd", "title": "Odd", "folder": "/m/odd", "misfit": "Its parts are built otherwise."},
    ],
    "get": {"name": "z-image-turbo", "title": "Z-Image Turbo", "gigabytes": 32.9},
}
LORA: dict[str, Any] = {"name": "ink", "addition": "lora", "for": "Stable Diffusion 1", "folder": "/h/loras"}


def importing(runner: StillRunner) -> StillCommand:
    return runner.of("desktop", "import")[-1]


def asked(screen: ModelsScreen, runner: StillRunner, file: Path = FILE, **told: Any) -> AskRow:
    screen.desk.bring([file])
    command = importing(runner)
    assert command.words == ["desktop", "import", str(file), "--ask"]
    command.print("Checking the file ...")
    command.print(json.dumps({"question": {"source": str(file), **told}}))
    command.end()
    (row,) = screen.chore_rows.values()
    assert isinstance(row, AskRow)
    QTest.qWait(1)  # it finds its place
    return row


def shown(row: AskRow) -> list[str]:
    return [each.text() for each in (row.keep, row.go, row.hub, row.again, row.cancel) if each.isVisible()]


def test_a_part_alone_asks_where_the_rest_is_from(
    shop: StillShop, qtbot: QtBot, runner: StillRunner, home: Path
) -> None:
    screen = show(shop, qtbot)
    row = asked(screen, runner, **TRANSFORMER)
    assert row.what.words == (
        "z_image_turbo_bf16.safetensors holds a transformer of Z-Image. It lacks a text encoder and a VAE."
    )
    assert shown(row) == ["Import", "Cancel"]
    assert shop.window.bar.buttons["models"].text() == "Models (1)"
    assert [row.base.itemText(n) for n in range(3)] == ["Z-Image Turbo (turbo)", "Z-Image (z)", "Odd (odd)"]
    items = row.base.model()
    assert isinstance(items, QStandardItemModel)
    assert [items.item(n).isEnabled() for n in range(3)] == [True, True, False]
    assert row.base.itemData(2, Qt.ItemDataRole.ToolTipRole) == "Its parts are built otherwise."
    assert not row.prediction.isVisible()
    row.base.setFocus()
    qtbot.keyClick(row.base, Qt.Key.Key_Down)
    row.name.selectAll()
    qtbot.keyClicks(row.name, "mine")
    qtbot.mouseClick(row.go, BUTTON)
    words = ["desktop", "import", str(FILE), "--name", "mine", "--base", "/m/z"]
    assert importing(runner).words == words
    (going,) = screen.chore_rows.values()
    assert isinstance(going, ChoreRow)
    install(home, "mine")
    importing(runner).end()
    refreshed(screen, qtbot, "mine")
    assert screen.chore_rows == {}
    assert screen.details.title.text() == "mine"


def test_an_empty_name_imports_nothing_and_cancel_forgets(
    shop: StillShop, qtbot: QtBot, runner: StillRunner
) -> None:
    screen = show(shop, qtbot)
    row = asked(screen, runner, **TRANSFORMER)
    row.name.clear()
    assert not row.go.isEnabled()
    qtbot.keyClick(row.name, Qt.Key.Key_Return)
    qtbot.mouseClick(row.cancel, BUTTON)
    assert screen.chore_rows == {}
    assert len(runner.of("desktop", "import")) == 1


def test_where_nothing_fits_it_says_which_model_to_get(
    shop: StillShop, qtbot: QtBot, runner: StillRunner
) -> None:
    screen = show(shop, qtbot)
    row = asked(screen, runner, **(TRANSFORMER | {"bases": TRANSFORMER["bases"][2:]}))
    assert row.more.text() == (
        "No model that is here has its other parts. Z-Image Turbo on the hub has them (32.9 GB). "
        "Or drop its transformer, text encoder and VAE together."
    )
    assert shown(row) == ["From the hub", "Look again", "Cancel"]
    qtbot.mouseClick(row.hub, BUTTON)
    assert screen.hub.isVisible()
    qtbot.mouseClick(row.again, BUTTON)
    assert importing(runner).words == ["desktop", "import", str(FILE), "--ask"]
    importing(runner).print(json.dumps({"question": {"source": str(FILE), **TRANSFORMER}}))
    importing(runner).end()
    (row,) = screen.chore_rows.values()
    assert isinstance(row, AskRow)
    assert shown(row) == ["Import", "Cancel"]
    row = _without_a_hub(screen, runner, row)
    assert row.more.text() == (
        "No model that is here has its other parts. Add a model of Stable Diffusion 3 first."
    )


def _without_a_hub(screen: ModelsScreen, runner: StillRunner, row: AskRow) -> AskRow:
    row.cancel.click()
    return asked(screen, runner, **(TRANSFORMER | {"of": "3", "bases": [], "get": None}))


def test_the_prediction_is_chosen_as_guessed(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen = show(shop, qtbot)
    guess = {"prediction": "v_prediction", "because": "most files of version 2.x do"}
    told = {"name": "old-2", "taken": True, "of": "2.x", "parts": ["text_encoder", "unet", "vae"], **guess}
    row = asked(screen, runner, Path("/files/old.ckpt"), **told)
    assert row.what.words == "old.ckpt is a model of Stable Diffusion 2."
    assert "There is a model of that name already" in row.more.text()
    assert (row.prediction.currentText(), row.base.isVisible()) == ("Velocity", False)
    assert row.why.text() == "A guess, as most files of version 2.x do. The file doesn't say."
    row.prediction.setCurrentIndex(0)
    qtbot.keyClick(row.name, Qt.Key.Key_Return)
    told = ["--name", "old-2", "--prediction", "epsilon"]
    assert importing(runner).words == ["desktop", "import", "/files/old.ckpt", *told]


def test_a_lora_is_kept_with_the_loras(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen = show(shop, qtbot)
    row = asked(screen, runner, Path("/files/ink.safetensors"), **LORA)
    assert row.what.words == "ink.safetensors is a LoRA for Stable Diffusion 1."
    assert shown(row) == ["Keep with the LoRAs", "Cancel"]
    assert not row.fields.isVisible()
    before = shop.additions.additions.found
    qtbot.mouseClick(row.keep, BUTTON)
    assert importing(runner).words == ["desktop", "import", "/files/ink.safetensors", "--as", "lora"]
    importing(runner).end()
    assert screen.chore_rows == {}
    assert screen.notice.text() == "ink.safetensors is with the LoRAs now."
    qtbot.waitUntil(lambda: shop.additions.additions.found is not before)


def test_what_is_dropped_is_asked_about_for_real(
    shop: StillShop, qtbot: QtBot, home: Path, tmp_path: Path
) -> None:
    """By the command itself, in a process of its own, which also puts the file into its folder."""
    save_file({"emb_params": np.zeros((2, 768), np.float32)}, tmp_path / "word.safetensors")
    screen = show(shop, qtbot)
    screen.desk._runner = shop.models_room.children
    screen.desk.bring([tmp_path / "word.safetensors"])

    def rows() -> list[AskRow]:
        return [row for row in screen.chore_rows.values() if isinstance(row, AskRow)]

    qtbot.waitUntil(lambda: bool(rows()), timeout=PATIENCE)
    (row,) = rows()
    assert row.what.words == "word.safetensors is an embedding, and no model."
    row.keep.click()
    qtbot.waitUntil(lambda: screen.notice.text() != "", timeout=PATIENCE)
    assert (home / "embeddings/word.safetensors").samefile(tmp_path / "word.safetensors")


def test_a_vae_is_kept_or_becomes_a_model(shop: StillShop, qtbot: QtBot, runner: StillRunner) -> None:
    screen = show(shop, qtbot)
    vae = {"parts": ["vae"], "lacks": ["transformer", "unet"], "of": "", "latents": 4, "addition": "vae"}
    row = asked(screen, runner, **(TRANSFORMER | vae))
    assert row.what.words == (
        "z_image_turbo_bf16.safetensors holds a VAE of Stable Diffusion 1, 2 or XL. "
        "The rest of a model is not in it."
    )
    assert shown(row) == ["Keep with the VAEs", "Import", "Cancel"]
    qtbot.mouseClick(row.go, BUTTON)
    assert "--base" in importing(runner).words
    importing(runner).print("It is damaged. Get it again.")
    importing(runner).end(1)
    (failed,) = screen.chore_rows.values()
    assert isinstance(failed, ChoreRow)
    assert failed.words.text() == "It is damaged. Get it again."
