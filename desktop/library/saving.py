"""Puts a picture on disk so that it is whole and durable, or not there at all.

Order: a temporary file beside the destination, fsync, a rename that replaces nothing, fsync of the
folder. A process killed at any moment leaves no torn file under a picture's name.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from backends.core.contract import SaveFailed

_PREFIX, _SUFFIX = ".mezzotint-", ".tmp"
_STALE_SECONDS = 24 * 3600
_NO_HARD_LINKS = {
    errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV,
}  # fmt: skip


def save_new(data: bytes, folder: Path, stem: str, suffix: str = ".png") -> Path:
    """Writes a new file and returns its path once it is durable.

    It is called `stem` + `suffix`, or `stem`-2, `stem`-3 ... where that name is taken: two processes
    that save at the same time get two names. Raises SaveFailed, and then leaves nothing behind.
    """
    temporary = temporary_in(folder)
    try:
        try:
            _write(temporary, data)
            path = _place(temporary, folder, stem, suffix)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise explain(error, folder) from error
    return path


def temporary_in(folder: Path) -> Path:
    """A name for a file that is still being written; `remove_stale` finds what a killed process left."""
    return folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that is still being written, or was left behind."""
    return name.startswith(_PREFIX)


def check_folder(folder: Path, need_bytes: int) -> None:
    """Finds out before the work whether pictures can be saved here, by writing and removing an empty file.

    Raises SaveFailed when the folder is missing, can't be written or has fewer than `need_bytes` free.
    """
    probe = temporary_in(folder)
    try:
        _write(probe, b"")
        probe.unlink()
        free = shutil.disk_usage(folder).free
        remove_stale(folder)
    except OSError as error:
        raise explain(error, folder) from error
    if free < need_bytes:
        raise _full(folder)


def make_folder(folder: Path) -> None:
    """Makes the folder and those above it, where missing, durably. Raises SaveFailed."""
    try:
        missing = [path for path in (folder, *folder.parents) if not os.path.isdir(path)]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)
    except OSError as error:
        raise explain(error, folder) from error


def sync_file(path: Path) -> None:
    """Makes a finished file's contents durable."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def place_new(temporary: Path, folder: Path, stem: str, suffix: str) -> Path:
    """Gives a durable file its name, durably; it replaces nothing, as with `save_new`."""
    path = _place(temporary, folder, stem, suffix)
    sync_folder(folder)
    return path


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _place(temporary: Path, folder: Path, stem: str, suffix: str) -> Path:
    for name in _names(stem, suffix):
        with contextlib.suppress(FileExistsError):
            rename_new(temporary, folder / name)
            return folder / name
    raise AssertionError("the names never end")


def _names(stem: str, suffix: str) -> Iterator[str]:
    yield f"{stem}{suffix}"
    for number in itertools.count(2):
        yield f"{stem}-{number}{suffix}"


def rename_new(source: Path, target: Path) -> None:
    """Gives the file its name unless that is taken: then FileExistsError. Raises OSError."""
    if os.name == "nt":
        os.rename(source, target)
        return
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _rename_reserved(source, target)


def _rename_reserved(source: Path, target: Path) -> None:
    """For disks without hard links (FAT): a lock file keeps other Mezzotints off the name meanwhile."""
    lock = target.with_name(f"{_PREFIX}{target.stem}.lock")
    os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "taken", str(target))
        os.rename(source, target)
    finally:
        lock.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder durable. Windows has no such call, and some network disks refuse it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)


def remove_stale(folder: Path) -> None:
    """Removes what a killed process left in the folder a day ago or earlier."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()


def explain(error: OSError, folder: Path) -> SaveFailed:
    """What the system's error means for a person who wants a picture saved in this folder."""
    another = "Choose another folder."
    sentences: dict[int, tuple[str, str]] = {
        errno.EACCES: (f"Mezzotint is not allowed to write in {folder}.", another),
        errno.EPERM: (f"Mezzotint is not allowed to write in {folder}.", another),
        errno.EROFS: (f"The disk that holds {folder} is read-only.", another),
        errno.ENOENT: (f"There is no folder {folder}.", "Make it, or choose another."),
        errno.ENOTDIR: (f"{folder} can't be used as a folder, because a file is in the way.", another),
        errno.EEXIST: (f"{folder} can't be used as a folder, because a file is in the way.", another),
        errno.ENAMETOOLONG: ("The name to save the picture under is too long.", "Choose a shorter one."),
        errno.EIO: (
            f"The disk that holds {folder} failed while writing.",
            "Check the disk, or choose another.",
        ),
    }
    if error.errno == errno.ENOENT and os.path.isdir(folder):  # /proc and its kin
        return SaveFailed(f"Files can't be made in {folder}.", another)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _full(folder)
    other = (f"The picture can't be written in {folder}: {error.strerror or error}.", another)
    return SaveFailed(*sentences.get(error.errno or 0, other))


def _full(folder: Path) -> SaveFailed:
    return SaveFailed(f"The disk that holds {folder} is full.", "Free some space, or choose another folder.")
