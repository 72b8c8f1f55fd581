"""One guide: its picture and what the ControlNet is shown of it, which ControlNet, how much and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout

from backends.core.contract import DEPTH, MAX_CONTROL_WEIGHT, PREPARATIONS
from desktop.model.additions import Found
from desktop.model.guide_desk import GuideDesk, Seen
from desktop.model.guides import POSE_ENDING, Guide, NetCard, way_in_words, ways_for
from desktop.model.language import tr
from desktop.model.sentences import said
from desktop.model.start import StartPicture
from desktop.view import bind, theme
from desktop.view.controls import (
    CalmComboBox,
    CalmDoubleSpinBox,
    CalmSpinBox,
    ElidedLabel,
    NameComboBox,
    caption,
    quiet,
    row,
    slider,
)
from desktop.view.dropped import SUFFIXES, holds_file, picture_bytes, picture_path
from desktop.view.guides.tile import PictureTile
from desktop.view.icons import IconButton
from desktop.view.settings_parts import wrapped

ENDINGS = (*SUFFIXES, POSE_ENDING)
_LABELS, _NUMBER, _TENTHS = 64, 76, 10
_TILE = QSize(96, 104)


class GuideRow(QFrame):
    """Shows the guide at this place, and changes it there. A picture dropped here becomes its picture.

    `pose_wanted` with its number when somebody wants to change its pose.
    """

    pose_wanted = Signal(int)

    def __init__(self, desk: GuideDesk, number: int) -> None:
        super().__init__()
        self.setObjectName("guide")
        self.setAcceptDrops(True)
        self._desk, self.number = desk, number
        self._guide: Guide | None = None
        self._found = Found()
        self.name, self.about = ElidedLabel(), quiet()
        self.remove = IconButton("close", "", flat=True)
        self.picture, self.map = PictureTile("", _TILE), PictureTile("", _TILE)
        self.net, self.prepare, self.by = NameComboBox(), CalmComboBox(), NameComboBox()
        self.edit = QPushButton(tr("Change the pose"))
        self._by_words = caption(tr("Found by"))
        self.weight, self.slider = CalmDoubleSpinBox(0, MAX_CONTROL_WEIGHT, 0.05), slider(0, 2 * _TENTHS)
        self.start, self.end = CalmSpinBox(0, 99, 5), CalmSpinBox(1, 100, 5)
        self.trouble = wrapped()
        self._prepare()
        self._lay_out()
        self._connect()

    def show_guide(self, guide: Guide) -> None:
        """As the form has it now."""
        self._guide = guide
        self.name.setText(guide.picture.name)
        self._name_parts(guide.picture.name)
        self._offer_nets()
        self._offer_ways(guide)
        with QSignalBlocker(self.weight):
            self.weight.setValue(guide.weight)
        for field, value in (
            (self.start, round(guide.start * 100)),
            (self.end, round(guide.end * 100)),
            (self.slider, round(guide.weight * _TENTHS)),
        ):
            with QSignalBlocker(field):
                field.setValue(value)
        self.show_pictures()
        self._say()

    def show_found(self, found: Found) -> None:
        """The ControlNets that there are."""
        self._found = found
        self._offer_nets()
        if self._guide is not None:
            self._offer_depth(self._guide)
        self._say()

    def show_pictures(self) -> None:
        """What has come by now."""
        if self._guide is None:
            return
        seen, shown = self._desk.seen(self._guide.picture), self._desk.map_of(self._guide)
        self.picture.setVisible(not self._guide.is_pose)
        self.picture.show_picture(seen.picture, tr("Reading the picture"))
        self.edit.setVisible(self._guide.is_pose)
        self.map.show_picture(shown.picture, shown.why_not or tr("Preparing"))
        width, height = seen.size
        self.about.setText(f"{width} x {height}" if seen.picture else "")
        self.about.setVisible(seen.picture is not None)
        self._say_map(shown)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if holds_file(event.mimeData(), ENDINGS):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        mime = event.mimeData()
        if path := picture_path(mime, ENDINGS):
            self._desk.replace_picture(self.number, Path(path))
            event.acceptProposedAction()
        elif data := picture_bytes(mime):
            self._desk.use_picture(self.number, StartPicture(data, tr("pasted picture")))
            event.acceptProposedAction()

    # --- parts ---

    def _prepare(self) -> None:
        self.trouble.setObjectName("warningText")
        self.weight.setDecimals(2)
        for box in (self.start, self.end):
            box.setSuffix(" %")
        for box in (self.weight, self.start, self.end):
            box.setFixedWidth(_NUMBER)
        self.edit.setToolTip(tr("Move its joints, in the picture's place"))
        self.net.setPlaceholderText(tr("Choose one"))
        self.prepare.setToolTip(tr("What is made of the picture before it is read (preprocessor)"))
        for field in (self.weight, self.slider):
            field.setToolTip(tr("How much it counts; 1 is as it was trained (control weight)"))
        tip = tr("From which share of the steps to which it takes part: ending early leaves details free")
        for field in (self.start, self.end):
            field.setToolTip(tip)
        bind.slide(self.slider, self.weight)

    def _name_parts(self, name: str) -> None:
        """For those who can't see which row it is."""
        self.remove.setToolTip(tr("Remove the guide {name}", name=name))
        self.remove.setAccessibleName(self.remove.toolTip())
        self.picture.setAccessibleName(tr("The picture {name}", name=name))
        self.map.setAccessibleName(tr("What the ControlNet sees of {name}", name=name))
        self.picture.setToolTip(tr("The picture; press to see it large"))
        self.map.setToolTip(tr("What the ControlNet sees; press to see it large"))
        for field, words in (
            (self.edit, tr("Change the pose")),
            (self.net, tr("Read by")),
            (self.prepare, tr("Prepare")),
            (self.by, tr("Found by")),
            (self.weight, tr("Weight")),
            (self.slider, tr("Weight")),
            (self.start, tr("From")),
            (self.end, tr("to")),
        ):
            field.setAccessibleName(f"{name}: {words}")

    def _lay_out(self) -> None:
        head = row(self.name, self.about, self.remove)
        head.setStretch(0, 1)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.GRID)
        steps = row(self.start, quiet(tr("to")), self.end)
        steps.addStretch(1)
        lines = (
            (tr("Read by"), row(self.net)),
            (tr("Prepare"), row(self.prepare)),
            (tr("Weight"), row(self.weight, self.slider)),
            (tr("Steps"), steps),
        )
        for line, (words, fields) in enumerate(lines):
            grid.addWidget(caption(words), 2 * line, 0)
            grid.addLayout(fields, 2 * line, 1)
        grid.addWidget(self._by_words, 3, 0)
        grid.addWidget(self.by, 3, 1)
        grid.setColumnMinimumWidth(0, _LABELS)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addLayout(head)
        layout.addLayout(self._pair())
        layout.addWidget(self.edit)
        layout.addLayout(grid)
        layout.addWidget(self.trouble)

    def _pair(self) -> QHBoxLayout:
        pair = row(self.picture, self.map)
        pair.setAlignment(Qt.AlignmentFlag.AlignTop)
        return pair

    def _connect(self) -> None:
        self.edit.clicked.connect(lambda: self.pose_wanted.emit(self.number))
        self.remove.clicked.connect(lambda: self._desk.remove_guide(self.number))
        self.net.activated.connect(
            lambda index: self._change(
                lambda guide: guide.use_net(self.net.itemData(index), self._found.depth_models)
            )
        )
        self.prepare.activated.connect(
            lambda index: self._change(
                lambda guide: guide.use_way(self.prepare.itemData(index), self._found.depth_models)
            )
        )
        self.by.activated.connect(
            lambda index: self._change(lambda guide: replace(guide, by=self.by.itemData(index)))
        )
        self.weight.valueChanged.connect(
            lambda value: self._change(lambda guide: replace(guide, weight=round(value, 2)))
        )
        self.start.valueChanged.connect(lambda value: self._change(lambda guide: guide.begin_at(value / 100)))
        self.end.valueChanged.connect(lambda value: self._change(lambda guide: guide.end_at(value / 100)))

    def _change(self, change: Callable[[Guide], Guide]) -> None:
        if self._guide is not None:
            self._desk.change_guide(self.number, change(self._guide))

    def _offer_nets(self) -> None:
        """Those that fit come first. One that isn't there any more stays to be seen."""
        chosen = self._guide.model if self._guide else ""
        nets = sorted(self._found.nets, key=lambda net: net.fits is False or bool(net.problem))
        names = [net.name for net in nets]
        shown = [*names, *([chosen] if chosen and chosen not in names else [])]
        if shown != [self.net.itemData(line) for line in range(self.net.count())]:
            self.net.clear()
            for name in shown:
                self.net.addItem(name, name)
        for net in nets:
            self.net.setItemData(names.index(net.name), _about(net), Qt.ItemDataRole.ToolTipRole)
        self.net.setCurrentIndex(self.net.findData(chosen) if chosen else -1)
        tip = tr("What reads the picture: a network made for one kind of map (ControlNet)")
        self.net.setToolTip(f"{chosen}\n{tip}" if chosen else tip)

    def _offer_ways(self, guide: Guide) -> None:
        self.prepare.clear()
        for way in ways_for(guide):
            self.prepare.addItem(way_in_words(way), way)
            tip = said(PREPARATIONS[way])
            self.prepare.setItemData(self.prepare.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.prepare.setCurrentIndex(self.prepare.findData(guide.prepare))
        self.prepare.setEnabled(self.prepare.count() > 1)
        self._offer_depth(guide)

    def _offer_depth(self, guide: Guide) -> None:
        """By what depth is found, where it is to be."""
        self.by.clear()
        self.by.addItem(tr("A rough estimate"), "")
        for name in dict.fromkeys((*self._found.depth_models, *((guide.by,) if guide.by else ()))):
            self.by.addItem(name, name)
        self.by.setCurrentIndex(self.by.findData(guide.by))
        tip = tr("A depth model of yours finds it better: put its folder into {folder}",
                 folder=self._found.depth_folder or "")  # fmt: skip
        self.by.setToolTip(tip)
        for widget in (self.by, self._by_words):
            widget.setVisible(guide.prepare == DEPTH)

    def _say_map(self, shown: Seen) -> None:
        if shown.why_not:
            self.map.setAccessibleDescription(shown.why_not)

    def _say(self) -> None:
        """What is wrong with the ControlNet, or that there is none yet."""
        if self._guide is None:
            return
        words = self._trouble(self._guide.model)
        self.trouble.setText(words)
        self.trouble.setVisible(bool(words))

    def _trouble(self, name: str) -> str:
        net = next((net for net in self._found.nets if net.name == name), None)
        if not name:
            return tr("Choose a network that reads it (ControlNet).")
        if net is not None:
            return net.problem or net.misfit
        if self._found.nets_folder is None:
            return ""  # nobody has looked yet
        return tr("There is no ControlNet {name} here.", name=name)


def _about(net: NetCard) -> str:
    return "\n".join(part for part in (net.base, net.problem or net.misfit, str(net.path)) if part)
