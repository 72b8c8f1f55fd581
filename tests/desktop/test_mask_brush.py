"""A part of the start picture is made anew, or more around it: through the real widgets."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from backends.core import masks
from desktop.model.recipes import ForeignRecipe
from desktop.model.start import StartPicture
from desktop.view.inpaint_tools import InpaintTools
from desktop.view.mask_brush import MaskBrush
from tests.desktop.dropping import drop, mime_of
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.fakes import square

BUTTON, KEY = Qt.MouseButton.LeftButton, Qt.Key
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SIZE = (128, 96)


@pytest.fixture
def tools(still: StillShop, qtbot: QtBot, tmp_path: Path) -> InpaintTools:
    """With a start picture that the worker has read."""
    Image.new("RGB", SIZE, "teal").save(tmp_path / "fox.png")
    still.make.start_from(StartPicture((tmp_path / "fox.png").read_bytes(), "fox.png"))
    still.bench.looks[-1][1](square(64, 48, 1), SIZE)
    return still.window.form.start.inpaint


@pytest.fixture
def brush(still: StillShop, tools: InpaintTools, qtbot: QtBot) -> MaskBrush:
    """Open, by its button."""
    qtbot.mouseClick(tools.mask_button, BUTTON)
    return still.window.make_screen.brush


def white(mask: bytes | None) -> int:
    """How many pixels of the mask are white."""
    return 0 if mask is None else masks.open_mask(mask, SIZE).histogram()[255]


def drag(brush: MaskBrush, qtbot: QtBot, start: tuple[int, int], end: tuple[int, int]) -> None:
    """From one pixel of the picture to another."""
    area = brush.canvas.area()
    scale = area.width() / SIZE[0]
    places = [QPoint(round(area.x() + x * scale), round(area.y() + y * scale)) for x, y in (start, end)]
    qtbot.mousePress(brush.canvas, BUTTON, pos=places[0])
    qtbot.mouseMove(brush.canvas, places[1])
    qtbot.mouseRelease(brush.canvas, BUTTON, pos=places[1])


def test_without_a_start_picture_there_is_nothing_to_paint(still: StillShop) -> None:
    assert not still.window.form.start.inpaint.isVisible()
    assert not still.window.make_screen.brush.isVisible()


def test_a_stroke_reaches_the_request(still: StillShop, brush: MaskBrush, qtbot: QtBot) -> None:
    assert brush.isVisible()
    assert not still.window.canvas.isVisible()
    brush.size_box.setValue(20)
    drag(brush, qtbot, (40, 40), (80, 40))
    brush.feather.setValue(12)
    qtbot.mouseClick(brush.done, BUTTON)
    assert still.window.canvas.isVisible()
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert still.request.mask is not None
    painted = masks.open_mask(still.request.mask, SIZE)
    assert painted.getpixel((60, 40)) == 255
    assert painted.getpixel((60, 56)) == 0
    assert still.request.feather == 12


def test_every_act_can_be_taken_back(still: StillShop, brush: MaskBrush, qtbot: QtBot) -> None:
    form, seen = still.make.form, [0]
    drag(brush, qtbot, (30, 30), (60, 30))
    seen.append(white(form.mask))
    qtbot.mouseClick(brush.erase, BUTTON)
    brush.size_box.setValue(8)
    drag(brush, qtbot, (30, 30), (60, 30))
    seen.append(white(form.mask))
    qtbot.mouseClick(brush.invert, BUTTON)
    seen.append(white(form.mask))
    qtbot.mouseClick(brush.clear, BUTTON)
    assert form.mask is None
    assert 0 < seen[2] < seen[1]
    assert seen[3] == SIZE[0] * SIZE[1] - seen[2]
    for before in (3, 2, 1, 0):
        qtbot.mouseClick(brush.undo, BUTTON)
        assert white(form.mask) == seen[before]
    assert not brush.undo.isEnabled()
    for after in (1, 2, 3):
        qtbot.mouseClick(brush.redo, BUTTON)
        assert white(form.mask) == seen[after]


def test_the_keyboard_suffices(still: StillShop, brush: MaskBrush, qtbot: QtBot) -> None:
    canvas, form = brush.canvas, still.make.form
    before = brush.size_box.value()
    qtbot.keyClick(canvas, "]")
    assert brush.size_box.value() > before
    qtbot.keyClick(canvas, "[")
    qtbot.keyClick(canvas, "[")
    assert brush.size_box.value() < before
    qtbot.keyClick(canvas, KEY.Key_Space)
    once = white(form.mask)
    for key in (KEY.Key_Right, KEY.Key_Right, KEY.Key_Down, KEY.Key_Space):
        qtbot.keyClick(canvas, key)
    assert white(form.mask) > once > 0
    qtbot.keyClick(canvas, KEY.Key_Z, CONTROL)
    assert white(form.mask) == once
    qtbot.keyClick(canvas, KEY.Key_Z, CONTROL | SHIFT)
    assert white(form.mask) > once
    qtbot.keyClick(canvas, KEY.Key_E)
    assert brush.erase.isChecked()
    qtbot.keyClick(canvas, KEY.Key_Space)
    qtbot.keyClick(canvas, KEY.Key_I)
    assert white(form.mask) > SIZE[0] * SIZE[1] / 2
    qtbot.keyClick(canvas, KEY.Key_Escape)
    assert not brush.isVisible()
    assert not still.bench.cancelled


def test_a_mask_can_be_dropped(still: StillShop, brush: MaskBrush, tmp_path: Path) -> None:
    mask = Image.new("L", SIZE)
    mask.paste(255, (0, 0, 10, 10))
    mask.save(tmp_path / "mask.png")
    drop(brush.canvas, mime_of(tmp_path / "mask.png"))
    assert white(still.make.form.mask) == 100
    Image.new("L", (64, 64), 255).save(tmp_path / "other.png")
    drop(brush.canvas, mime_of(tmp_path / "other.png"))
    assert "The mask is 64 x 64 pixels" in still.window.problem.message.text()
    assert white(still.make.form.mask) == 100


def test_the_mask_goes_with_its_picture(
    still: StillShop, tools: InpaintTools, brush: MaskBrush, qtbot: QtBot
) -> None:
    drag(brush, qtbot, (40, 40), (80, 40))
    assert tools.mask_button.text() == "Change the mask"
    kept = still.make.form.mask
    brush.close_brush()
    qtbot.mouseClick(tools.mask_button, BUTTON)  # it is still there, to be changed
    qtbot.mouseClick(brush.invert, BUTTON)
    qtbot.mouseClick(brush.invert, BUTTON)
    assert still.make.form.mask == kept
    qtbot.mouseClick(tools.remove, BUTTON)
    assert still.make.form.mask is None
    assert tools.mask_button.text() == "Paint a mask"
    drag(brush, qtbot, (40, 40), (80, 40))
    qtbot.mouseClick(still.window.form.start.remove, BUTTON)
    assert not brush.isVisible()
    assert still.make.form.mask is None


def test_edges_are_extended(still: StillShop, tools: InpaintTools, qtbot: QtBot) -> None:
    qtbot.mouseClick(tools.extend.button, BUTTON)
    form = still.make.form
    width, height = form.width, form.height
    left, above, _, below = tools.edges
    left.setValue(32)
    above.stepUp()
    below.setValue(61)
    assert tools.whole.text().startswith(f"The picture becomes {width + 32} x {height + 64}.")
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert (still.request.width, still.request.height) == (width + 32, height + 64)
    assert still.request.extend == (32, 8, 0, 56)
    assert (form.width, form.height) == (width, height)


def test_a_picture_is_repeated_with_mask_and_edges(
    still: StillShop, tools: InpaintTools, brush: MaskBrush, qtbot: QtBot
) -> None:
    form = still.make.form
    drag(brush, qtbot, (40, 40), (80, 40))
    form.extend, form.feather = (8, 0, 0, 0), 5
    still.make.generate()
    first = still.request
    still.finish("picture.png")
    made = still.make.studio.recent[0]
    told = still.window.recent.details.values["Made anew"]
    assert told.text() == "a part of the start picture, edge 5 px soft; Left 8 px"
    still.make.use_start(None)
    still.make.repeat(made)
    still.make.generate()
    assert still.request == first


def test_a_recipe_brings_its_mask(still: StillShop, tools: InpaintTools, tmp_path: Path) -> None:
    from desktop.library.record import Record

    start, mask = still.make.form.start, tmp_path / "mask.png"
    Image.new("L", SIZE, 255).save(mask)
    record = Record(prompt="a fox", width=160, height=96)
    foreign = ForeignRecipe(record, "Mezzotint", (), start, mask.read_bytes(), 3, (32, 0, 0, 0))
    still.make.use_recipe(foreign)
    form = still.make.form
    assert (form.mask, form.feather, form.extend) == (mask.read_bytes(), 3, (32, 0, 0, 0))
    assert (form.width, form.height, form.whole_size) == (128, 96, (160, 96))


def test_generate_shows_the_picture_again(still: StillShop, brush: MaskBrush, qtbot: QtBot) -> None:
    drag(brush, qtbot, (40, 40), (80, 40))
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert not brush.isVisible()
    assert still.window.canvas.isVisible()
