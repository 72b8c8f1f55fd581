"""Guides, folded away at first: pictures that say where things are, each read by a ControlNet."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from backends.core.contract import MAX_CONTROLS
from desktop.model.additions import AdditionsDesk, Found
from desktop.model.guide_desk import GuideDesk
from desktop.model.guides import Guide
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import Fold, row
from desktop.view.guides.picture_drop import PictureDrop
from desktop.view.guides.row import ENDINGS, GuideRow
from desktop.view.icons import IconButton
from desktop.view.settings_parts import wrapped
from desktop.view.text import breakable


class GuidesFold(Fold):
    """Its heading says how many there are. ControlNets are those that the additions' desk has found."""

    def __init__(self, desk: GuideDesk, additions: AdditionsDesk) -> None:
        self.panel = GuidesPanel(desk, additions)
        super().__init__(_heading(0), self.panel)
        self.setAcceptDrops(True)
        self._desk, self._additions = desk, additions
        self.button.setToolTip(
            tr("Pictures that say where things are: edges, a sketch, depth or a pose (ControlNet)")
        )
        self.button.toggled.connect(self._look)
        bind.follow(desk.form, "guides", self._count)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """On the heading, too, where that is all there is to see."""
        if not self._desk.studio.no_guides and self.panel.add.can_take(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if self.panel.add.take(event.mimeData()):
            event.acceptProposedAction()

    def _look(self, on: bool) -> None:
        """Reads which ControlNets there are, when it is opened; maps are made while it is."""
        self._desk.watch(on)
        if on:
            self._additions.refresh()

    def _count(self, guides: tuple[Guide, ...]) -> None:
        self.button.setText(_heading(len(guides)))
        if guides and not self.button.isChecked():
            self.button.setChecked(True)


class GuidesPanel(QWidget):
    """The rows, a place for another picture, and what to do where there is no ControlNet.

    `pose_wanted` when somebody wants to make a pose: with the guide's number, or with None for another one.
    """

    pose_wanted = Signal(object)

    def __init__(self, desk: GuideDesk, additions: AdditionsDesk) -> None:
        super().__init__()
        self._desk, self._additions = desk, additions
        self.rows: list[GuideRow] = []
        self._rows = QVBoxLayout()
        self.why_not, self.teach = wrapped(), wrapped()
        self.folder = QPushButton(tr("Open the folder"))
        self.again = IconButton("repeat", tr("Look again what is there"))
        self.add = PictureDrop(tr("Guide"), desk.bring_guide, desk.add_guide, ENDINGS)
        self.add.setToolTip(tr("A picture, or a pose as OpenPose's JSON file; it is fitted to the size"))
        self.draw = QPushButton(tr("Make a pose"))
        self.draw.setToolTip(tr("People whose joints you move, for a ControlNet for poses (OpenPose)"))
        self._empty = QWidget()
        self._lay_out()
        self._connect()

    @property
    def fitting(self) -> list[str]:
        """Names of the ControlNets that may guide the model."""
        return [net.name for net in self._additions.additions.found.nets if net.fits is not False]

    def _lay_out(self) -> None:
        buttons = row(self.folder, self.again)
        buttons.insertStretch(1, 1)
        inner = QVBoxLayout(self._empty)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.teach)
        inner.addLayout(buttons)
        self._rows.setSpacing(theme.GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, theme.GRID)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self.why_not)
        layout.addLayout(self._rows)
        layout.addWidget(self.add)
        layout.addWidget(self.draw)
        layout.addWidget(self._empty)

    def _connect(self) -> None:
        desk = self._desk
        self.draw.clicked.connect(lambda: self.pose_wanted.emit(None))
        self.folder.clicked.connect(self._open_folder)
        self.again.clicked.connect(self._additions.refresh)
        bind.follow(self._additions.additions, "found", self._show_found)
        bind.follow(desk.form, "guides", self._show_guides)
        bind.follow(desk.studio, "no_guides", self._show_able)
        for name in ("pictures", "maps"):
            getattr(desk.guiding.events, name).connect(lambda _: self._show_pictures())
        for name in ("width", "height", "extend", "start"):
            getattr(desk.form.events, name).connect(lambda _: self._show_pictures())

    def _show_guides(self, guides: tuple[Guide, ...]) -> None:
        while len(self.rows) < len(guides):
            self.rows.append(fresh := GuideRow(self._desk, len(self.rows)))
            fresh.pose_wanted.connect(self.pose_wanted.emit)
            fresh.show_found(self._additions.additions.found)
            self._rows.addWidget(fresh)
        while len(self.rows) > len(guides):
            gone = self.rows.pop()
            self._rows.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for each, guide in zip(self.rows, guides, strict=True):
            each.show_guide(guide)
        self._show_able(self._desk.studio.no_guides)

    def _show_pictures(self) -> None:
        for each in self.rows:
            each.show_pictures()

    def _show_found(self, found: Found) -> None:
        for each in self.rows:
            each.show_found(found)
        self.teach.setText(breakable(_how_to_get_one(found)))
        self._show_able(self._desk.studio.no_guides)

    def _show_able(self, why_not: str) -> None:
        """What can't be done isn't offered; guides that are here can still be removed."""
        found, full = self._additions.additions.found, len(self.rows) == MAX_CONTROLS
        none_here = found.nets_folder is not None and not found.nets
        self.why_not.setText(why_not)
        self.why_not.setObjectName("warningText" if self.rows else "quiet")
        self.why_not.style().unpolish(self.why_not)
        self.why_not.style().polish(self.why_not)
        self.why_not.setVisible(bool(why_not))
        for button in (self.add, self.draw):
            button.setVisible(not why_not and not full and not none_here)
        self._empty.setVisible(not why_not and none_here)

    def _open_folder(self) -> None:
        if folder := self._additions.additions.found.nets_folder:
            folder.mkdir(parents=True, exist_ok=True)
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _heading(count: int) -> str:
    return f"{tr('Guides')} ({count})" if count else tr("Guides")


def _how_to_get_one(found: Found) -> str:
    return tr(
        "There is no ControlNet yet. Put .safetensors files or folders of them into {folder}. They are on "
        "Hugging Face: for Stable Diffusion 1.5 comfyanonymous/ControlNet-v1-1_fp16_safetensors, for SDXL "
        "diffusers/controlnet-canny-sdxl-1.0.",
        folder=found.nets_folder or "",
    )
