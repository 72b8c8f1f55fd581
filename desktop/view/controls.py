"""Small parts that the screens share."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.emphasis import shift_weight
from desktop.view import theme
from desktop.view.dropped import is_picture
from desktop.view.icons import wear
from desktop.view.text import is_right_to_left

_NARROW = 60
_TEXT_MARGINS = (7, 0, 0, 0)


def caption(words: str, buddy: QWidget | None = None) -> QLabel:
    """A field's name. Also names the field for screen readers."""
    label = QLabel(words)
    label.setObjectName("caption")
    if buddy is not None:
        label.setBuddy(buddy)
        buddy.setAccessibleName(words)
    return label


def quiet(words: str = "") -> QLabel:
    """Secondary text."""
    label = QLabel(words)
    label.setObjectName("quiet")
    label.setFont(theme.quiet_font())
    return label


def row(*widgets: QWidget, spacing: int = theme.GRID) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(spacing)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def column(*widgets: QWidget, spacing: int = 4) -> QVBoxLayout:
    layout = QVBoxLayout()
    layout.setSpacing(spacing)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


class PromptEdit(QPlainTextEdit):
    """A field for prose: Tab leaves it, and it scrolls rather than grows.

    `walked` says that somebody wants an older (1) or newer (-1) prompt, `weighed` that the selected
    words are to count more (1) or less (-1), `pasted` that the clipboard's picture is meant.
    """

    walked = Signal(int)
    weighed = Signal(int)
    pasted = Signal()

    def __init__(self, lines: int, hint: str) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setPlaceholderText(hint)
        option = self.document().defaultTextOption()
        option.setTextDirection(Qt.LayoutDirection.LayoutDirectionAuto)
        self.document().setDefaultTextOption(option)
        self.setFixedHeight(lines * QFontMetrics(theme.body_font()).lineSpacing() + 18)
        self.textChanged.connect(self._keep_side)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl/Cmd + Enter is the window's, not a line break."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier
        ):
            event.ignore()
            return
        if event.matches(QKeySequence.StandardKey.Paste) and is_picture(
            QGuiApplication.clipboard().mimeData()
        ):
            self.pasted.emit()
            return
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.walked.emit(step)
        elif step and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.weighed.emit(step)
        else:
            super().keyPressEvent(event)

    def _keep_side(self) -> None:
        """A script that runs from right to left stands at the right."""
        option = self.document().defaultTextOption()
        right = is_right_to_left(self.toPlainText())
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        if option.alignment() != side | Qt.AlignmentFlag.AlignAbsolute:
            option.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute)
            self.document().setDefaultTextOption(option)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """A picture's file is no text: whatever lies under this field may take it."""
        return not is_picture(source) and super().canInsertFromMimeData(source)

    def weigh(self, steps: int) -> None:
        """Changes the weight of the selected words, or of the word at the cursor; can be undone."""
        cursor = self.textCursor()
        changed, start, end = shift_weight(
            self.toPlainText(), cursor.selectionStart(), cursor.selectionEnd(), steps
        )
        if changed == self.toPlainText():
            return
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(changed)
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)


class CalmSpinBox(QSpinBox):
    """A number that the wheel changes only when it has the focus, so that scrolling past does no harm."""

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        super().__init__()
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setMinimumWidth(_NARROW)
        self.lineEdit().setTextMargins(*_TEXT_MARGINS)
        _be_calm(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class CalmDoubleSpinBox(QDoubleSpinBox):
    """See CalmSpinBox."""

    def __init__(self, low: float, high: float, step: float) -> None:
        super().__init__()
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setDecimals(1)
        self.lineEdit().setTextMargins(*_TEXT_MARGINS)
        _be_calm(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class CalmComboBox(QComboBox):
    """See CalmSpinBox."""

    def __init__(self) -> None:
        super().__init__()
        _be_calm(self)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class NameComboBox(CalmComboBox):
    """For long names, whose beginnings are often alike: one that has no room is cut in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        words = option.currentText or self.placeholderText()
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        option.currentText = self.fontMetrics().elidedText(
            words, Qt.TextElideMode.ElideMiddle, room.width() - _TEXT_MARGINS[0]
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def _be_calm(widget: QWidget) -> None:
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class Fold(QWidget):
    """A heading that opens and closes what lies under it."""

    def __init__(self, words: str, body: QWidget) -> None:
        super().__init__()
        self.body = body
        self.button = QToolButton()
        self.button.setObjectName("fold")
        self.button.setText(words)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.toggled.connect(self._show)
        layout = column(self.button, body)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self._show(False)

    def _show(self, is_open: bool) -> None:
        self.body.setVisible(is_open)
        wear(self.button, "unfolded" if is_open else "folded", "quiet")


class ElidedLabel(QLabel):
    """One line that ends in dots where there is no room, with the whole as its tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)


def slider(least: int, most: int, page: int = 1) -> QSlider:
    """A slider that the wheel leaves alone, as the form under it is what a person wants to scroll."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(least, most)
    made.setPageStep(page)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.wheelEvent = lambda event: event.ignore()
    return made


def scrolling(body: QWidget) -> QScrollArea:
    """The body, as wide as there is room, which scrolls up and down; it takes no focus and has no frame."""
    area = QScrollArea()
    set_scrolling(area, body)
    return area


def set_scrolling(area: QScrollArea, body: QWidget) -> None:
    """The same for an area that is there."""
    area.setWidget(body)
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
