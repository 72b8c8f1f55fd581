"""One prompt of the history: its words, when and how often it was used, what it made, and its buttons."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QDate, QLocale, QSize, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from desktop.darkroom import Darkroom
from desktop.library.index import LibraryPicture
from desktop.library.prompts import UsedPrompt
from desktop.model.language import tr
from desktop.view import theme
from desktop.view.controls import ElidedLabel, column
from desktop.view.icons import IconButton, wear

_THUMB = 48
_MOST = 4


class PromptRow(QFrame):
    """Shows a prompt; the list connects the buttons."""

    def __init__(self, used: UsedPrompt, pictures: list[LibraryPicture], darkroom: Darkroom) -> None:
        super().__init__()
        self.setObjectName("queueRow")
        self._pictures, self._darkroom = pictures[:_MOST], darkroom
        self.star = IconButton("star", tr("Star"), flat=True)
        self.star.setCheckable(True)
        self.star.toggled.connect(lambda on: wear(self.star, "star_filled" if on else "star"))
        self.star.setChecked(used.starred)
        self.use = QPushButton(tr("Use"))
        self.use.setToolTip(tr("Put these words into the form"))
        self.use_all = QPushButton(tr("With settings"))
        self.use_all.setToolTip(tr("Put the words and the settings of their last use into the form"))
        self.forget = IconButton("trash", tr("Forget this prompt"), flat=True)
        self.prompt, self.about = ElidedLabel(), ElidedLabel()
        self.prompt.setText(used.prompt.strip() or tr("(no prompt)"))
        self.about.setText(_about(used))
        self.about.setObjectName("quiet")
        self.thumbnails = [_thumbnail() for _ in self._pictures]
        self._lay_out()
        self.show_pictures()

    def sizeHint(self) -> QSize:
        return QSize(200, _THUMB + 2 * theme.GRID)

    def show_pictures(self) -> None:
        """Those that are developed by now; one that is gone leaves its place empty."""
        for label, picture in zip(self.thumbnails, self._pictures, strict=True):
            if label.pixmap().isNull():
                side = round(_THUMB * self.devicePixelRatioF())
                thumbnail = self._darkroom.thumbnail(picture, side)
                if thumbnail is not None and thumbnail.pixmap is not None:
                    label.setPixmap(_fitted(thumbnail.pixmap, side, self.devicePixelRatioF()))

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.GRID, theme.GRID, theme.GRID, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.star)
        layout.addLayout(column(self.prompt, self.about), 1)
        for label in self.thumbnails:
            layout.addWidget(label)
        for button in (self.use, self.use_all, self.forget):
            layout.addWidget(button)


def _about(used: UsedPrompt) -> str:
    """ "used 3 times, last on 22 Nov 2026; left out: rain"."""
    moment = datetime.fromisoformat(used.last_used).astimezone()
    date = QDate(moment.year, moment.month, moment.day)
    locale, formats = QLocale(), QLocale.FormatType
    nowhere = locale.language() == QLocale.Language.C
    day = date.toString(Qt.DateFormat.ISODate) if nowhere else locale.toString(date, formats.ShortFormat)
    times = tr("used once, {day}", day=day)
    if used.uses > 1:
        times = tr("used {count} times, last {day}", count=used.uses, day=day)
    size = f"{used.settings['width']} x {used.settings['height']}" if "width" in used.settings else ""
    left_out = (
        tr("without: {words}", words=used.negative_prompt.strip()) if used.negative_prompt.strip() else ""
    )
    return ", ".join(part for part in (times, size, left_out) if part)


def _thumbnail() -> QLabel:
    label = QLabel()
    label.setFixedSize(QSize(_THUMB, _THUMB))
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label


def _fitted(pixmap: QPixmap, side: int, density: float) -> QPixmap:
    small = pixmap.scaled(
        side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    small.setDevicePixelRatio(density)
    return small
