"""The noise and the picture: the two ends of the steps."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QWidget

from backends.core.contract import Stage
from desktop.model.inside import Inside, Record
from desktop.model.language import tr
from desktop.view import bind, theme
from desktop.view.controls import quiet, row
from desktop.view.inside.page import Page
from desktop.view.inside.said import in_seconds
from desktop.view.inside.still import CRISP, Still


class NoisePage(Page):
    """What denoising started from."""

    def __init__(self, inside: Inside) -> None:
        super().__init__("noise")
        self.noise = Still("", tr("The latents that the first step was given"), CRISP)
        self.body.addWidget(self.noise, 1)
        bind.follow(inside.looking, "record", self.show_record)

    def show_record(self, record: Record | None) -> None:
        if record is None:
            return
        self.noise.show_picture(record.noise)
        seed = str(record.seed)
        from_picture = tr("The start picture under the noise of seed {seed}", seed=seed)
        from_nothing = tr("The noise of seed {seed}", seed=seed)
        self.noise.rename(from_picture if record.request.init_image else from_nothing)


class PicturePage(Page):
    """From the last latents to pixels, and how long each stage took."""

    def __init__(self, inside: Inside) -> None:
        super().__init__("picture")
        self.latents = Still(tr("The latents at the end"), tr("Latents in the preview's colours"), CRISP)
        self.picture = Still(tr("The picture"), tr("What the decoder made of them"))
        self.times = Times()
        self.body.addLayout(row(self.latents, self.picture, spacing=theme.MARGIN), 1)
        self.body.addWidget(self.times)
        bind.follow(inside.looking, "record", self.show_record)

    def show_record(self, record: Record | None) -> None:
        if record is None:
            return
        self.latents.show_picture(record.latents)
        self.picture.show_picture(record.picture)
        self.times.show_seconds(record.seconds)


class Times(QWidget):
    """One line a stage: its name, a bar, its seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[Stage, QLabel] = {}
        self._rows: dict[Stage, tuple[QWidget, ...]] = {}
        self._bars: dict[Stage, QProgressBar] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        for number, stage in enumerate(Stage):
            name, bar, seconds = quiet(tr(stage.value)), QProgressBar(), quiet()
            bar.setTextVisible(False)
            bar.setAccessibleName(tr("Share of the time: {stage}", stage=tr(stage.value)))
            self.seconds[stage], self._bars[stage] = seconds, bar
            self._rows[stage] = (name, bar, seconds)
            for column, widget in enumerate((name, bar, seconds)):
                grid.addWidget(widget, number, column)
        grid.setColumnStretch(1, 1)

    def show_seconds(self, seconds: dict[Stage, float]) -> None:
        whole = sum(seconds.values()) or 1.0
        for stage, widgets in self._rows.items():
            for widget in widgets:
                widget.setVisible(stage in seconds)
            if stage in seconds:
                self._bars[stage].setValue(round(100 * seconds[stage] / whole))
                self.seconds[stage].setText(in_seconds(seconds[stage]))
