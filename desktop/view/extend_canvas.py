"""The start picture with handles at its edges and corners, and what is to be made around it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.model.extending import LEFT, OUTWARDS, RIGHT, Extend, Extending
from desktop.model.form import NOT_EXTENDED
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.extend_handle import HANDLES, SIDE, ExtendHandle
from desktop.view.extend_layout import ExtendLayout, fitted
from desktop.view.mask_canvas import veil
from desktop.view.mask_sheet import MaskSheet

_MARGIN = SIDE // 2 + 4
_CHECK = 8
_HATCH = 90
"""How much the accent's hatching covers, of 255."""


class ExtendCanvas(QWidget):
    """Pulls edges through `extending`, as acts on its `sheet`; `changed` while and after one goes on."""

    changed = Signal()

    def __init__(self, extending: Extending) -> None:
        super().__init__()
        self.setObjectName("canvas")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 160)
        self.setAccessibleName(tr("Extend"))
        self.sheet: MaskSheet | None = None
        self._extending, self._picture = extending, QPixmap()
        self._layout: ExtendLayout | None = None
        self._start, self._moved, self._rebased = NOT_EXTENDED, False, QPointF()
        self.handles: dict[tuple[int, ...], ExtendHandle] = {edges: self._handle(edges) for edges in HANDLES}

    def show_picture(self, picture: QPixmap, sheet: MaskSheet) -> None:
        self._picture, self.sheet = picture, sheet
        self.settle()

    def settle(self) -> None:
        """Lays all of it in the middle anew."""
        if self.sheet is not None:
            self._layout = fitted(self._room(), self._extending.bounds, self.sheet.extend)
            self._place()

    def follow(self) -> None:
        """The sheet, or the picture's size, has changed elsewhere."""
        if not any(handle.is_held for handle in self.handles.values()):
            self.settle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.settle()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(theme.current().window))
        if self.sheet is None or self._layout is None:
            return
        self._draw_new(painter, self._layout, self.sheet.extend)
        self._draw_picture(painter, self._layout.picture(), self.sheet.image)
        self._draw_pixels(painter, self._layout, self.sheet.extend)

    # --- parts ---

    def _handle(self, edges: tuple[int, ...]) -> ExtendHandle:
        handle = ExtendHandle(edges, self)
        handle.grabbed.connect(self._grab)
        handle.pulled.connect(partial(self._pull, edges))
        handle.dropped.connect(self.settle)
        handle.given_up.connect(self._give_up)
        handle.stepped.connect(partial(self._step, edges))
        handle.reset.connect(partial(self._reset, edges))
        handle.looked_at.connect(self.update)
        return handle

    def _grab(self) -> None:
        if self.sheet is not None:
            self._start, self._moved, self._rebased = self.sheet.extend, False, QPointF()

    def _pull(self, edges: tuple[int, ...], by: QPointF) -> None:
        """By so many points since it was grabbed, or since the picture had to become smaller."""
        if self.sheet is None or self._layout is None:
            return
        pixels = (by - self._rebased) / self._layout.scale
        self._take(*self._extending.bounds.pulled(self._start, edges, pixels.x(), pixels.y()))
        if not self._fits():
            left_over = pixels - _moved(self._start, self.sheet.extend, edges)
            self.settle()
            self._start, self._rebased = self.sheet.extend, by - left_over * self._layout.scale
        self._place()

    def _take(self, extend: Extend, limit: str = "") -> None:
        """The first change is an act's beginning, the others go on with it."""
        assert self.sheet is not None
        if self._moved:
            self.sheet.extend = extend
        elif extend != self.sheet.extend:
            self.sheet.extend_to(extend)
            self._moved = True
        self._extending.use(extend, limit)
        self.changed.emit()

    def _give_up(self) -> None:
        """As if it had never been touched."""
        if self.sheet is not None and self._moved:
            self.sheet.take_back()
            self._extending.use(self.sheet.extend)
            self.changed.emit()
        self.settle()

    def _step(self, edges: tuple[int, ...], steps: QPoint, held: bool) -> None:
        """A key that is held down goes on with the same act."""
        if self.sheet is None:
            return
        self._moved = self._moved and held
        way = steps * self._extending.bounds.step
        self._take(*self._extending.bounds.pulled(self.sheet.extend, edges, way.x(), way.y()))
        self._place() if self._fits() else self.settle()

    def _reset(self, edges: tuple[int, ...]) -> None:
        if self.sheet is not None:
            self._moved = False
            left, top, right, bottom = (
                0 if edge in edges else pixels for edge, pixels in enumerate(self.sheet.extend)
            )
            self._take((left, top, right, bottom))
            self.settle()

    def _room(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)

    def _fits(self) -> bool:
        assert self.sheet is not None
        return self._layout is not None and self._room().contains(self._layout.whole(self.sheet.extend))

    def _place(self) -> None:
        if self.sheet is not None and self._layout is not None:
            for handle in self.handles.values():
                handle.place(self._layout.whole(self.sheet.extend))
                handle.show_pixels(self.sheet.extend)
            self.update()

    def _draw_new(self, painter: QPainter, layout: ExtendLayout, extend: Extend) -> None:
        """A chequered ground, hatched in the accent's colour: there is nothing yet, and it will be new."""
        colours, whole = theme.current(), layout.whole(extend)
        if not any(extend):
            return
        painter.fillRect(whole, _chequered())
        hatch = QColor(colours.accent)
        hatch.setAlpha(_HATCH)
        painter.fillRect(whole, QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(QColor(colours.accent), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(whole)

    def _draw_picture(self, painter: QPainter, area: QRectF, mask: QImage) -> None:
        """As much of it as is used: its middle, where it has another shape than what is made."""
        painter.drawPixmap(area, self._picture, _middle(QSizeF(self._picture.size()), area))
        used = _middle(QSizeF(mask.size()), area).toRect()
        painter.drawImage(area, veil(mask.copy(used), area.size().toSize(), self.devicePixelRatioF()))
        painter.setPen(QPen(QColor(theme.current().strong_edge), 1))
        painter.drawRect(area)

    def _draw_pixels(self, painter: QPainter, layout: ExtendLayout, extend: Extend) -> None:
        """How many are added, in each strip; and the whole size beside what is moved."""
        painter.setFont(theme.quiet_font())
        for edge, strip in enumerate(layout.strips(extend)):
            if extend[edge]:
                _chip(painter, f"{extend[edge]} px", _beside_handle(edge, strip), strip)
        held = next((each for each in self.handles.values() if each.hasFocus() or each.is_held), None)
        if held is not None:
            size = "{} x {}".format(*layout.bounds.whole(extend))
            _chip(painter, size, _inwards(held), QRectF(self.rect()))


def _moved(before: Extend, after: Extend, edges: tuple[int, ...]) -> QPointF:
    """How far these edges went, in pixels across and down."""
    ways = [QPointF(*OUTWARDS[edge]) * (after[edge] - before[edge]) for edge in edges]
    return sum(ways, QPointF())


def _beside_handle(edge: int, strip: QRectF) -> QPointF:
    """A quarter of the way along: the handle is in the middle."""
    if edge in (LEFT, RIGHT):
        return QPointF(strip.center().x(), strip.top() + strip.height() / 4)
    return QPointF(strip.left() + strip.width() / 4, strip.center().y())


def _inwards(handle: ExtendHandle) -> QPointF:
    """A place for words beside a handle, towards the picture."""
    out = [OUTWARDS[edge] for edge in handle.edges]
    across, down = sum(x for x, _ in out), sum(y for _, y in out)
    return QPointF(handle.geometry().center()) - QPointF(across * 56, down * 30)


def _middle(size: QSizeF, shape: QRectF) -> QRectF:
    """The largest part of that shape in the middle of something of this size."""
    scale = min(size.width() / shape.width(), size.height() / shape.height())
    part = QSizeF(shape.width(), shape.height()) * scale
    return QRectF(QPointF((size.width() - part.width()) / 2, (size.height() - part.height()) / 2), part)


def _chip(painter: QPainter, words: str, at: QPointF, within: QRectF) -> None:
    """Words on a plate, where there is room for it."""
    colours, text = theme.current(), painter.fontMetrics().size(0, words)
    plate = QRectF(0, 0, text.width() + 12, text.height() + 6)
    if plate.width() > within.width() or plate.height() > within.height():
        return
    plate.moveCenter(at)
    plate.moveLeft(min(max(plate.left(), within.left()), within.right() - plate.width()))
    plate.moveTop(min(max(plate.top(), within.top()), within.bottom() - plate.height()))
    painter.setPen(QPen(QColor(colours.strong_edge), 1))
    painter.setBrush(QColor(colours.panel))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(QColor(colours.text))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)


def _chequered() -> QBrush:
    colours = theme.current()
    tile = QPixmap(2 * _CHECK, 2 * _CHECK)
    tile.fill(QColor(colours.field))
    painter = QPainter(tile)
    for x, y in ((0, 0), (_CHECK, _CHECK)):
        painter.fillRect(x, y, _CHECK, _CHECK, QColor(colours.panel))
    painter.end()
    return QBrush(tile)
