"""How the chosen picture was made, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage, QResizeEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from backends.core.contract import SAMPLERS
from desktop.model import additions, depth, guides, hires_told, inpainted, refining
from desktop.model.backends import place_in_words
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.model.studio import Made
from desktop.view import bind, theme
from desktop.view.controls import quiet, row
from desktop.view.icons import IconButton
from desktop.view.text import ProseLabel

_FACTS = (
    "Seed",
    "Size",
    "Model",
    "With",
    "Made anew",
    "Guides",
    "References",
    "Hi-res fix",
    "Refiner",
    "VAE",
    "Depth",
    "Sampler",
    "Backend",
    "Time",
)


class Details(QWidget):
    """Hidden until there is a picture."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make
        self.prompt = ProseLabel()
        self.values = {name: ProseLabel() for name in _FACTS}
        self.repeat, self.vary = QPushButton(tr("Repeat")), QPushButton(tr("Variation"))
        self.start = QPushButton(tr("Use as start"))
        self.more = self._more()
        for button, act, tip in (
            (
                self.repeat,
                make.repeat,
                tr("Fill in these settings, so that Generate makes this picture again"),
            ),
            (self.vary, make.vary, tr("Make another picture with these settings and a new seed")),
            (self.start, self._use_as_start, tr("Start the next picture from this one")),
        ):
            button.clicked.connect(partial(self._with_selected, act))
            button.setToolTip(tip)
        self._lines = 6
        self._area, self._table, self._line = _scrolling(self.prompt), self._facts(), quiet()
        self._lay_out()
        bind.follow(make.studio, "selected", self._show)
        for reason in ("no_start", "no_guides", "no_references"):
            bind.follow(make.studio, reason, self._show_able)
        make.studio.events.hardware.connect(lambda _: self._show(make.studio.selected))

    def _more(self) -> IconButton:
        button = IconButton("more", tr("More for this picture"))
        menu = QMenu(button)
        menu.addAction(tr("Copy picture"), lambda: self._with_selected(_copy_picture))
        menu.addAction(tr("Copy prompt"), lambda: self._with_selected(_copy_prompt))
        self.guide = menu.addAction(tr("Use as guide"), lambda: self._with_selected(self._guide))
        self.reference = menu.addAction(
            tr("Use as reference picture"), lambda: self._with_selected(self._reference)
        )
        menu.addSeparator()
        self.show_folder = menu.addAction(tr("Show in folder"), lambda: self._with_selected(_show_in_folder))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addWidget(self._area)
        layout.addWidget(self._table)
        layout.addWidget(self._line)
        layout.addStretch(1)
        layout.addLayout(row(self.repeat, self.vary))
        layout.addLayout(row(self.start, self.more))

    def _facts(self) -> QWidget:
        box = QWidget()
        self._facts_table = table = QFormLayout(box)
        table.setContentsMargins(0, 0, 0, 0)
        table.setHorizontalSpacing(theme.MARGIN)
        table.setVerticalSpacing(4)
        for name, value in self.values.items():
            table.addRow(quiet(tr(name)), value)
        return box

    def compact(self, on: bool) -> None:
        """For the strip below: prompt, one line of facts, buttons."""
        self._table.setVisible(not on)
        self._line.setVisible(on)
        self._lines = 2 if on else 6
        self._fit_prompt()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_prompt()

    def _fit_prompt(self) -> None:
        """As high as the prompt is, up to a few lines, within which a long one scrolls."""
        line = self.prompt.fontMetrics().lineSpacing()
        wanted = self.prompt.heightForWidth(max(40, self.width() - 12))
        self._area.setFixedHeight(min(wanted, self._lines * line) + 2)

    def _show(self, made: Made | None) -> None:
        self.setVisible(made is not None)
        if made is None:
            return
        request, provenance = made.request, made.event.provenance
        self.prompt.setText(request.prompt.strip() or tr("(no prompt)"))
        shown = {
            "Seed": str(made.event.seed),
            "Size": "{} x {}".format(*request.picture_size),
            "Model": provenance.get("model", request.model),
            "With": additions.told(made.event.prompt or request.prompt, provenance),
            "Made anew": inpainted.told(request.mask is not None, request.feather, request.extend),
            "Guides": guides.told(request.controls, [each.name for each in made.beside.controls]),
            "References": ", ".join(picture.name for picture in made.beside.references),
            "Hi-res fix": hires_told.told(request.hires, (request.width, request.height)),
            "Refiner": refining.told(request.refiner),
            "VAE": request.vae,
            "Depth": depth.told("", made.beside.depth_map.name if made.beside.depth_map else "", provenance),
            "Sampler": f"{SAMPLERS[request.sampler]}, {tr('{count} steps', count=request.steps)}",
            "Backend": place_in_words(provenance, self._make.studio.hardware),
            "Time": f"{made.seconds:.1f} s",
        }
        for name, words in shown.items():
            self.values[name].setText(words)
            self._facts_table.setRowVisible(self.values[name], bool(words))
        seed = tr("Seed {seed}", seed=shown["Seed"])
        self._line.setText(", ".join((seed, shown["Size"], shown["Time"])))
        self._fit_prompt()
        self.show_folder.setEnabled(made.path is not None)
        self._show_able()

    def _show_able(self, _: object = None) -> None:
        """A picture can be a start when its file is there, and where pictures can be."""
        made, why_not = self._make.studio.selected, self._make.studio.no_start
        self.start.setEnabled(made is not None and made.path is not None and not why_not)
        self.start.setToolTip(why_not or tr("Start the next picture from this one"))
        for action, reason in (
            (self.guide, self._make.studio.no_guides),
            (self.reference, self._make.studio.no_references),
        ):
            action.setEnabled(made is not None and made.path is not None and not reason)

    def _guide(self, made: Made) -> None:
        if made.path is not None:
            self._make.guides.bring_guide(made.path)

    def _reference(self, made: Made) -> None:
        if made.path is not None:
            self._make.guides.bring_reference(made.path)

    def _use_as_start(self, made: Made) -> None:
        if made.path is not None:
            self._make.use_as_start(made.path)

    def _with_selected(self, act: Callable[[Made], None], _: object = None) -> None:
        if made := self._make.studio.selected:
            act(made)


def _scrolling(label: QLabel) -> QScrollArea:
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    area = QScrollArea()
    area.setWidget(label)
    area.setWidgetResizable(True)
    area.setAccessibleName(tr("The picture's prompt"))
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.viewport().setAutoFillBackground(False)
    label.setAutoFillBackground(False)
    return area


def _copy_picture(made: Made) -> None:
    picture = made.event.picture
    image = QImage(picture.rgb, picture.width, picture.height, picture.width * 3, QImage.Format.Format_RGB888)
    QGuiApplication.clipboard().setImage(image.copy())


def _copy_prompt(made: Made) -> None:
    QGuiApplication.clipboard().setText(made.request.prompt)


def _show_in_folder(made: Made) -> None:
    if made.path is not None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(made.path.parent)))
