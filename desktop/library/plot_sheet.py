"""An XY plot as one picture: the cells under and beside the values that made them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.core.contract import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_SIDE = 8192
"""Pixels; the pictures of a larger plot are made smaller. Their own files are whole."""
_PAPER, _INK, _QUIET, _EMPTY = "#ffffff", "#1d1d1f", "#6e6e73", "#ececef"
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
"""Looked for when a text has signs that Pillow's own font lacks."""

Place = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """What a plot shows. `files` are the pictures by (column, row), `problems` says why one is missing."""

    title: str
    shared: str
    x_title: str
    x_values: Sequence[str]
    y_title: str = ""
    y_values: Sequence[str] = ("",)
    files: Mapping[Place, Path]
    problems: Mapping[Place, str]

    def words(self, place: Place) -> str:
        """The two values of a cell: "Steps 8, Guidance scale 3"."""
        column, row = place
        across = f"{self.x_title} {self.x_values[column]}"
        return f"{across}, {self.y_title} {self.y_values[row]}" if self.y_title else across

    @property
    def places(self) -> list[Place]:
        """Row by row."""
        return [(column, row) for row in range(len(self.y_values)) for column in range(len(self.x_values))]


def draw(plot: Plot) -> Picture:
    """The whole plot. Raises OSError when a file can't be read again."""
    from PIL import Image, ImageDraw

    form = _Form(plot, _cell_size(plot))
    sheet = Image.new("RGB", form.size, _PAPER)
    pen: Any = ImageDraw.Draw(sheet)
    form.write(pen)
    for place in plot.places:
        left, top = form.corner(place)
        if place in plot.files:
            sheet.paste(_fitted(plot.files[place], form.cell), (left, top))
        else:
            form.say_missing(pen, place)
    return Picture(sheet.width, sheet.height, sheet.tobytes())


def _cell_size(plot: Plot) -> tuple[int, int]:
    """The largest picture's, or as much of it as the sheet has room for."""
    from PIL import Image

    sizes: list[tuple[int, int]] = []
    for path in plot.files.values():
        with Image.open(path) as image:
            sizes.append(image.size)
    width = max((size[0] for size in sizes), default=256)
    height = max((size[1] for size in sizes), default=256)
    room = LARGEST_SIDE * 0.9
    share = min(1.0, room / (width * len(plot.x_values)), room / (height * len(plot.y_values)))
    return max(16, int(width * share)), max(16, int(height * share))


def _fitted(path: Path, cell: tuple[int, int]) -> Image:
    """The picture in the middle of a cell, smaller where it has to be."""
    from PIL import Image

    with Image.open(path) as image:
        whole = image.convert("RGB")
    whole.thumbnail(cell, Image.Resampling.LANCZOS)
    paper = Image.new("RGB", cell, _PAPER)
    paper.paste(whole, ((cell[0] - whole.width) // 2, (cell[1] - whole.height) // 2))
    return paper


class _Form:
    """Where everything stands, for cells of this size."""

    def __init__(self, plot: Plot, cell: tuple[int, int]) -> None:
        self._plot, self.cell = plot, cell
        self._text = max(11, min(28, max(cell) // 18))
        self._gap = max(4, self._text // 3)
        self._margin = 2 * self._text
        longest = min(24, max(len(words) for words in (*plot.y_values, plot.y_title)))
        beside = min(0.62 * self._text * longest, 1.2 * cell[0]) + self._text if longest else 0
        self._left = int(self._margin + beside)
        self._top = int(self._margin + (1.6 if plot.title else 0) * self._text + 4.4 * self._text)

    @property
    def size(self) -> tuple[int, int]:
        columns, rows = len(self._plot.x_values), len(self._plot.y_values)
        width = self._left + columns * (self.cell[0] + self._gap) - self._gap + self._margin
        height = self._top + rows * (self.cell[1] + self._gap) - self._gap + int(1.6 * self._margin)
        return max(width, 22 * self._text), height

    def corner(self, place: Place) -> tuple[int, int]:
        column, row = place
        left = self._left + column * (self.cell[0] + self._gap)
        return left, self._top + row * (self.cell[1] + self._gap)

    def write(self, pen: Any) -> None:
        """Title, axes, values and what all cells share."""
        plot, text, wide = self._plot, self._text, self.size[0] - 2 * self._margin
        if plot.title:
            self._line(pen, (self._margin, self._margin), plot.title, _INK, wide, text * 1.15)
        self._line(pen, (self._left, self._top - 3.7 * text), plot.x_title, _QUIET, wide)
        if plot.y_title:
            place = (self._margin, self._top - 1.5 * text)
            self._line(pen, place, plot.y_title, _QUIET, self._left - self._margin - text / 2)
        for column, value in enumerate(plot.x_values):
            left, top = self.corner((column, 0))
            self._lines(pen, (left + self.cell[0] / 2, top - self._gap), value, self.cell[0], "md")
        for row, value in enumerate(plot.y_values):
            left, top = self.corner((0, row))
            room = self._left - self._margin - text / 2
            self._lines(pen, (left - text / 2, top + self.cell[1] / 2), value, room, "rm")
        self._line(pen, (self._margin, self.size[1] - self._margin), plot.shared, _QUIET, wide, text * 0.85)

    def say_missing(self, pen: Any, place: Place) -> None:
        """A quiet box with the reason."""
        left, top = self.corner(place)
        right, bottom = left + self.cell[0] - 1, top + self.cell[1] - 1
        pen.rectangle((left, top, right, bottom), fill=_EMPTY)
        middle = ((left + right) / 2, (top + bottom) / 2)
        words = self._plot.problems.get(place, "not made")
        self._lines(pen, middle, words, self.cell[0] - self._text, "mm", most=8, ink=_QUIET)

    def _line(
        self, pen: Any, place: tuple[float, float], words: str, ink: str, wide: float, size: float = 0
    ) -> None:
        """One line, shortened where there is no more room."""
        font = _font(words, size or self._text)
        pen.text(place, _shortened(pen, words, font, wide), fill=ink, font=font)

    def _lines(
        self, pen: Any, place: tuple[float, float], words: str, wide: float, anchor: str, most: int = 2,
        ink: str = _INK,
    ) -> None:  # fmt: skip
        """A few lines at most, the last one shortened."""
        font = _font(words, self._text)
        room = max(4, int(wide / (0.52 * self._text)))
        lines = textwrap.wrap(words, room) or [""]
        kept = [*lines[: most - 1], " ".join(lines[most - 1 :])] if len(lines) > most else lines
        text = "\n".join(_shortened(pen, line, font, wide) for line in kept)
        align = {"m": "center", "r": "right"}[anchor[0]]
        pen.multiline_text(place, text, fill=ink, font=font, anchor=anchor, align=align)


def _shortened(pen: Any, words: str, font: Any, wide: float) -> str:
    """The words, or their beginning and "…"."""
    words = " ".join(words.split())
    if pen.textlength(words, font=font) <= wide:
        return words
    while words and pen.textlength(f"{words}…", font=font) > wide:
        words = words[: -max(1, len(words) // 20)]
    return f"{words}…"


def _font(words: str, size: float) -> Any:
    from PIL import ImageFont

    if any(ord(sign) > 0x17F and sign != "…" for sign in words):
        for name in _FONTS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    return ImageFont.load_default(size)
