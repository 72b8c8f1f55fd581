"""Keeps the steps as a file: asked for here, drawn in another thread, written durably."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from backends.core.contract import MezzotintError
from desktop.library import saving
from desktop.library.naming import slug
from desktop.model.inside import Inside, Record
from desktop.model.inside_pictures import film, sheet
from desktop.model.language import tr
from desktop.model.problem import Problem
from desktop.view.inside.steps_page import FILM

if TYPE_CHECKING:
    from desktop.view.app import Workshop

_MAKERS = {".webp": film, ".png": sheet}


class Export:
    """Asks where to, and has it done. Nothing that exists is replaced."""

    def __init__(self, parent: QWidget, workshop: Workshop, inside: Inside) -> None:
        self._parent, self._inside = parent, inside
        self._errands, self._studio = workshop.errands, workshop.make.studio

    def ask(self, kind: str) -> None:
        """Lets the person choose a file's name for a film (WebP) or a sheet (PNG)."""
        record = self._inside.looking.record
        if record is None or not record.steps:
            return
        suffix, title = (".webp", tr("Save film")) if kind == FILM else (".png", tr("Save sheet"))
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        suggestion = Path(folder) / f"{suggested_stem(record)}{suffix}"
        chosen, _ = QFileDialog.getSaveFileName(
            self._parent,
            title,
            str(suggestion),
            f"*{suffix}",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if chosen:
            self.save(record, Path(chosen), suffix)

    def save(self, record: Record, path: Path, suffix: str) -> None:
        """Draws and writes it; where the name is taken the file gets a number."""
        self._studio.notice = tr("Drawing the film of {count} steps", count=len(record.steps))
        self._errands.run(partial(write, record, path, suffix), self._saved, self._failed)

    def _saved(self, path: Path) -> None:
        self._studio.notice = tr("Saved as {name}", name=path.name)

    def _failed(self, error: MezzotintError) -> None:
        self._studio.notice = ""
        self._studio.problem = Problem(error)


def write(record: Record, path: Path, suffix: str) -> Path:
    """The steps as a WebP or PNG file. Raises SaveFailed."""
    stem = path.stem if path.suffix.lower() == suffix else path.name
    return saving.save_new(_MAKERS[suffix](record), path.parent, stem, suffix)


def suggested_stem(record: Record) -> str:
    """ "4711-a-panda-eating-tacos-steps"."""
    return "-".join(part for part in (str(record.seed), slug(record.request.prompt), "steps") if part)
