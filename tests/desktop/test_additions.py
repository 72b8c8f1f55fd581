"""LoRAs, words and lists under the form, through real widgets: the prompt and the rows say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from backends.core.contract import Finished, PictureReady
from desktop.library.models import find_model
from desktop.model.form import ModelChoice
from desktop.view.additions.card_row import CardRow
from desktop.view.additions.panel import AdditionsPanel
from tests.desktop.addition_files import fill_folders, write_lora, write_partly_used
from tests.desktop.still import SMALL
from tests.desktop.still_window import StillShop
from tests.fakes import square

BUTTON = Qt.MouseButton.LeftButton


@pytest.fixture
def shop(qtbot: QtBot, home: Path) -> Iterator[StillShop]:
    fill_folders(home)
    made = StillShop(home)
    folder = find_model("starter").folder
    made.make.offer([ModelChoice(name="small", title="Small", folder=folder, defaults=SMALL)])
    qtbot.addWidget(made.window)
    made.window.show()
    yield made
    made.close()


@pytest.fixture
def panel(shop: StillShop, qtbot: QtBot) -> AdditionsPanel:
    fold = shop.window.make_screen.additions
    fold.button.setChecked(True)
    qtbot.waitUntil(lambda: shop.additions.additions.read)
    return fold.panel


def listed(panel: AdditionsPanel) -> dict[str, str]:
    """What the list says of each."""
    rows = [panel.list.itemWidget(panel.list.item(at)) for at in range(panel.list.count())]
    return {row.title.text(): row.about.text() for row in rows if isinstance(row, CardRow)}


def choose(panel: AdditionsPanel, name: str) -> None:
    for at in range(panel.list.count()):
        row = panel.list.itemWidget(panel.list.item(at))
        if isinstance(row, CardRow) and row.card.name == name:
            panel.list.setCurrentRow(at)


def test_a_lora_is_added_weighed_and_removed(shop: StillShop, panel: AdditionsPanel, qtbot: QtBot) -> None:
    shop.make.form.prompt = "a fox"
    assert listed(panel)["ink-wash"] == "fits; inkwash, sumi-e"
    assert listed(panel)["large"] == "Stable Diffusion XL; does not fit"
    choose(panel, "ink-wash")
    qtbot.mouseClick(panel.add, BUTTON)
    assert shop.window.form.prompt.toPlainText() == "a fox <lora:ink-wash:1>"
    assert "✓ ink-wash" in listed(panel)
    assert shop.window.make_screen.additions.button.text().endswith("(1)")
    row = panel.rows["ink-wash"]
    row.slider.setValue(6)
    assert shop.make.form.prompt == "a fox <lora:ink-wash:0.6>"
    row.weight.setValue(-0.25)
    assert shop.make.form.prompt == "a fox <lora:ink-wash:-0.25>"
    qtbot.mouseClick(row.words.chips["sumi-e"], BUTTON)
    qtbot.mouseClick(row.words.chips["sumi-e"], BUTTON)
    assert shop.make.form.prompt == "a fox, sumi-e <lora:ink-wash:-0.25>"
    shop.make.generate()
    assert shop.request.prompt == "a fox, sumi-e <lora:ink-wash:-0.25>"
    qtbot.mouseClick(row.remove, BUTTON)
    assert shop.make.form.prompt == "a fox, sumi-e"
    assert not panel.rows
    assert "ink-wash" in listed(panel)


def test_what_is_typed_into_the_prompt_shows(shop: StillShop, panel: AdditionsPanel) -> None:
    edit = shop.window.form.prompt
    edit.setPlainText("<lora:large:0.35> an owl <lora:ink-wash:1.5:0.2>, <lora:half")
    assert {name: row.weight.value() for name, row in panel.rows.items()} == {"large": 0.35, "ink-wash": 1.5}
    assert panel.rows["ink-wash"].slider.value() == 15
    assert "for Stable Diffusion XL" in panel.rows["large"].trouble.text()
    assert panel.rows["ink-wash"].trouble.isHidden()
    panel.rows["large"].slider.setValue(9)
    assert edit.toPlainText() == "<lora:large:0.9> an owl <lora:ink-wash:1.5:0.2>, <lora:half"
    edit.setPlainText("an owl")
    assert not panel.rows


def test_names_that_nothing_has_are_said(shop: StillShop, panel: AdditionsPanel) -> None:
    shop.window.form.prompt.setPlainText("a __anmal__ <lora:ink-wish:1>")
    assert "There is no LoRA called 'ink-wish'. Did you mean ink-wash?" in panel.problems.text()
    assert "no list of wildcards called 'anmal'. Did you mean animal?" in panel.problems.text()
    shop.window.form.prompt.setPlainText("an __empty__ beach")
    assert "'empty' is empty. Write a choice on each line." in panel.problems.text()
    shop.window.form.prompt.setPlainText("a beach")
    assert panel.problems.isHidden()


def test_words_and_lists_go_where_they_are_wanted(
    shop: StillShop, panel: AdditionsPanel, qtbot: QtBot
) -> None:
    shop.make.form.prompt = "a fox <lora:ink-wash:1>"
    assert panel.leave_out.isHidden()
    qtbot.mouseClick(panel.kinds["embedding"], BUTTON)
    choose(panel, "moody")
    qtbot.mouseClick(panel.leave_out, BUTTON)
    assert shop.make.form.negative_prompt == "moody"
    assert listed(panel) == {"✓ moody": "fits", "old-word": "says nothing of itself"}
    qtbot.mouseClick(panel.kinds["wildcard"], BUTTON)
    assert listed(panel)["places/sea"] == "1 choice"
    choose(panel, "empty")
    assert not panel.add.isEnabled()
    choose(panel, "animal")
    qtbot.mouseClick(panel.add, BUTTON)
    assert shop.make.form.prompt == "a fox, __animal__ <lora:ink-wash:1>"
    assert listed(panel)["✓ animal"] == "3 choices"


def test_the_search_finds_names_and_words(panel: AdditionsPanel) -> None:
    panel.search.setText("sumi INK")
    assert list(listed(panel)) == ["ink-wash"]
    panel.search.setText("nothing like this")
    assert panel.found.currentWidget() is panel.empty
    panel.search.clear()
    assert len(listed(panel)) == 4


def test_a_damaged_file_can_not_be_added(shop: StillShop, panel: AdditionsPanel) -> None:
    choose(panel, "damaged")
    assert "header can't be read" in listed(panel)["damaged"]
    assert not panel.add.isEnabled()
    panel.list.itemActivated.emit(panel.list.currentItem())
    assert "lora" not in shop.make.form.prompt


def test_a_lora_for_few_steps_brings_its_settings(
    shop: StillShop, panel: AdditionsPanel, qtbot: QtBot
) -> None:
    form = shop.make.form
    form.steps, form.guidance_scale, form.sampler = 30, 7.0, "euler"
    choose(panel, "lcm-lora")
    qtbot.mouseClick(panel.add, BUTTON)
    assert (form.steps, form.guidance_scale, form.sampler) == (4, 1.0, "lcm")
    assert "made for 4 steps" in shop.window.make_screen.note.message.text()
    qtbot.mouseClick(shop.window.make_screen.note.act, BUTTON)
    assert (form.steps, form.guidance_scale, form.sampler) == (30, 7.0, "euler")
    assert "<lora:lcm-lora:1>" in form.prompt


def test_what_of_a_lora_the_model_has_no_use_for_is_told_before(
    shop: StillShop, panel: AdditionsPanel, qtbot: QtBot, home: Path
) -> None:
    write_partly_used(home / "loras/partly.safetensors")
    shop.additions.refresh()
    qtbot.waitUntil(lambda: "partly" in listed(panel))
    assert listed(panel)["partly"] == "fits"
    shop.make.form.prompt = "a fox <lora:partly:1>"
    assert panel.rows["partly"].trouble.text() == (
        "What partly changes in a text encoder that this model lacks is left out. "
        "1 of the 3 layers of partly can't be used with this model."
    )


def test_a_lora_that_counts_little_for_a_model_with_one_sampler(
    shop: StillShop, panel: AdditionsPanel, qtbot: QtBot, home: Path
) -> None:
    """Hyper-SD's for SD 3: its steps, its guidance, the model's own sampler, and a weight of 0.125."""
    write_lora(home / "loras/Hyper-SD3-8steps-CFG-lora.safetensors", 192, 224)
    (choice,) = shop.make.models.values()
    shop.make.offer([choice, replace(choice, name="flow", samplers=("euler",))])
    shop.make.form.model = "flow"
    form = shop.make.form
    form.steps, form.guidance_scale, form.sampler = 40, 4.5, "euler"
    shop.additions.refresh()
    qtbot.waitUntil(lambda: "Hyper-SD3-8steps-CFG-lora" in listed(panel))
    choose(panel, "Hyper-SD3-8steps-CFG-lora")
    qtbot.mouseClick(panel.add, BUTTON)
    assert (form.steps, form.guidance_scale, form.sampler) == (8, 5.0, "euler")
    assert "<lora:Hyper-SD3-8steps-CFG-lora:0.125>" in form.prompt
    row = panel.rows["Hyper-SD3-8steps-CFG-lora"]
    assert row.weight.text().replace(",", ".") == "0.125"
    form.prompt, form.steps = "", 40
    choose(panel, "lcm-lora")
    qtbot.mouseClick(panel.add, BUTTON)
    assert (form.steps, form.sampler) == (40, "euler")  # another sampler is not for this model


def test_another_model_is_compared_anew_and_new_files_are_found(
    shop: StillShop, panel: AdditionsPanel, qtbot: QtBot, home: Path, tmp_path: Path
) -> None:
    (choice,) = shop.make.models.values()
    converted = tmp_path / "converted"
    converted.mkdir()
    shop.make.offer([choice, replace(choice, name="gone", folder=converted)])
    write_lora(home / "loras/another.safetensors", 192, 224)
    shop.make.form.model = "gone"
    qtbot.waitUntil(lambda: "another" in listed(panel))
    assert listed(panel)["another"] == "says nothing of itself"
    shop.make.form.model = "small"
    qtbot.waitUntil(lambda: listed(panel)["another"] == "fits")


def test_a_pictures_details_name_what_it_was_made_with(shop: StillShop) -> None:
    shop.make.form.prompt = "a fox, moody <lora:ink-wash:0.6> <lora:large:0>"
    shop.make.generate()
    used = {"model": "Small", "additions": f"ink-wash: {'a' * 64}, moody: {'b' * 64}"}
    ready = PictureReady(shop.request.id, 0, shop.request.seed, square(64, 64, 1), {}, used)
    shop.say(ready)
    details = shop.window.recent.details
    assert details.values["With"].words == "ink-wash 0.6, moody"
    shop.say(Finished(shop.request.id))
    shop.make.form.prompt = "a fox"
    shop.make.generate()
    shop.finish()
    assert details.values["With"].isHidden()
