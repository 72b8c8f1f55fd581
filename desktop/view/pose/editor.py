"""The place where a pose is made: people and what can be done to them above, the picture's place below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QKeySequence, QPixmap
from PySide6.QtWidgets import QFileDialog, QPushButton, QVBoxLayout

from backends.core.contract import MezzotintError
from backends.core.contract.pose import KEY_POINTS
from desktop.library.pose_files import save_pose
from desktop.library.reading import read_pose_file
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.pose_person import Person
from desktop.model.pose_presets import PRESETS, joint_in_words, preset_in_words
from desktop.model.pose_sheet import PoseSheet, people_of
from desktop.view import theme
from desktop.view.canvas import to_pixmap
from desktop.view.controls import CalmComboBox, caption, row
from desktop.view.pose.canvas import GROWTH, PoseCanvas
from desktop.view.workbench import Workbench

_BOLDER = 24
"""What a button that is on needs more than one that is off."""


class PoseEditor(Workbench):
    """`changed` with the pose, as OpenPose's JSON, after each act; `closed` when it is done."""

    changed = Signal(bytes)
    closed = Signal()
    by_text = ("+", "-", ",", ".")

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("poseEditor")
        self._make, self.canvas = make, PoseCanvas()
        self.preset, self.joint = CalmComboBox(), CalmComboBox()
        self.add, self.remove = QPushButton(tr("Add a person")), QPushButton(tr("Remove"))
        self.mirror, self.hide_joint = QPushButton(tr("Mirror")), QPushButton(tr("Hide"))
        self.smaller, self.larger = QPushButton(tr("Smaller")), QPushButton(tr("Larger"))
        self.undo, self.redo = QPushButton(tr("Undo")), QPushButton(tr("Redo"))
        self.ground = QPushButton(tr("Start picture"))
        self.open_file, self.save = QPushButton(tr("Open…")), QPushButton(tr("Save…"))
        self.done = QPushButton(tr("Done"))
        self._describe()
        self._lay_out()
        self._connect()
        self.hide()

    @property
    def sheet(self) -> PoseSheet | None:
        """What is being edited."""
        return self.canvas.sheet

    def open(self, pose: bytes | None = None) -> None:
        """With this pose, or with somebody who stands, in a picture of the form's size."""
        size = self._make.form.whole_size
        people: tuple[Person, ...] = ()
        try:
            people = people_of(pose, size) if pose else ()
        except MezzotintError as error:
            self._make.not_opened(error)
        sheet = PoseSheet(size=size, people=people)
        self.canvas.show_sheet(sheet, self._start_picture())
        sheet.events.drawn.connect(lambda _: self._show_chosen())
        self._show_chosen()
        if not pose:
            self._tell()
        self.show()
        self.canvas.setFocus()

    def close_editor(self) -> None:
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    # --- keys ---

    def _acts(self) -> list[tuple[QKeySequence, Callable[[], object]]]:
        """What keys do while the focus is in here."""
        return [
            (QKeySequence(","), lambda: self.canvas.walk(-1)),
            (QKeySequence("."), lambda: self.canvas.walk(1)),
            (QKeySequence("+"), self.larger.click),
            (QKeySequence("-"), self.smaller.click),
            (QKeySequence("A"), self.add.click),
            (QKeySequence("M"), self.mirror.click),
            (QKeySequence("H"), self.hide_joint.click),
            (QKeySequence("N"), self._next_person),
            (QKeySequence("Del"), self.remove.click),
            (QKeySequence("Esc"), self.close_editor),
            (QKeySequence("Ctrl+Z"), self.undo.click),
            (QKeySequence("Ctrl+Shift+Z"), self.redo.click),
            (QKeySequence("Ctrl+Y"), self.redo.click),
        ]

    # --- what is done ---

    def _act(self, act: Callable[[PoseSheet], object]) -> None:
        if self.sheet is not None:
            act(self.sheet)
            self._tell()

    def _tell(self) -> None:
        if self.sheet is not None:
            self.changed.emit(self.sheet.to_bytes())

    def _next_person(self) -> None:
        if self.sheet is not None:
            self.sheet.choose((self.sheet.person + 1) % len(self.sheet.people), self.sheet.joint)

    def _take_preset(self, index: int) -> None:
        name = self.preset.itemData(index)
        if name:
            self._act(lambda sheet: sheet.use_preset(name))
        self.preset.setCurrentIndex(0)

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Open a pose"), "", tr("Poses (*.json)"))
        if path:
            self.read(Path(path))

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the pose"), "pose.json", tr("Poses (*.json)"))
        if path:
            self.write(Path(path))

    def read(self, path: Path) -> None:
        """Takes the people of a file, as one act."""
        try:
            data, _ = read_pose_file(path)
            self._act(lambda sheet: sheet.open(data))
        except MezzotintError as error:
            self._make.not_opened(error)

    def write(self, path: Path) -> None:
        """The pose, and beside it the picture of it."""
        if self.sheet is not None:
            try:
                save_pose(path, self.sheet.to_bytes(), self.sheet.size)
            except MezzotintError as error:
                self._make.not_opened(error)

    def _take(self, mime: QMimeData) -> None:
        for url in mime.urls():
            if url.isLocalFile():
                self.read(Path(url.toLocalFile()))
                return

    # --- what is shown ---

    def _show_chosen(self) -> None:
        sheet = self.sheet
        if sheet is None:
            return
        self.joint.setCurrentIndex(sheet.joint)
        self.hide_joint.setChecked(sheet.joint in sheet.chosen.hidden)
        self.remove.setEnabled(len(sheet.people) > 1)
        self.add.setEnabled(sheet.can_add)
        self.undo.setEnabled(sheet.can_undo)
        self.redo.setEnabled(sheet.can_redo)

    def _start_picture(self) -> QPixmap:
        look = self._make.studio.start_look if self._make.form.start else None
        self.ground.setVisible(look is not None)
        return to_pixmap(look, look.width, look.height) if look else QPixmap()

    def _show_ground(self, on: bool) -> None:
        self.canvas.shows_picture = on
        self.canvas.update()

    def _connect(self) -> None:
        self.preset.activated.connect(self._take_preset)
        self.joint.activated.connect(lambda joint: self.sheet and self.sheet.choose(self.sheet.person, joint))
        self.add.clicked.connect(lambda: self._act(lambda sheet: sheet.add("standing")))
        self.remove.clicked.connect(lambda: self._act(PoseSheet.remove))
        self.mirror.clicked.connect(lambda: self._act(PoseSheet.mirror))
        self.hide_joint.clicked.connect(lambda on: self._act(lambda sheet: sheet.hide(on)))
        self.smaller.clicked.connect(lambda: self._act(lambda sheet: sheet.scale(1 / GROWTH)))
        self.larger.clicked.connect(lambda: self._act(lambda sheet: sheet.scale(GROWTH)))
        self.undo.clicked.connect(lambda: self._act(PoseSheet.undo))
        self.redo.clicked.connect(lambda: self._act(PoseSheet.redo))
        self.ground.toggled.connect(self._show_ground)
        self.open_file.clicked.connect(self._ask_open)
        self.save.clicked.connect(self._ask_save)
        self.done.clicked.connect(self.close_editor)
        self.canvas.changed.connect(self._tell)
        self.canvas.dropped.connect(self._take)
        self.keys = self._acts()

    def _describe(self) -> None:
        self.preset.addItem(tr("Choose a pose"), "")
        for name in PRESETS:
            self.preset.addItem(preset_in_words(name), name)
        for number in range(len(KEY_POINTS)):
            self.joint.addItem(joint_in_words(number))
        for button in (self.hide_joint, self.ground):
            button.setCheckable(True)
            button.setMinimumWidth(button.sizeHint().width() + _BOLDER)
        self.ground.setChecked(True)
        self.preset.setToolTip(tr("The chosen person takes this pose"))
        self.joint.setToolTip(tr("The chosen joint; comma and full stop choose another"))
        self.add.setToolTip(tr("Somebody else beside the others (A); N chooses the next person"))
        self.remove.setToolTip(tr("The chosen person goes (Del)"))
        self.mirror.setToolTip(tr("The chosen person turns round (M)"))
        self.hide_joint.setToolTip(tr("Leave the chosen joint out, as if it were not seen (H)"))
        self.smaller.setToolTip(tr("The chosen person is smaller (-)"))
        self.larger.setToolTip(tr("The chosen person is larger (+)"))
        self.undo.setToolTip(tr("Take the last act back (Ctrl+Z)"))
        self.redo.setToolTip(tr("Do it again (Ctrl+Shift+Z)"))
        self.ground.setToolTip(tr("Show the start picture faintly below, to draw over it"))
        self.open_file.setToolTip(tr("Take the people of an OpenPose JSON file"))
        self.save.setToolTip(tr("Keep the pose as OpenPose JSON, and beside it the picture of it"))
        self.done.setToolTip(tr("Back to the picture (Esc)"))

    def _lay_out(self) -> None:
        first = row(caption(tr("Pose"), self.preset), self.preset, self.add, self.remove)
        first.addStretch(1)
        first.addWidget(self.done)
        second = row(caption(tr("Joint"), self.joint), self.joint, self.hide_joint, self.undo, self.redo)
        second.addStretch(1)
        third = row(self.mirror, self.smaller, self.larger, self.ground, self.open_file, self.save)
        third.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, 0)
        layout.setSpacing(theme.GRID)
        for line in (first, second, third):
            layout.addLayout(line)
        layout.addWidget(self.canvas, 1)
