"""The Plot tab: two settings and their values, and the plots that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QLineEdit, QListWidget, QPushButton, QVBoxLayout

from desktop.library.plot_settings import LORA, PROMPT
from desktop.library.plots import SETTINGS
from desktop.model.language import tr
from desktop.model.plots import PlotDesk, PlotRun, title_of
from desktop.view import bind, theme
from desktop.view.controls import caption, row
from desktop.view.picture_view import PictureView
from desktop.view.settings_parts import wrapped

if TYPE_CHECKING:
    from desktop.view.app import Workshop

EXAMPLES: Mapping[str, str] = {
    "seed": "1-4",
    "steps": "5, 10, 20",
    "guidance": "1-7 (+2)",
    "sampler": "Euler, DDIM, DPM++ 2M",
    "size": "128x128, 192x128",
    "strength": "0.2-1 [5]",
    "clip-skip": "0-2",
    "negative": "rain, snow",
    "feather": "0, 8, 16",
    "hires": "1, 1.5, 2",
    "hires-strength": "0.2-0.8 [4]",
    "hires-steps": "5, 10, 20",
    "hires-by": "latent, lanczos",
    "control-weight": "0-1 [3]",
    "refiner-switch": "0.6-0.9 [4]",
    "vae": "model, my-vae",
    "depth": "model, rough",
    "model": "starter, starter-4-steps",
    PROMPT: "panda, fox, cat",
}
_SHEET_PX = 1600
_LIST = 96


class PlotTab(QFrame):
    """Fields on top, the chosen plot's sheet in the middle, the plots at the bottom."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._desk, self._darkroom = workshop.plots, workshop.darkroom
        self._shown: Path | None = None
        self.across, self.down = _AxisFields("x", self._desk), _AxisFields("y", self._desk)
        self.about, self.begin = wrapped(), QPushButton(tr("Make the plot"))
        self.sheet, self.list = PictureView(), QListWidget()
        self.open_sheet, self.open_page = QPushButton(tr("Open the sheet")), QPushButton(tr("Open the page"))
        self._lay_out()
        self.begin.clicked.connect(lambda: self._desk.start())
        self.open_sheet.clicked.connect(lambda: self._open("sheet"))
        self.open_page.clicked.connect(lambda: self._open("page"))
        self.list.currentRowChanged.connect(self._show_chosen)
        for name in ("x_setting", "x_values", "y_setting", "y_values"):
            getattr(self._desk.events, name).connect(self._tell)
        workshop.make.studio.events.recent.connect(self._tell)
        bind.follow(self._desk, "runs", self._show_runs)
        self._tell()

    def chosen(self) -> PlotRun | None:
        """The plot that is chosen in the list."""
        place = self.list.currentRow()
        return self._desk.runs[place] if 0 <= place < len(self._desk.runs) else None

    # --- parts ---

    def _lay_out(self) -> None:
        self.list.setObjectName("places")
        self.list.setFixedHeight(_LIST)
        self.list.setAccessibleName(tr("Plots"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        fields = QGridLayout()
        fields.setHorizontalSpacing(theme.GRID)
        fields.setVerticalSpacing(theme.GRID)
        fields.setColumnStretch(2, 1)
        for number, (words, axis) in enumerate(((tr("Across"), self.across), (tr("Down"), self.down))):
            fields.addWidget(caption(words, axis.setting), number, 0)
            fields.addWidget(axis.setting, number, 1)
            fields.addWidget(axis.values, number, 2)
        below = row(self.about, self.begin)
        below.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        layout.setSpacing(theme.GRID)
        layout.addLayout(fields)
        layout.addLayout(below)
        layout.addWidget(self.sheet, 1)
        layout.addWidget(self.list)
        ways = row(self.open_sheet, self.open_page)
        ways.addStretch(1)
        layout.addLayout(ways)

    def _tell(self, _: object = None) -> None:
        self.about.setText(self._desk.in_words())
        self.begin.setEnabled(self._desk.is_written)

    def _show_runs(self, runs: tuple[PlotRun, ...]) -> None:
        begun = len(runs) > self.list.count()
        while self.list.count() > len(runs):
            self.list.takeItem(self.list.count() - 1)
        for number, run in enumerate(runs):
            if number == self.list.count():
                self.list.addItem("")
            self.list.item(number).setText(_in_words(run))
            self.list.item(number).setToolTip(run.plot.title)
        self.list.setVisible(bool(runs))
        if begun:
            self.list.setCurrentRow(0)
        self._show_chosen()

    def _show_chosen(self, _: int = 0) -> None:
        run = self.chosen()
        self.open_sheet.setEnabled(bool(run and run.sheet))
        self.open_page.setEnabled(bool(run and run.page))
        self.open_sheet.setVisible(run is not None)
        self.open_page.setVisible(run is not None)
        path = run.sheet if run else None
        if path is not None and path == self._shown:
            return
        self._shown = path
        self.sheet.show_image(None, _instead(run))
        if path is not None:
            self._darkroom.develop(path, _SHEET_PX, lambda image: self._developed(path, image), self._gone)

    def _developed(self, path: Path, image: QImage) -> None:
        if path == self._shown:
            self.sheet.show_image(image)

    def _gone(self, _: object) -> None:
        self.sheet.show_image(None, tr("The sheet can't be shown: its file is gone or damaged."))

    def _open(self, what: str) -> None:
        run = self.chosen()
        path: Path | None = getattr(run, what) if run else None
        if path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class _AxisFields:
    """A setting and its values, tied to the desk."""

    def __init__(self, name: str, desk: PlotDesk) -> None:
        self._desk, self._name = desk, name
        self.setting, self.values = QComboBox(), QLineEdit()
        words = tr("Values across") if name == "x" else tr("Values down")
        self.values.setAccessibleName(words)
        if name == "y":
            self.setting.addItem(tr("nothing"), "")
        for setting in SETTINGS:
            self.setting.addItem(title_of(setting), setting)
        for tag in _loras(desk):
            self.setting.addItem(title_of(tag), tag)
        bind.choice(self.setting, desk, f"{name}_setting")
        bind.follow(desk, f"{name}_setting", self._fit)
        bind.follow(desk, f"{name}_values", self._show)
        self.values.textChanged.connect(lambda text: setattr(desk, f"{name}_values", text))

    def _fit(self, setting: str) -> None:
        self.values.setEnabled(bool(setting))
        example = "0-1 [3]" if setting.startswith(f"{LORA}:") else EXAMPLES.get(setting, "")
        self.values.setPlaceholderText(tr("such as {example}", example=example) if example else "")

    def _show(self, text: str) -> None:
        if self.values.text() != text:
            self.values.setText(text)


def _loras(desk: PlotDesk) -> list[str]:
    """The LoRAs that the prompt names when the tab is opened."""
    from backends.core.prompt_tags import tags_in

    return [f"{LORA}:{tag.name}" for tag in tags_in(desk.make.form.prompt)]


def _instead(run: PlotRun | None) -> str:
    if run is None:
        return tr("Choose a setting and its values: each pair makes a picture, all with one seed.")
    if run.problem:
        return run.problem
    if not run.pending and not run.plot.files:
        return tr("None of its pictures was made.")
    return tr("{made} of {count} pictures made", made=run.made, count=run.count)


def _in_words(run: PlotRun) -> str:
    plot = run.plot
    axes = f"{plot.x_title} × {plot.y_title}" if plot.y_title else plot.x_title
    title = plot.title.strip() or tr("(no prompt)")
    short = title if len(title) <= 40 else f"{title[:40]}…"
    told = tr("{made} of {count} pictures made", made=run.made, count=run.count)
    return f"{axes}: {short} ({told})"
