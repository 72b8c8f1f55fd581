"""Reference pictures: up to four that the model looks at, in a row; their order counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QMimeData, QPoint, QSize, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QMenu, QVBoxLayout

from backends.core.contract import MAX_REFERENCES
from desktop.model.guide_desk import GuideDesk
from desktop.model.language import tr
from desktop.model.start import StartPicture
from desktop.view import bind, theme
from desktop.view.controls import caption, row
from desktop.view.guides.picture_drop import PictureDrop
from desktop.view.guides.tile import PictureTile
from desktop.view.icons import IconButton
from desktop.view.settings_parts import wrapped

_SIDE, _CROSS, _LABELS = 60, 20, 64
_MOVED = "application/x-mezzotint-reference"
_MOD = Qt.KeyboardModifier.AltModifier


class ReferencesField(QFrame):
    """Hidden where the model takes none and there are none; says why where there are some all the same."""

    def __init__(self, desk: GuideDesk) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._desk = desk
        self.tiles: list[ReferenceTile] = []
        self.add = PictureDrop(tr("Reference picture"), desk.bring_reference, desk.add_reference)
        self.add.setToolTip(
            tr("A picture that the model looks at while it makes another (reference picture)")
        )
        self.why_not, self._title, self._row = wrapped(), caption(tr("Look at")), row(spacing=theme.GRID)
        self._lay_out()
        bind.follow(desk.form, "references", self._show)
        bind.follow(desk.studio, "no_references", self._show_able)
        desk.guiding.events.pictures.connect(lambda _: self._show_pictures())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        mime = event.mimeData()
        able = not self._desk.studio.no_references and self.add.can_take(mime)
        if mime.hasFormat(_MOVED) or able:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Another picture, or one of these that was dragged to another place."""
        mime = event.mimeData()
        if mime.hasFormat(_MOVED):
            self._desk.move_reference(int(mime.data(_MOVED).data()), self._place(event.position().toPoint()))
            event.acceptProposedAction()
        elif self.add.take(mime):
            event.acceptProposedAction()

    def _place(self, at: QPoint) -> int:
        """The tile nearest to the pointer."""
        far = [abs(tile.geometry().center().x() - at.x()) for tile in self.tiles]
        return far.index(min(far)) if far else 0

    def _lay_out(self) -> None:
        self._row.addStretch(1)
        self.why_not.setObjectName("warningText")
        self._title.setMinimumWidth(_LABELS)
        self._title.setFixedHeight(theme.CONTROL)
        head = row(self._title, self.add)
        head.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addLayout(head)
        layout.addLayout(self._row)
        layout.addWidget(self.why_not)

    def _show(self, pictures: tuple[StartPicture, ...]) -> None:
        while len(self.tiles) < len(pictures):
            self.tiles.append(fresh := ReferenceTile(self._desk, len(self.tiles)))
            self._row.insertWidget(len(self.tiles) - 1, fresh)
        while len(self.tiles) > len(pictures):
            gone = self.tiles.pop()
            if gone.hasFocus() or gone.remove.hasFocus():
                self.add.setFocus()
            self._row.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for tile, picture in zip(self.tiles, pictures, strict=True):
            tile.show_reference(picture, len(pictures))
        self._show_pictures()
        self._show_able(self._desk.studio.no_references)

    def _show_pictures(self) -> None:
        """Tiles of pictures that are gone go when the form says so, which may be after this."""
        for tile, picture in zip(self.tiles, self._desk.form.references, strict=False):
            tile.show_picture(self._desk.seen(picture).picture, "\u2026")

    def _show_able(self, why_not: str) -> None:
        self.setVisible(not why_not or bool(self.tiles))
        self.why_not.setText(why_not)
        self.why_not.setVisible(bool(why_not))
        self.add.setVisible(not why_not and len(self.tiles) < MAX_REFERENCES)


class ReferenceTile(PictureTile):
    """Its number is the place that a prompt can speak of. Drag it, or Alt and an arrow, to move it."""

    def __init__(self, desk: GuideDesk, number: int) -> None:
        super().__init__("", QSize(_SIDE, _SIDE))
        self.setFixedWidth(_SIDE)
        self._desk, self.number, self._count = desk, number, 0
        self._pressed: QPoint | None = None
        self.sign = str(number + 1)
        self.remove = IconButton("close", "", flat=True)
        self.remove.setParent(self)
        self.remove.setObjectName("corner")
        self.remove.setIconSize(QSize(12, 12))
        self.remove.setFixedSize(_CROSS, _CROSS)
        self.remove.clicked.connect(self._remove)

    def show_reference(self, picture: StartPicture, count: int) -> None:
        self._count = count
        words = tr("Reference picture {number}: {name}", number=self.number + 1, name=picture.name)
        self.setAccessibleName(words)
        self.setToolTip(f"{words}\n{tr('Drag it to another place, or press Alt and an arrow')}")
        self.remove.setToolTip(tr("Remove {name}", name=picture.name))
        self.remove.setAccessibleName(self.remove.toolTip())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.remove.move(self.width() - _CROSS - 1, 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step and event.modifiers() & _MOD:
            self._move(step)
        elif event.matches(QKeySequence.StandardKey.Delete):
            self._remove()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, act, able in self._deeds():
            menu.addAction(words, act).setEnabled(able)
        menu.popup(event.globalPos())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        far = self._pressed and (event.position().toPoint() - self._pressed).manhattanLength()
        if far and far >= QApplication.startDragDistance():
            self._pressed = None
            self.setDown(False)
            self._drag()
            return
        super().mouseMoveEvent(event)

    def _deeds(self) -> tuple[tuple[str, Callable[[], None], bool], ...]:
        return (
            (tr("Move left"), partial(self._move, -1), self.number > 0),
            (tr("Move right"), partial(self._move, 1), self.number + 1 < self._count),
            (tr("Remove"), self._remove, True),
        )

    def _drag(self) -> None:
        mime, drag = QMimeData(), QDrag(self)
        mime.setData(_MOVED, str(self.number).encode())
        drag.setMimeData(mime)
        drag.setPixmap(self.grab())
        drag.exec(Qt.DropAction.MoveAction)

    def _move(self, step: int) -> None:
        """The focus goes with it."""
        place = self.number + step
        if 0 <= place < self._count:
            self._desk.move_reference(self.number, place)
            parent = self.parentWidget()
            if isinstance(parent, ReferencesField):
                parent.tiles[place].setFocus()

    def _remove(self) -> None:
        self._desk.remove_reference(self.number)
