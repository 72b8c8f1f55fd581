"""What the stations' pages share: how it works above, what happened below."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop.view import theme
from desktop.view.inside.said import stations


class Page(QWidget):
    """A station's page. What happened goes into `body`."""

    def __init__(self, station: str) -> None:
        super().__init__()
        found = next(each for each in stations() if each.id == station)
        self.says = QLabel(found.says)
        self.says.setWordWrap(True)
        self.says.setToolTip(found.terms)
        self.says.setObjectName("quiet")
        self.says.setMaximumWidth(720)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.GRID)
        outer.setSpacing(12)
        outer.addWidget(self.says)
        outer.addLayout(self.body, 1)
