"""An XY plot's two files: the sheet, a PNG, and the page, beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backends.core.contract import UnreadablePicture
from desktop.library import saving
from desktop.library.pictures import PARAMETERS_KEY
from desktop.library.plot_page import page
from desktop.library.plot_sheet import Place, Plot, draw
from desktop.library.png import encode_png, read_png_texts


def save_plot(plot: Plot, folder: Path, stem: str) -> tuple[Path, Path]:
    """Where the sheet and the page are now. Raises SaveFailed, UnreadablePicture."""
    saving.make_folder(folder)
    texts = {"Title": "XY plot", "Description": f"{_axes(plot)} {plot.title}", "Comment": plot.shared}
    try:
        data = encode_png(draw(plot), texts)
    except OSError as error:
        raise UnreadablePicture(
            "A picture of the plot can't be read any more.", "Make the plot again."
        ) from error
    sheet = saving.save_new(data, folder, stem)
    return sheet, saving.save_new(page(plot, _recipes(plot), folder).encode(), folder, sheet.stem, ".html")


def _axes(plot: Plot) -> str:
    across = f"{plot.x_title}: {', '.join(plot.x_values)}."
    return f"{across} {plot.y_title}: {', '.join(plot.y_values)}." if plot.y_title else across


def _recipes(plot: Plot) -> Mapping[Place, str]:
    """What each picture's file says of how it was made."""
    return {place: read_png_texts(path).get(PARAMETERS_KEY, "") for place, path in plot.files.items()}
