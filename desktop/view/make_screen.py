"""The Make screen: the form at the left, the picture in the middle, this session's pictures at its edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.model.pose_guide import PoseGuide
from desktop.model.studio import Made
from desktop.view.additions.panel import AdditionsFold
from desktop.view.canvas import Canvas
from desktop.view.form_panel import FormPanel
from desktop.view.guides.fold import GuidesFold
from desktop.view.hires_fold import HiresFold
from desktop.view.key_binder import KeyBinder
from desktop.view.mask_brush import MaskBrush
from desktop.view.note_bar import NoteBar
from desktop.view.pose.editor import PoseEditor
from desktop.view.recent_panel import RecentPanel
from desktop.view.stage_line import StageLine
from desktop.view.tabs import TABS, TabBar, TabStack

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_STRIP_BELOW = 1100


class MakeScreen(QWidget):
    """Lays the parts out and gives them their keys. Everything else is theirs."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._make = make = workshop.make
        self._wants_recent, self._is_narrow = True, False
        self._pose_taken: Callable[[bytes], object] = bytes
        self._pose_back: QWidget | None = None
        self._posing: PoseGuide | None = None
        self.form, self.recent = FormPanel(make), RecentPanel(make)
        self.form.vae.offer_from(workshop.additions, self.form.more)
        self.form.depth_row.offer_from(workshop.additions)
        self.additions = AdditionsFold(workshop.additions)
        self.form.add_fold(self.additions)
        self.guides = GuidesFold(make.guides, workshop.additions)
        self.form.add_fold(self.guides)
        self.hires = HiresFold(make.form, workshop.additions)
        self.form.add_fold(self.hires)
        self.canvas, self.stage = Canvas(make), StageLine(make)
        self.note, self.brush, self.pose = NoteBar(make), MaskBrush(make), PoseEditor(make)
        self.tabs, self.shown = TabBar(TABS), TabStack(workshop, TABS)
        self._lay_out()
        self.keys = KeyBinder(self, workshop.settings)
        self._add_keys()
        self.tabs.chosen.connect(self.shown.show_tab)
        self.tabs.chosen.connect(lambda _: self._close_sheets())
        self.form.start.inpaint.mask_wanted.connect(self.paint_mask)
        self.form.start.inpaint.edges_wanted.connect(lambda: self.paint_mask(extending=True))
        self.brush.closed.connect(self._mask_painted)
        self.pose.changed.connect(lambda pose: self._pose_taken(pose))
        self.pose.closed.connect(self._pose_made)
        self.guides.panel.pose_wanted.connect(self.edit_pose_of)
        make.form.events.guides.connect(lambda _: self._close_gone())
        self.form.generate.clicked.connect(self._close_sheets)
        self.tabs.chosen.connect(lambda _: self._place_recent())

    def open(self) -> None:
        """Shows the picture's tab, and puts the cursor into the prompt."""
        self.show_tab("picture")
        self.form.prompt.setFocus()
        self.form.prompt.selectAll()

    def show_tab(self, name: str) -> None:
        """Opens one of TABS."""
        self.tabs.buttons[name].setChecked(True)

    def edit_pose_of(self, number: int | None) -> None:
        """The editor for the pose of the guide at this place, or of another guide that begins with it."""
        panel = self.guides.panel
        kept = PoseGuide(self._make.guides, number, panel.fitting)
        self.edit_pose(kept.pose, kept.take, panel.draw if number is None else panel.rows[number].edit)
        self._posing = kept

    def _close_gone(self) -> None:
        """A guide that is removed takes its pose along."""
        if self._posing is not None and self._posing.is_gone:
            self._posing = None
            self.pose.close_editor()

    def edit_pose(self, pose: bytes | None, take: Callable[[bytes], object], back: QWidget) -> None:
        """The editor in the picture's place, with this pose or a new one.

        `take` is given the pose (OpenPose's JSON) after each act; `back` has the focus afterwards.
        """
        self._close_sheets()
        self._posing = None
        self.show_tab("picture")
        self._pose_taken, self._pose_back = take, back
        self.pose.open(pose)
        self.shown.setVisible(self.pose.isHidden())

    def _pose_made(self) -> None:
        self.shown.show()
        if self._pose_back is not None:
            self._pose_back.setFocus()

    def _close_sheets(self) -> None:
        self.brush.close_brush()
        self.pose.close_editor()

    def paint_mask(self, *, extending: bool = False) -> None:
        """The brush over the start picture, or handles around it, in the picture's place."""
        self._close_sheets()
        self.show_tab("picture")
        self.brush.open(extending=extending)
        self.shown.setVisible(self.brush.isHidden())

    def _mask_painted(self) -> None:
        self.shown.show()
        tools, extended = self.form.start.inpaint, self.brush.extend.isChecked()
        (tools.pull if extended and tools.pull.isVisible() else tools.mask_button).setFocus()

    def generate(self, *, first: bool = False) -> None:
        """As the button does, with a number that is still being typed."""
        field = QApplication.focusWidget()
        if isinstance(field, QAbstractSpinBox):
            field.interpretText()
        self._close_sheets()
        self._make.generate(first=first)

    def show_recent(self, on: bool) -> None:
        """Whether this session's pictures are to be seen, where there is room for them."""
        self._wants_recent = on
        self._place_recent()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(event.size().width() < _STRIP_BELOW)

    def _lay_out(self) -> None:
        self._beside = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._beside.setSpacing(0)
        self._beside.addLayout(self._middle(), 1)
        self._beside.addWidget(self.recent)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.form)
        outer.addLayout(self._beside, 1)
        self._arrange(False)

    def _middle(self) -> QVBoxLayout:
        middle = QVBoxLayout()
        middle.setSpacing(0)
        parts = (
            (self.note, 0),
            (self.brush, 1),
            (self.pose, 1),
            (self.shown, 1),
            (self.tabs, 0),
            (self.stage, 0),
        )
        for widget, stretch in parts:
            middle.addWidget(widget, stretch)
        return middle

    def _arrange(self, narrow: bool) -> None:
        directions = QBoxLayout.Direction
        self._beside.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)
        self.recent.as_strip(narrow)
        self._is_narrow = narrow
        self._place_recent()

    def _place_recent(self) -> None:
        """A narrow window has no room for them below all that Inside shows."""
        needs_all = self._is_narrow and self.tabs.buttons["inside"].isChecked()
        self.recent.setVisible(self._wants_recent and not needs_all)

    def _add_keys(self) -> None:
        """They work while this screen is shown."""
        keys = {
            "generate": self.generate,
            "generate_first": lambda: self.generate(first=True),
            "stop": self._make.stop,
            "settings": self.form.toggle_all,
            "seed": self.form.seed.edit.setFocus,
            "prompt": self.form.prompt.setFocus,
            "remix": lambda: self._with_selected(self._make.remix),
            "vary": lambda: self._with_selected(self._make.vary),
            "paste": self.form.start.paste,
        }
        for name, act in keys.items():
            self.keys.bind(name, act)

    def _with_selected(self, act: Callable[[Made], None]) -> None:
        if made := self._make.studio.selected:
            act(made)
