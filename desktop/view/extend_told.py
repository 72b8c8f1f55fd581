"""How large the extended picture becomes, what is in the way of more, and whether it fits into memory."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from desktop.model.make import Make
from desktop.view import bind, theme


class ExtendTold(QLabel):
    """Secondary text that wraps; `lines` is how many it always takes, so that nothing jumps (0: as many as
    there are)."""

    def __init__(self, make: Make, lines: int = 0) -> None:
        super().__init__()
        self._make = make
        self.setObjectName("quiet")
        self.setFont(theme.quiet_font())
        self.setWordWrap(True)
        self.setMinimumWidth(1)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        if lines:
            self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 2)
        for field in ("extend", "width", "height", "model", "start"):
            bind.follow(make.form, field, self._show)
        for field in ("limit", "fit"):
            bind.follow(make.extending.told, field, self._show)

    def _show(self, _: object) -> None:
        self.setText(self._make.extending.words)
