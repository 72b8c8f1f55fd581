"""The left side: what the next picture is to be, and Generate, always in view."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from backends.core.contract import MAX_COUNT, MAX_STEPS
from desktop.model.form import ModelChoice
from desktop.model.language import tr
from desktop.model.make import Make
from desktop.view import bind, theme
from desktop.view.controls import (
    CalmComboBox,
    CalmDoubleSpinBox,
    CalmSpinBox,
    Fold,
    PromptEdit,
    caption,
    column,
    quiet,
    row,
    scrolling,
    slider,
)
from desktop.view.depth_row import DepthRow
from desktop.view.guides.references import ReferencesField
from desktop.view.refiner_rows import RefinerRows
from desktop.view.sampler_box import SamplerBox
from desktop.view.seed_field import SeedField
from desktop.view.size_field import SizeField
from desktop.view.start_picture import StartField
from desktop.view.vae_row import VaeRow
from desktop.view.words import GENERATE_KEYS

WIDTH = 300
_LABELS = 64
_EDIT = "\0edit"


class FormPanel(QFrame):
    """Binds to the form; Generate and Add to queue forward to `make.generate`.

    `styles_wanted` says that somebody wants to make or change a style.
    """

    styles_wanted = Signal()

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.setObjectName("left")
        self.setFixedWidth(WIDTH)
        self._make = make
        self.prompt = PromptEdit(4, tr("Describe the picture"))
        self.leave_out = Fold(tr("Leave out"), self._negative())
        self.style_box = self._styles()
        self.start, self.references = StartField(make), ReferencesField(make.guides)
        self.model, self.model_said = self._models(), quiet()
        self.model_said.setWordWrap(True)
        self.size_field = SizeField(make)
        self.count, self.steps = CalmSpinBox(1, MAX_COUNT), CalmSpinBox(1, MAX_STEPS)
        self.guidance, self.guidance_slider = CalmDoubleSpinBox(0, 100, 0.5), slider(10, 200, 5)
        self.seed = SeedField(make.form)
        self.sampler, self.clip_skip = SamplerBox(make), CalmSpinBox(0, 11)
        self.refiner, self.vae, self.depth_row = RefinerRows(make), VaeRow(make), DepthRow(make)
        self.more = Fold(tr("More: sampler, VAE, CLIP skip"), self._advanced())
        self.folds, self._further = [self.leave_out, self.more], QVBoxLayout()
        self.generate = QPushButton(tr("Generate"))
        self._bind()
        self._lay_out()

    def toggle_all(self) -> None:
        """Opens everything that is folded away, or folds it."""
        on = not all(fold.button.isChecked() for fold in self.folds)
        for fold in self.folds:
            fold.button.setChecked(on)

    def add_fold(self, fold: Fold) -> None:
        """Another part that is folded away at first, below the others."""
        self.folds.append(fold)
        self._further.addWidget(fold)

    def _negative(self) -> QWidget:
        self.negative = PromptEdit(2, tr("What should not be in it"))
        self.negative.setAccessibleName(tr("Leave out"))
        self.negative.setToolTip(tr("Negative prompt: what the picture is steered away from"))
        bind.text(self.negative, self._make.form, "negative_prompt")
        return self.negative

    def _styles(self) -> CalmComboBox:
        """The last line opens the place where styles are made."""
        box = CalmComboBox()
        box.setToolTip(tr("Words that are put around the prompt"))

        def show(_: object = None) -> None:
            box.clear()
            box.addItem(tr("None"), "")
            for style in self._make.styles.saved:
                box.addItem(style.name, style.name)
            box.insertSeparator(box.count())
            box.addItem(tr("Edit styles"), _EDIT)
            box.setCurrentIndex(max(0, box.findData(self._make.form.style)))

        def choose(index: int) -> None:
            if box.itemData(index) == _EDIT:
                show()
                self.styles_wanted.emit()
            else:
                self._make.form.style = box.itemData(index)

        box.activated.connect(choose)
        bind.follow(self._make.styles, "saved", show)
        bind.follow(self._make.form, "style", show)
        return box

    def _models(self) -> CalmComboBox:
        box = CalmComboBox()

        def show(models: tuple[ModelChoice, ...]) -> None:
            box.clear()
            for choice in models:
                box.addItem(choice.title, choice.name)
            box.setCurrentIndex(box.findData(self._make.form.model))
            box.setPlaceholderText("" if models else tr("No model installed"))
            box.setEnabled(bool(models))

        bind.follow(self._make.studio, "models", show)
        box.activated.connect(lambda index: self._make.form.use_model(self._make.models[box.itemData(index)]))
        bind.follow(self._make.form, "model", lambda name: box.setCurrentIndex(box.findData(name)))
        return box

    def _advanced(self) -> QWidget:
        body, grid = QWidget(), _grid()
        _add(grid, 0, tr("Sampler"), self.sampler)
        _add(grid, 1, tr("CLIP skip"), self.clip_skip)
        body.setLayout(grid)
        self.vae.lay_in(grid, 2)
        self.refiner.lay_in(grid, 4)
        self.sampler.setToolTip(tr("How the noise is taken away, step by step"))
        self.clip_skip.setToolTip(tr("How many of the text encoder's last layers are skipped"))
        return body

    def _bind(self) -> None:
        form = self._make.form
        bind.text(self.prompt, form, "prompt")
        self.prompt.walked.connect(self._make.walk.go)
        for field in (self.prompt, self.negative):
            field.weighed.connect(field.weigh)
            field.pasted.connect(self.start.paste)
        bind.number(self.count, form, "count")
        bind.number(self.steps, form, "steps")
        bind.number(self.clip_skip, form, "clip_skip")
        bind.decimal(self.guidance, form, "guidance_scale")
        bind.slide(self.guidance_slider, self.guidance)
        bind.follow(self._make.studio, "progress", self._name_button)
        for field in ("model", "start", "refiner", "vae", "depth_map"):
            bind.follow(form, field, self._say_of_model)
        bind.follow(self._make.studio, "models", self._say_of_model)
        self.generate.clicked.connect(self._make.generate)
        self.guidance.setToolTip(tr("How strictly the prompt is followed (CFG scale); 1 is not at all"))
        self.steps.setToolTip(tr("More steps take longer and add less and less"))

    def _say_of_model(self, _: object = None) -> None:
        """What a model lacks, and that a refiner is one of the settings folded away."""
        form, model = self._make.form, self._make.models.get(self._make.form.model)
        words = "" if model is None or form.start else self._lacking(model)
        self.model_said.setText(words)
        self.model_said.setVisible(bool(words))
        has = model is not None and model.has_refiner
        self.more.button.setText(
            tr("More: sampler, VAE, refiner") if has else tr("More: sampler, VAE, CLIP skip")
        )
        if form.refiner or form.vae:
            self.more.button.setChecked(True)

    def _lacking(self, model: ModelChoice) -> str:
        """What is to be known of it while there is no start picture."""
        if model.refines:
            return tr("A refiner: it is made for a start picture, or for the last steps after another model.")
        if model.takes_depth and self._make.form.depth_map is None:
            return tr("It keeps the depth of a picture: choose one to start from, or a depth map.")
        return ""

    def _name_button(self, progress: object) -> None:
        busy = progress is not None
        self.generate.setText(tr("Add to queue") if busy else tr("Generate"))
        self.generate.setToolTip(f"{self.generate.text()} ({GENERATE_KEYS})")

    def _lay_out(self) -> None:
        self.generate.setObjectName("primary")
        body = QWidget()
        body.setObjectName("leftBody")
        layout = column(caption(tr("Prompt"), self.prompt), self.prompt, self.leave_out, spacing=8)
        layout.addSpacing(theme.GRID)
        layout.addLayout(self._settings())
        layout.addWidget(self.more)
        layout.addLayout(self._further)
        layout.addStretch(1)
        body.setLayout(layout)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 1, 0)  # the edge is drawn there
        outer.setSpacing(0)
        self.area = _scrolling(body, layout)
        outer.addWidget(self.area, 1)
        outer.addWidget(foot := self._foot())
        self.area.verticalScrollBar().rangeChanged.connect(lambda _, most: _mark_over(foot, most > 0))

    def _settings(self) -> QGridLayout:
        grid = _grid()
        _add(grid, 0, tr("Style"), self.style_box)
        _add(grid, 1, tr("Start"), self.start, top=True)
        grid.addWidget(self.references, 2, 0, 1, 2)
        self.depth_row.lay_in(grid, 3)
        _add(grid, 4, tr("Model"), self.model)
        grid.addWidget(self.model_said, 5, 1)
        _add(grid, 6, tr("Size"), self.size_field, top=True)
        _add(grid, 7, tr("Count"), self._count_and_steps())
        _add(grid, 8, tr("Guidance"), self._guidance_row())
        _add(grid, 9, tr("Seed"), self.seed)
        return grid

    def _count_and_steps(self) -> QWidget:
        layout = row(self.count, caption(tr("Steps"), self.steps), self.steps)
        self.count.setAccessibleName(tr("Count"))
        return _boxed(layout)

    def _guidance_row(self) -> QWidget:
        self.guidance.setFixedWidth(76)
        self.guidance.setAccessibleName(tr("Guidance"))
        self.guidance_slider.setAccessibleName(tr("Guidance"))
        return _boxed(row(self.guidance, self.guidance_slider))

    def _foot(self) -> QWidget:
        foot = QWidget()
        foot.setObjectName("leftFoot")
        layout = column(self.generate)
        layout.setContentsMargins(theme.MARGIN, theme.GRID, theme.MARGIN, theme.MARGIN)
        foot.setLayout(layout)
        return foot


def _mark_over(foot: QWidget, on: bool) -> None:
    """A line above it says that there is more behind."""
    foot.setProperty("over", on)
    foot.style().unpolish(foot)
    foot.style().polish(foot)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(theme.GRID)
    grid.setVerticalSpacing(theme.GRID)
    grid.setColumnMinimumWidth(0, _LABELS)
    grid.setColumnStretch(1, 1)
    return grid


def _add(grid: QGridLayout, line: int, words: str, field: QWidget, *, top: bool = False) -> None:
    label = caption(words, field)
    label.setFixedHeight(theme.CONTROL)
    grid.addWidget(label, line, 0, Qt.AlignmentFlag.AlignTop if top else Qt.AlignmentFlag.AlignVCenter)
    grid.addWidget(field, line, 1)


def _boxed(layout: QHBoxLayout) -> QWidget:
    layout.setContentsMargins(0, 0, 0, 0)
    box = QWidget()
    box.setLayout(layout)
    return box


def _scrolling(body: QWidget, layout: QBoxLayout) -> QScrollArea:
    """The scroll bar, when it comes, lies in the margin, so that nothing gets narrower."""

    def leave_room(_: int, highest: int) -> None:
        right = theme.MARGIN - theme.SCROLL_BAR if highest else theme.MARGIN
        layout.setContentsMargins(theme.MARGIN, theme.MARGIN, right, theme.GRID)

    area = scrolling(body)
    area.verticalScrollBar().rangeChanged.connect(leave_room)
    leave_room(0, 0)
    return area
