"""One job of the queue: how it will look or looks so far, what it is, how far, and its buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar

from backends.core.contract import Picture
from desktop.model.language import tr
from desktop.model.progress import in_words
from desktop.model.queue import Entry
from desktop.model.sentences import said
from desktop.view import theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import ElidedLabel, column
from desktop.view.icons import IconButton, show_instead, show_sign
from desktop.view.text import ProseLabel

_THUMB = 48
_DENSITY = 2
_FINE = 1000


class QueueRow(QFrame):
    """Shows an entry; the buttons fit its state."""

    def __init__(self, entry: Entry, actions: Mapping[str, Callable[[], None]]) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self._failed = entry.state == "failed"
        self.thumbnail, self.prompt = QLabel(), ElidedLabel()
        self.about = ProseLabel() if self._failed else ElidedLabel()
        self.bar = QProgressBar()
        self.first = IconButton("top", tr("Make this next"), flat=True)
        self.again = IconButton("repeat", tr("Try again"), flat=True)
        running = entry.state == "running"
        self.cancel = IconButton("stop" if running else "close", _cancel_words(entry), flat=True)
        self._preview: Picture | None = None
        self._lay_out()
        self.bar.setVisible(running)
        self.first.setVisible(entry.state == "waiting")
        self.again.setVisible(entry.state == "failed")
        for button, name in ((self.first, "first"), (self.again, "again"), (self.cancel, "cancel")):
            button.clicked.connect(actions[name])
        self._show_nothing_yet(entry)
        self.show_entry(entry)

    def sizeHint(self) -> QSize:
        more = self.fontMetrics().lineSpacing() if self._failed else 0  # a reason may take two lines
        return QSize(200, _THUMB + 2 * theme.GRID + more)

    def show_entry(self, entry: Entry) -> None:
        """The same job, further on."""
        self.prompt.setText(entry.job.request.prompt.strip() or tr("(no prompt)"))
        self.about.setText(_about(entry))
        if entry.progress is not None:
            self.bar.setValue(round(entry.progress.fraction * _FINE))
        if entry.preview is not None and entry.preview is not self._preview:
            self._preview = entry.preview
            show_instead(self.thumbnail, _small(entry.preview))

    def _lay_out(self) -> None:
        self.thumbnail.setFixedSize(QSize(_THUMB, _THUMB))
        self.thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.about.setObjectName("quiet")
        self.bar.setRange(0, _FINE)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.GRID, theme.GRID, theme.GRID, theme.GRID)
        layout.setSpacing(12)
        layout.addWidget(self.thumbnail)
        layout.addLayout(column(self.prompt, self.about, self.bar), 1)
        for button in (self.first, self.again, self.cancel):
            layout.addWidget(button)

    def _show_nothing_yet(self, entry: Entry) -> None:
        sign = "warning" if entry.state == "failed" else "picture"
        show_sign(self.thumbnail, sign, 24, "strong_edge")


def describe(entry: Entry) -> str:
    """The row in words, for those who can't see it."""
    return f"{entry.job.request.prompt[:200]}, {_about(entry)}"


def _about(entry: Entry) -> str:
    request = entry.job.request
    if entry.state == "failed":
        return said(entry.reason)
    if entry.progress is not None:
        left = entry.progress.seconds_left
        more = tr("{time} left", time=in_words(left)) if left else ""
        return ", ".join(part for part in (entry.progress.headline, more) if part)
    facts = ["{} x {}".format(*request.picture_size), tr("{count} steps", count=request.steps)]
    if request.count > 1:
        facts.append(tr("{count} pictures", count=request.count))
    if entry.done:
        facts.append(tr("{count} already made", count=entry.done))
    return ", ".join(facts)


def _cancel_words(entry: Entry) -> str:
    return {"running": tr("Stop"), "waiting": tr("Cancel"), "failed": tr("Remove")}[entry.state]


def _small(picture: Picture) -> QPixmap:
    scale = _THUMB * _DENSITY / max(picture.width, picture.height)
    image = to_pixmap(picture, *(max(1, round(side * scale)) for side in (picture.width, picture.height)))
    image.setDevicePixelRatio(_DENSITY)
    return image
