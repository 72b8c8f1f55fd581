"""Keys and figures as people of each system read them."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence

GENERATE_KEYS = QKeySequence("Ctrl+Return").toString(QKeySequence.SequenceFormat.NativeText)
STOP_KEYS = "Esc"
