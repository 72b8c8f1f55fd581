"""Opening picture files that somebody names: never a folder, a pipe or a device, never too large."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from backends.core.contract import MAX_PICTURE_BYTES, UnreadablePicture
from backends.core.contract.pose import MAX_POSE_BYTES, pose_bytes, read_pose
from desktop.library import paths
from desktop.library.record import InitPicture

_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_OTHER = "Use another picture, or check the path."


def open_picture_file(path: Path) -> BinaryIO:
    """Opens a regular file for reading. Raises UnreadablePicture."""
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115  the caller closes it
    except IsADirectoryError as error:
        raise UnreadablePicture(f"{path} is a folder.", "Give one picture.") from error
    except FileNotFoundError as error:
        raise UnreadablePicture(f"There is no picture {path}.", "Check the path.") from error
    except OSError as error:
        raise UnreadablePicture(f"{path} can't be opened: {error.strerror or error}.", _OTHER) from error
    mode = os.fstat(file.fileno()).st_mode
    if not stat.S_ISREG(mode):
        file.close()
        raise UnreadablePicture(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'not a file'}.", _OTHER)
    return file


def _open_without_waiting(path: str, flags: int) -> int:
    """A named pipe would otherwise wait for somebody to write into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_init_picture(path: Path) -> tuple[bytes, InitPicture]:
    """The bytes of the picture to start from, and how a record names it. Raises UnreadablePicture.

    Only its size and first bytes are looked at: the worker decodes it.
    """
    with open_picture_file(path) as file:
        try:
            data = file.read(MAX_PICTURE_BYTES + 1)
        except OSError as error:
            raise UnreadablePicture(f"{path} can't be read: {error.strerror or error}.", _OTHER) from error
    _check(data, path)
    digest = hashlib.sha256(data).hexdigest()
    return data, InitPicture(name=path.name, path=paths.shorten(path), sha256=digest)


def read_pose_file(path: Path) -> tuple[bytes, InitPicture]:
    """The pose as a request has it, and how a record names its file.

    Raises UnreadablePicture or InvalidRequest.
    """
    with open_picture_file(path) as file:
        data = file.read(MAX_POSE_BYTES + 1)
    digest = hashlib.sha256(data).hexdigest()
    return pose_bytes(read_pose(data)), InitPicture(name=path.name, path=paths.shorten(path), sha256=digest)


def _check(data: bytes, path: Path) -> None:
    if len(data) > MAX_PICTURE_BYTES:
        raise UnreadablePicture(
            f"{path} is larger than {MAX_PICTURE_BYTES // 2**20} MB.", "Use a smaller copy of it."
        )
    if not data:
        raise UnreadablePicture(f"{path} is empty.", _OTHER)
    if not data.startswith(_BEGINNINGS):
        raise UnreadablePicture(
            f"{path} is not a PNG, JPEG or WebP picture.", "Open it in another program and save it as PNG."
        )


def find_recorded(init: InitPicture) -> tuple[bytes, InitPicture]:
    """The picture that a record names, if it is still the same one. Raises UnreadablePicture."""
    action = f"Give it with --init; it was called {init.name}."
    if paths.is_remote(init.path) or not init.path:
        raise UnreadablePicture("The picture that this one started from is not on this machine.", action)
    try:
        data, found = read_init_picture(paths.expand(init.path))
    except UnreadablePicture as error:
        raise UnreadablePicture(
            "The picture that this one started from is no longer there.", action
        ) from error
    if found.sha256 != init.sha256:
        raise UnreadablePicture("The picture that this one started from has changed since.", action)
    return data, found
