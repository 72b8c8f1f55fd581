"""The queue: what is being made, what waits, what failed; reorder, pause, cancel, try again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.model.language import tr
from desktop.model.queue import Entry
from desktop.view import bind, theme
from desktop.view.controls import quiet, row
from desktop.view.icons import wear
from desktop.view.nothing import Nothing
from desktop.view.queue_row import QueueRow, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.view.app import Workshop

_WIDEST = 900
_ID = Qt.ItemDataRole.UserRole


class QueueScreen(QWidget):
    """Binds to the queue and forwards to the work."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._work, self._queue = workshop.make.work, workshop.make.queue
        self.summary = quiet()
        self.pause, self.cancel_all = QPushButton(), QPushButton(tr("Cancel all"))
        self.clear = QPushButton(tr("Clear failed"))
        self.list = QueueList()
        teach = tr("While a picture is made, Generate adds the next one here.")
        self.nothing = Nothing(tr("Nothing is waiting"), teach, tr("Make a picture"))
        self.stack = QStackedWidget()
        self._lay_out()
        self.pause.clicked.connect(lambda: self._work.pause(not self._queue.held))
        self.cancel_all.clicked.connect(self._work.stop_all)
        self.clear.clicked.connect(self._work.clear_failed)
        self.nothing.button.clicked.connect(lambda: workshop.window.show_screen("make"))
        self.list.moved.connect(self._move)
        self.list.removed.connect(self._work.cancel)
        self.list.again.connect(self._work.retry)
        bind.follow(self._queue, "held", self._show_paused)
        bind.follow(self._queue, "entries", self._show)

    def _lay_out(self) -> None:
        title = QLabel(tr("Queue"))
        title.setFont(theme.title_font())
        head = row(title, self.summary)
        head.addStretch(1)
        for button in (self.pause, self.cancel_all, self.clear):
            head.addWidget(button)
        self.stack.addWidget(self.nothing)
        self.stack.addWidget(self.list)
        column = QVBoxLayout()
        column.setSpacing(theme.MARGIN)
        column.addLayout(head)
        column.addWidget(self.stack, 1)
        body = QWidget()
        body.setLayout(column)
        body.setMaximumWidth(_WIDEST)
        outer = row()
        outer.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        outer.addWidget(body, 1)
        self.setLayout(outer)

    def _show_paused(self, paused: bool) -> None:
        self.pause.setText(tr("Go on") if paused else tr("Pause"))
        self.pause.setToolTip(
            tr("Make what waits") if paused else tr("Finish what runs, and begin nothing else")
        )
        wear(self.pause, "play" if paused else "pause")
        self._show(self._queue.entries)

    def _show(self, entries: tuple[Entry, ...]) -> None:
        self.stack.setCurrentIndex(1 if entries else 0)
        self.list.show_entries(entries, self._actions)
        waiting, failed = len(self._queue.waiting), len(self._queue.failed)
        parts = [tr("paused")] if self._queue.held else []
        parts += [tr("{count} waiting", count=waiting)] if waiting else []
        parts += [tr("{count} failed", count=failed)] if failed else []
        self.summary.setText(", ".join(parts))
        self.pause.setVisible(bool(waiting) or self._queue.held)
        self.cancel_all.setVisible(bool(waiting) or self._queue.running is not None)
        self.clear.setVisible(bool(failed))

    def _actions(self, entry: Entry) -> dict[str, Callable[[], None]]:
        """What a row's buttons do, by name."""
        return {
            "first": lambda: self._move(entry.id, 0),
            "cancel": lambda: self._work.cancel(entry.id),
            "again": lambda: self._work.retry(entry.id),
        }

    def _move(self, entry_id: str, place: int) -> None:
        self._work.move(entry_id, place)
        self.list.choose(entry_id)


class QueueList(QListWidget):
    """Rows that can be dragged, or moved with Alt+Up and Alt+Down; Delete cancels, Return tries again."""

    moved = Signal(str, int)
    removed = Signal(str)
    again = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Queue"))
        self.setObjectName("queue")
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSpacing(4)
        self._shown: tuple[Entry, ...] = ()
        self.rows: dict[str, QueueRow] = {}

    def show_entries(
        self, entries: tuple[Entry, ...], actions: Callable[[Entry], dict[str, Callable[[], None]]]
    ) -> None:
        """Rebuilt only when jobs come, go or change places; progress is drawn into the rows there are."""
        if _shape(entries) != _shape(self._shown):
            current = self._current_id()
            self._rebuild(entries, actions)
            self.choose(current)
        for entry in entries:
            self.rows[entry.id].show_entry(entry)
        self._shown = entries

    def choose(self, entry_id: str) -> None:
        """Makes this row the current one."""
        for line in range(self.count()):
            if self.item(line).data(_ID) == entry_id:
                self.setCurrentRow(line)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        entry = next((each for each in self._shown if each.id == self._current_id()), None)
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if entry is None:
            super().keyPressEvent(event)
        elif step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._shift(entry, self._place(entry) + step)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(entry.id)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and entry.state == "failed":
            self.again.emit(entry.id)
        else:
            super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """The model decides what the order is; Qt's own moving would lose the rows' widgets."""
        entry = next((each for each in self._shown if each.id == self._current_id()), None)
        target = self.indexAt(event.position().toPoint()).row()
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if entry is not None:
            first = len([each for each in self._shown if each.state == "running"])
            self._shift(entry, (self.count() if target < 0 else target) - first)

    def _shift(self, entry: Entry, place: int) -> None:
        if entry.state == "waiting":
            self.moved.emit(entry.id, place)

    def _place(self, entry: Entry) -> int:
        waiting = [each.id for each in self._shown if each.state == "waiting"]
        return waiting.index(entry.id) if entry.id in waiting else 0

    def _rebuild(
        self, entries: tuple[Entry, ...], actions: Callable[[Entry], dict[str, Callable[[], None]]]
    ) -> None:
        self.clear()
        self.rows = {}
        for entry in entries:
            item, line = QListWidgetItem(), QueueRow(entry, actions(entry))
            item.setData(_ID, entry.id)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, describe(entry))
            if entry.state != "waiting":
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDragEnabled)
            item.setSizeHint(line.sizeHint())
            self.addItem(item)
            self.setItemWidget(item, line)
            self.rows[entry.id] = line

    def _current_id(self) -> str:
        item = self.currentItem()
        return str(item.data(_ID)) if item is not None else ""


def _shape(entries: tuple[Entry, ...]) -> list[tuple[str, str]]:
    return [(entry.id, entry.state) for entry in entries]
