"""Makes the database anew from the pictures' own metadata.

What no picture can tell (stars, ratings, tags and collections, the prompt history, the queue, pictures
on drives that are away) is taken from the old database as far as it can be read, and from the newest
backup. The old file is kept.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from desktop.library import backups, migrations, saving
from desktop.library.adopting import adopt_orphans
from desktop.library.database import (
    SIDE_FILES,
    Library,
    create_library,
    database_path,
    open_library,
    read_version,
)
from desktop.library.places import text_to_folder
from desktop.library.problems import LibraryDamaged, explained
from desktop.library.recovering import Marks, Source
from desktop.library.search import count_pictures
from desktop.library.sqlite import Connection, connect

_PICTURE = "name, sha256, bytes, created, prompt, negative_prompt, seed, model, width, height, starred"
_PROMPT = "prompt, negative_prompt, settings, uses, first_used, last_used, starred"
_JOB = "position, state, job, init_image, done, problem, added"


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What came of it: how many pictures are listed, and where the old database is kept, if there was one."""

    pictures: int
    kept: Path | None


def rebuild_library(path: Path | None = None) -> Rebuilt:
    """Replaces the database by one made from the pictures. Nobody else may have it open.

    Raises LibraryNewer for a newer version's, which stays as it is, or another LibraryProblem.
    """
    path = path or database_path()
    refuse_newer(path)
    saving.make_folder(path.parent)
    fresh = saving.temporary_in(path.parent)
    try:
        with explained(path):
            fresh.touch(exist_ok=False)  # so that what is wrong with the folder is said of this path
            create_library(fresh)
            pictures = _fill(fresh, path)
            return Rebuilt(pictures=pictures, kept=swap(fresh, path))
    finally:
        for end in ("", *SIDE_FILES):
            with contextlib.suppress(OSError):
                _beside(fresh, end).unlink(missing_ok=True)


def refuse_newer(path: Path) -> None:
    """Raises LibraryNewer for a database that a later version made; whatever else is wrong with it passes."""
    with contextlib.suppress(LibraryDamaged, apsw.Error):
        migrations.check_version(*read_version(path), path)


def _fill(fresh: Path, path: Path) -> int:
    with open_library(fresh) as library:
        marks = _recover(library, path)
        adopt_orphans(library)
        with library.write() as connection:
            marks.write(connection)
        return count_pictures(library)


# --- What the old database can still tell -------------------------------------------------------


def _recover(library: Library, path: Path) -> Marks:
    """From the old database, and when that isn't whole, from the newest backup that is, too."""
    marks = Marks()
    for source in (path, *backups.all_backups(path)):
        if os.path.exists(source) and _recover_from(source, library, marks, in_use=source == path):
            break
    return marks


def _recover_from(source: Path, library: Library, marks: Marks, *, in_use: bool) -> bool:
    """Copies what can be read, and says whether that was everything."""
    try:
        with contextlib.closing(connect(source)) as connection:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            old = Source(connection)
            if old.is_sound() and in_use:
                _close_log(connection)
            with library.write() as new:
                marks.read(old)
                _copy_pictures(old, new, marks)
                _copy_rows(old, new, "prompts", _PROMPT)
                _copy_rows(old, new, "jobs", _JOB)
        return old.whole
    except (apsw.BusyError, apsw.LockedError):
        raise
    except apsw.Error:
        return False


def refuse_in_use(path: Path) -> None:
    """Raises LibraryProblem while anybody else has a database open that is sound."""
    unusable = contextlib.suppress(apsw.CantOpenError, apsw.NotADBError, apsw.CorruptError)
    with explained(path), unusable, contextlib.closing(connect(path)) as connection:
        if Source(connection).is_sound():
            _close_log(connection)


def _close_log(connection: Connection) -> None:
    """Takes what is in the log into the database. Fails while anybody else has it open."""
    connection.pragma("journal_mode", "delete")


def _copy_pictures(old: Source, new: Connection, marks: Marks) -> None:
    """Rows of pictures whose folder is away; of the others only their folder."""
    for (folder,) in old.rows("SELECT path FROM folders"):
        if _is_place(folder):
            new.execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", (folder,))
    sql = (
        f"SELECT f.path, r.record, {_PICTURE} FROM pictures p JOIN folders f ON f.id = p.folder_id"
        " LEFT JOIN recipes r ON r.picture_id = p.id"
    )
    for folder, record, *values in old.rows(sql):
        if not _is_place(folder) or (folder, values[0]) in marks.deleted:
            continue
        if not os.path.isdir(text_to_folder(folder)):
            _copy_picture(new, folder, record, values)


def _is_place(text: object) -> bool:
    """Whether damage has left a folder's text as we write them."""
    return isinstance(text, str) and "\0" not in text and text_to_folder(text).is_absolute()


def _copy_picture(new: Connection, folder: str, record: str | None, values: list[Any]) -> None:
    added = list(
        new.execute(
            f"INSERT OR IGNORE INTO pictures (folder_id, {_PICTURE})"
            f" SELECT id{', ?' * len(values)} FROM folders WHERE path = ? RETURNING id",
            (*values, folder),
        )
    )
    for (number,) in added:
        new.execute("INSERT OR IGNORE INTO recipes VALUES (?, ?)", (number, record))


def _copy_rows(old: Source, new: Connection, table: str, columns: str) -> None:
    marks = ", ".join("?" for _ in columns.split(","))
    for row in old.rows(f"SELECT {columns} FROM {table}"):
        new.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", row)


# --- The new one in its place -------------------------------------------------------------------


def swap(fresh: Path, path: Path) -> Path | None:
    """Keeps the old file under another name and puts the new one in its place, at one stroke.

    The old one's log goes first: it must never be taken for the new one's. It comes back when the new one
    can't be put there. Raises OSError.
    """
    kept = _free_name(path) if os.path.lexists(path) else None
    if kept is None:
        _remove_logs(path)
        os.replace(fresh, path)
    else:
        try:
            _keep(path, kept)
            os.replace(fresh, path)
        except OSError:
            _undo(path, kept)
            raise
    saving.sync_folder(path.parent)
    return kept


def _keep(path: Path, kept: Path) -> None:
    if os.path.isdir(path):  # somebody's folder in the database's place
        os.rename(path, kept)
        return
    _copy_or_link(path, kept)
    with contextlib.suppress(FileNotFoundError):
        os.replace(_beside(path, "-wal"), _beside(kept, "-wal"))
    _remove_logs(path)


def _undo(path: Path, kept: Path) -> None:
    with contextlib.suppress(OSError):
        os.replace(_beside(kept, "-wal"), _beside(path, "-wal"))
    with contextlib.suppress(OSError):
        if os.path.isdir(kept):
            os.rename(kept, path)
        else:
            kept.unlink(missing_ok=True)


def _remove_logs(path: Path) -> None:
    for end in SIDE_FILES:
        _beside(path, end).unlink(missing_ok=True)


def _copy_or_link(path: Path, kept: Path) -> None:
    try:
        os.link(path, kept)
    except OSError:
        shutil.copy2(path, kept)


def _free_name(path: Path) -> Path:
    stem = f"{path.stem}-before-{datetime.datetime.now():%Y-%m-%d-%H%M%S}"
    names = (f"{stem}{end}.db" for end in ("", *(f"-{number}" for number in range(2, 1000))))
    return next(path.with_name(name) for name in names if not os.path.exists(path.with_name(name)))


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)
