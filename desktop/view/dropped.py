"""Pictures that somebody drops or pastes: a file's path, or its bytes. Nothing is decoded of a file."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
CHOSEN = "application/x-mezzotint-chosen"
"""The type of what is dragged when it is the pictures that are chosen in the gallery."""
_FORMATS = ("image/png", "image/jpeg", "image/webp")


def picture_path(mime: QMimeData, suffixes: tuple[str, ...] = SUFFIXES) -> Path | None:
    """The first picture's file among what was dropped, or the first with one of these endings."""
    paths = (Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile())
    return next((path for path in paths if path.suffix.lower() in suffixes), None)


def picture_bytes(mime: QMimeData) -> bytes | None:
    """A picture that is no file: as it was copied, or as a PNG of the pixels that the system gives."""
    for name in _FORMATS:
        if mime.hasFormat(name) and (data := mime.data(name).data()):
            return bytes(data)
    image = mime.imageData() if mime.hasImage() else None
    return _as_png(cast(QImage, image)) if isinstance(image, QImage) and not image.isNull() else None


def holds_picture(mime: QMimeData) -> bool:
    """Whether there is a picture in what is dropped or pasted."""
    return holds_file(mime, SUFFIXES)


def holds_file(mime: QMimeData, suffixes: tuple[str, ...]) -> bool:
    """Whether there is a file with one of these endings, or a picture that is no file."""
    return picture_path(mime, suffixes) is not None or mime.hasImage() or any(map(mime.hasFormat, _FORMATS))


def is_picture(mime: QMimeData) -> bool:
    """Whether it is a picture rather than words: browsers and editors copy words with a picture of them."""
    return picture_path(mime) is not None or (holds_picture(mime) and not mime.hasText())


def _as_png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # pyright: ignore[reportCallIssue, reportArgumentType]
    return bytes(buffer.data().data())
