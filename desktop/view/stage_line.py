"""Under the picture: what is going on, how far, how long still, and Stop; or the picture's facts."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy

from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.progress import Progress, in_words
from desktop.model.studio import Made
from desktop.view import bind, theme
from desktop.view.controls import ElidedLabel
from desktop.view.icons import wear
from desktop.view.words import STOP_KEYS

_HEIGHT = 48
_FINE = 1000


class StageLine(QFrame):
    """One line of fixed height, so that nothing moves when the work begins or ends."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("stage")
        self.setFixedHeight(_HEIGHT)
        self._studio = make.studio
        self.headline = QLabel()
        self.summary = ElidedLabel()
        self.bar = QProgressBar()
        self.left = QLabel()
        self.stop = QPushButton(tr("Stop"))
        self._lay_out()
        self.stop.clicked.connect(make.stop)
        for field in ("progress", "waiting", "stopping", "selected", "notice"):
            bind.follow(make.studio, field, self._show)

    def _lay_out(self) -> None:
        self.bar.setRange(0, _FINE)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        self.bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.left.setObjectName("quiet")
        self.left.setMinimumWidth(72)
        self.left.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        wear(self.stop, "stop")
        self.summary.setObjectName("quiet")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, 0, theme.MARGIN, theme.GRID)
        layout.setSpacing(12)
        layout.addWidget(self.summary, 1)
        layout.addWidget(self.headline)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.left)
        layout.addWidget(self.stop)

    def _show(self, _: object = None) -> None:
        progress = self._studio.progress
        for widget in (self.headline, self.bar, self.left, self.stop):
            widget.setVisible(progress is not None)
        self.summary.setVisible(progress is None)
        if progress is None:
            self.summary.setText(self._studio.notice or self._facts())
        else:
            self._show_progress(progress)

    def _show_progress(self, progress: Progress) -> None:
        stopping, waiting = self._studio.stopping, self._studio.waiting
        words = tr("Stopping after this step") if stopping else progress.headline
        self.headline.setText(f"{words}  ({tr('{count} waiting', count=waiting)})" if waiting else words)
        self.bar.setValue(round(progress.fraction * _FINE))
        left = progress.seconds_left
        self.left.setText(tr("{time} left", time=in_words(left)) if left else "")
        self.stop.setText(tr("Stop now") if stopping else tr("Stop"))
        tip = (
            tr("End the worker at once")
            if stopping
            else tr("Stop before the next step ({keys})", keys=STOP_KEYS)
        )
        self.stop.setToolTip(tip)

    def _facts(self) -> str:
        made = self._studio.selected
        if made is None:
            return ""
        size = "{} x {}".format(*made.request.picture_size)
        facts = {"size": size, "seed": made.event.seed, "seconds": f"{made.seconds:.1f}", "fate": _fate(made)}
        return tr("{size}, seed {seed}, made in {seconds} s, {fate}", **facts)


def _fate(made: Made) -> str:
    if made.path is not None:
        return tr("saved as {name}", name=made.path.name)
    return tr("not saved") if made.unsaved else tr("saving")
