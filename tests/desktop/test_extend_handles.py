"""The start picture's edges are pulled outwards with the mouse and with keys, through the real widgets."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from backends.core.contract import MAX_EXTEND, MAX_SIDE
from desktop.model.extending import ABOVE, BELOW, LEFT, RIGHT, Bounds, Weighing
from desktop.view.extend_canvas import ExtendCanvas
from desktop.view.extend_handle import HANDLES, ExtendHandle
from desktop.view.inpaint_tools import InpaintTools
from desktop.view.mask_brush import MaskBrush
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture
from tests.desktop.test_mask_brush import tools  # noqa: F401  a fixture

BUTTON, KEY = Qt.MouseButton.LeftButton, Qt.Key
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def canvas(still: StillShop, tools: InpaintTools, qtbot: QtBot) -> ExtendCanvas:
    """Open, by its button; the picture is made 128 x 96."""
    still.make.form.use_size(128, 96)
    qtbot.mouseClick(tools.extend.button, BUTTON)
    qtbot.mouseClick(tools.pull, BUTTON)
    return still.window.make_screen.brush.edges


def brush_of(still: StillShop) -> MaskBrush:
    return still.window.make_screen.brush


def pull(
    canvas: ExtendCanvas, edges: tuple[int, ...], across: float, down: float, *, drop: bool = True
) -> None:
    """By so many of the picture's pixels, as the mouse does it, on the way twice."""
    handle, scale = canvas.handles[edges], scale_of(canvas)
    start = handle.rect().center()
    QTest.mousePress(handle, BUTTON, pos=start)
    began = handle.mapToGlobal(start)
    for part in (0.5, 1.0):
        to = began + QPoint(round(across * scale * part), round(down * scale * part))
        QTest.mouseMove(handle, handle.mapFromGlobal(to))
    if drop:
        QTest.mouseRelease(handle, BUTTON, pos=handle.mapFromGlobal(to))


def scale_of(canvas: ExtendCanvas) -> float:
    assert canvas._layout is not None
    return canvas._layout.scale


def test_an_edge_is_pulled_outwards(
    still: StillShop, canvas: ExtendCanvas, tools: InpaintTools, qtbot: QtBot
) -> None:
    assert canvas.isVisible()
    assert not still.window.canvas.isVisible()
    pull(canvas, (RIGHT,), 43, 0)
    assert still.make.form.extend == (0, 0, 40, 0)
    assert [edge.value() for edge in tools.edges] == [0, 0, 40, 0]
    assert brush_of(still).told.text().startswith("The picture becomes 168 x 96.")
    assert tools.whole.text() == brush_of(still).told.text()
    qtbot.mouseClick(still.window.form.generate, BUTTON)
    assert (still.request.width, still.request.height) == (168, 96)
    assert still.request.extend == (0, 0, 40, 0)


def test_the_new_area_is_seen_while_it_is_pulled(still: StillShop, canvas: ExtendCanvas) -> None:
    pull(canvas, (LEFT,), -48, 0, drop=False)
    assert still.make.form.extend == (48, 0, 0, 0)
    assert brush_of(still).told.text().startswith("The picture becomes 176 x 96.")
    layout = canvas._layout
    assert layout is not None
    strip = layout.strips(still.make.form.extend)[LEFT]
    assert strip.width() == pytest.approx(48 * layout.scale)
    shown = canvas.grab().toImage()
    new = {shown.pixel(int(strip.left()) + 3 + x, int(strip.top()) + 12) for x in range(24)}
    density = shown.devicePixelRatio()
    assert density == 1
    assert len(new) > 2  # chequered and hatched
    assert shown.pixelColor(layout.picture().center().toPoint()).name() != shown.pixelColor(2, 2).name()
    handle = canvas.handles[LEFT,]
    assert handle.geometry().center().x() == pytest.approx(strip.left(), abs=2)
    QTest.mouseRelease(handle, BUTTON)


@pytest.mark.parametrize("edges", HANDLES)
def test_each_handle_moves_its_edges_and_no_other(
    still: StillShop, canvas: ExtendCanvas, edges: tuple[int, ...]
) -> None:
    across = -24 if LEFT in edges else 24
    down = -16 if ABOVE in edges else 16
    pull(canvas, edges, across, down)
    wanted = (24, 16, 24, 16)
    assert still.make.form.extend == tuple(wanted[edge] if edge in edges else 0 for edge in range(4))
    names = ("Left 24 px", "Above 16 px", "Right 24 px", "Below 16 px")
    told = canvas.handles[edges].accessibleName()
    assert told == "Extend: " + ", ".join(names[edge] for edge in edges)
    assert canvas.handles[edges].accessibleDescription()


def test_cursors_say_where_it_goes(canvas: ExtendCanvas) -> None:
    shape = {edges: handle.cursor().shape() for edges, handle in canvas.handles.items()}
    assert shape[LEFT,] == shape[RIGHT,] == Qt.CursorShape.SizeHorCursor
    assert shape[ABOVE,] == shape[BELOW,] == Qt.CursorShape.SizeVerCursor
    assert shape[LEFT, ABOVE] == shape[RIGHT, BELOW] == Qt.CursorShape.SizeFDiagCursor
    assert shape[RIGHT, ABOVE] == shape[LEFT, BELOW] == Qt.CursorShape.SizeBDiagCursor


def test_inwards_it_ends_at_the_picture(still: StillShop, canvas: ExtendCanvas) -> None:
    pull(canvas, (RIGHT,), 32, 0)
    pull(canvas, (RIGHT,), -90, 0)
    assert still.make.form.extend == (0, 0, 0, 0)


def test_far_beyond_the_canvas_the_picture_becomes_smaller(still: StillShop, canvas: ExtendCanvas) -> None:
    before, handle = scale_of(canvas), canvas.handles[RIGHT,]
    QTest.mousePress(handle, BUTTON)
    start = handle.mapToGlobal(handle.rect().center())
    for across in range(100, 2000, 100):
        QTest.mouseMove(handle, handle.mapFromGlobal(start + QPoint(across, 0)))
        assert canvas.rect().contains(handle.geometry().center())
    QTest.mouseRelease(handle, BUTTON)
    assert scale_of(canvas) < before
    assert still.make.form.extend[RIGHT] > 300


def test_the_keyboard_suffices(still: StillShop, canvas: ExtendCanvas, qtbot: QtBot) -> None:
    form, first = still.make.form, canvas.handles[LEFT,]
    assert first.hasFocus()
    qtbot.keyClick(first, KEY.Key_Left)
    assert form.extend == (8, 0, 0, 0)
    qtbot.keyClick(first, KEY.Key_Up)
    qtbot.keyClick(first, KEY.Key_Left, SHIFT)
    assert form.extend == (72, 0, 0, 0)
    qtbot.keyClick(first, KEY.Key_Right)
    assert form.extend == (64, 0, 0, 0)
    qtbot.keyClick(first, KEY.Key_Tab)
    second = canvas.focusWidget()
    assert isinstance(second, ExtendHandle)
    assert second.edges == (ABOVE,)
    qtbot.keyClick(second, KEY.Key_Up)
    assert form.extend == (64, 8, 0, 0)
    corner = canvas.handles[RIGHT, BELOW]
    corner.setFocus()
    qtbot.keyClick(corner, KEY.Key_Right)
    qtbot.keyClick(corner, KEY.Key_Down)
    assert form.extend == (64, 8, 8, 8)
    qtbot.keyClick(corner, KEY.Key_Home)
    assert form.extend == (64, 8, 0, 0)
    qtbot.keyClick(corner, KEY.Key_Z, CONTROL)
    assert form.extend == (64, 8, 8, 8)
    qtbot.keyClick(corner, KEY.Key_Escape)
    assert not brush_of(still).isVisible()
    assert still.window.form.start.inpaint.pull.hasFocus()


def test_a_double_click_takes_it_back(still: StillShop, canvas: ExtendCanvas) -> None:
    pull(canvas, (RIGHT, BELOW), 32, 32)
    pull(canvas, (LEFT,), -16, 0)
    QTest.mouseDClick(canvas.handles[RIGHT, BELOW], BUTTON)
    assert still.make.form.extend == (16, 0, 0, 0)


def test_strokes_and_edges_have_one_undo(still: StillShop, canvas: ExtendCanvas, qtbot: QtBot) -> None:
    form, brush = still.make.form, brush_of(still)
    pull(canvas, (RIGHT,), 32, 0)
    qtbot.mouseClick(brush.paint, BUTTON)
    assert brush.canvas.isVisible()
    qtbot.keyClick(brush.canvas, KEY.Key_Space)
    painted = form.mask
    assert painted is not None
    qtbot.keyClick(brush.canvas, KEY.Key_X)
    assert canvas.isVisible()
    pull(canvas, (RIGHT,), 32, 0)
    states = [((0, 0, 64, 0), painted), ((0, 0, 32, 0), painted), ((0, 0, 32, 0), None), ((0, 0, 0, 0), None)]
    for extend, mask in states:
        assert (form.extend, form.mask) == (extend, mask)
        qtbot.mouseClick(brush.undo, BUTTON)
    assert not brush.undo.isEnabled()
    for extend, mask in reversed(states[:-1]):
        qtbot.mouseClick(brush.redo, BUTTON)
        assert (form.extend, form.mask) == (extend, mask)


def test_fields_and_handles_show_the_same(
    still: StillShop, canvas: ExtendCanvas, tools: InpaintTools, qtbot: QtBot
) -> None:
    tools.edges[BELOW].setValue(40)
    layout = canvas._layout
    assert layout is not None
    place = canvas.handles[BELOW,].geometry().center()
    assert place.y() == pytest.approx(layout.whole((0, 0, 0, 40)).bottom(), abs=2)
    tools.edges[BELOW].setValue(48)
    qtbot.mouseClick(brush_of(still).undo, BUTTON)  # what was typed in a row is one act
    assert still.make.form.extend == (0, 0, 0, 0)
    assert tools.edges[BELOW].value() == 0


def test_escape_gives_up_a_pull(still: StillShop, canvas: ExtendCanvas, qtbot: QtBot) -> None:
    pull(canvas, (RIGHT,), 32, 0, drop=False)
    assert still.make.form.extend == (0, 0, 32, 0)
    qtbot.keyClick(canvas.handles[RIGHT,], KEY.Key_Escape)
    assert still.make.form.extend == (0, 0, 0, 0)
    assert brush_of(still).isVisible()
    assert not brush_of(still).undo.isEnabled()
    assert not brush_of(still).redo.isEnabled()


def test_steps_are_the_models_own(
    still: StillShop, canvas: ExtendCanvas, tools: InpaintTools, qtbot: QtBot
) -> None:
    (choice,) = still.make.models.values()
    still.make.offer([replace(choice, size_step=32)])
    still.make.form.events.model.emit(choice.name)
    pull(canvas, (RIGHT,), 40, 0)
    assert still.make.form.extend == (0, 0, 32, 0)
    tools.edges[RIGHT].stepUp()
    assert still.make.form.extend == (0, 0, 64, 0)
    tools.edges[LEFT].setValue(70)
    assert still.make.form.extend == (64, 0, 64, 0)


def test_odd_edges_of_a_recipe_stay(still: StillShop, tools: InpaintTools, qtbot: QtBot) -> None:
    still.make.form.extend = (4, 0, 4, 0)
    assert still.make.form.extend == (4, 0, 4, 0)
    assert tools.edges[LEFT].value() == 4


@pytest.mark.parametrize(
    ("bounds", "wanted", "words"),
    [
        (Bounds(512, 512), (0, 0, MAX_EXTEND, 0), f"An edge is extended by at most {MAX_EXTEND} px."),
        (Bounds(6000, 512), (0, 0, 2192, 0), f"A side of a picture has at most {MAX_SIDE} px."),
        (Bounds(6000, 512, 64), (0, 0, 2176, 0), f"A side of a picture has at most {MAX_SIDE} px."),
    ],
)
def test_limits_are_told(bounds: Bounds, wanted: tuple[int, ...], words: str) -> None:
    assert bounds.pulled((0, 0, 0, 0), (RIGHT,), 9999, 0) == (wanted, words)


def test_a_limit_is_seen(still: StillShop, canvas: ExtendCanvas, qtbot: QtBot) -> None:
    still.make.form.extend = (0, 0, MAX_EXTEND, 0)
    handle = canvas.handles[RIGHT,]
    handle.setFocus()
    qtbot.keyClick(handle, KEY.Key_Right)
    assert f"An edge is extended by at most {MAX_EXTEND} px." in brush_of(still).told.text()
    qtbot.keyClick(handle, KEY.Key_Left)
    assert "at most" not in brush_of(still).told.text()


def test_memory_follows_what_is_pulled(still: StillShop, canvas: ExtendCanvas, qtbot: QtBot) -> None:
    told, form = brush_of(still).told, still.make.form
    pull(canvas, (RIGHT,), 32, 0)
    sized, answer = still.bench.weighings[-1]
    assert sized.folder == Path("a")
    assert sized.guided
    pull(canvas, (BELOW,), 0, 32)  # while the first is not answered yet
    assert len(still.bench.weighings) == 1
    answer(Weighing("fits", 2 * 10**9, 9 * 10**9))
    assert "Fits" not in told.text()  # it was for another size
    sized, answer = still.bench.weighings[-1]
    assert sized.size == form.whole_size == (160, 128)
    answer(Weighing("too large", 20 * 10**9, 9 * 10**9))
    assert told.text().endswith("Too large: needs 20.0 GB of memory, and 9.0 GB is free.")
    pull(canvas, (RIGHT,), 8, 0)
    assert "Too large" not in told.text()
    still.bench.weighings[-1][1](None)
    assert told.text().startswith("The picture becomes 168 x 128.")


def test_a_converted_model_says_what_it_makes(still: StillShop, canvas: ExtendCanvas) -> None:
    (choice,) = still.make.models.values()
    still.make.offer([replace(choice, sizes=((128, 96), (192, 96)))])
    pull(canvas, (RIGHT,), 32, 0)
    assert "This model was prepared for 128 x 96, 192 x 96 only." in brush_of(still).told.text()
    pull(canvas, (RIGHT,), 32, 0)
    assert "prepared" not in brush_of(still).told.text()


@pytest.mark.parametrize(
    "size",
    [(760, 520), *(pytest.param(each, marks=pytest.mark.thorough) for each in ((1280, 800), (2000, 1200)))],
)
def test_all_handles_are_in_sight(still: StillShop, canvas: ExtendCanvas, size: tuple[int, int]) -> None:
    still.window.resize(*size)
    still.make.form.extend = (512, 0, 64, 256)
    for handle in canvas.handles.values():
        assert handle.isVisible()
        assert canvas.rect().contains(handle.geometry())


def test_another_start_picture_closes_it(still: StillShop, canvas: ExtendCanvas) -> None:
    pull(canvas, (RIGHT,), 32, 0)
    still.make.use_start(None)
    assert not brush_of(still).isVisible()
    assert still.make.form.extend == (0, 0, 0, 0)
