"""Pictures handed to other programs: copied, shown in their folder, saved without metadata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.library.index import LibraryPicture
from desktop.model.language import tr
from desktop.view.gallery.pictures_model import to_files


def copy_files(pictures: Sequence[LibraryPicture], image: QImage | None = None) -> None:
    """Copies files and, of a single one, its pixels."""
    data = to_files(pictures)
    if image is not None:
        data.setImageData(image)
    QGuiApplication.clipboard().setMimeData(data)


def copy_prompt(picture: LibraryPicture) -> None:
    QGuiApplication.clipboard().setText(picture.prompt)


def show_in_folder(picture: LibraryPicture) -> None:
    """Opens the folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(picture.path.parent)))


def ask_for_copy(parent: QWidget, picture: LibraryPicture) -> Path | None:
    """Where the person wants a copy; None when they'd rather not."""
    suggestion = picture.path.with_name(f"{picture.path.stem}-copy.png")
    title = tr("Save a copy without metadata")
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(suggestion), "PNG (*.png)")
    return Path(chosen) if chosen else None


def ask_for_folder(parent: QWidget, picture: LibraryPicture) -> Path | None:
    """Where the person says that a folder is now."""
    title = tr("Where is the folder {name} now?", name=picture.path.parent.name)
    chosen = QFileDialog.getExistingDirectory(parent, title)
    return Path(chosen) if chosen else None
