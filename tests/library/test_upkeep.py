"""Versions, backups, checking, rebuilding, the queue, and several processes at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backends.core.contract import Job, MezzotintError, OutOfMemory
from desktop.library import backups, jobs, migrations
from desktop.library.check import check_library
from desktop.library.database import Library, create_library, database_path, open_library
from desktop.library.index import add_pictures, picture_record, read_picture_file, star_picture
from desktop.library.problems import LibraryDamaged, LibraryNewer, LibraryProblem
from desktop.library.prompts import find_prompts, remember_prompt
from desktop.library.rebuild import rebuild_library, swap
from desktop.library.restore import restore_library
from desktop.library.search import count_pictures, find_pictures, parse_query
from desktop.library.startup import open_at_start, put_right
from tests.library_pictures import RECORD, REQUEST, keep, save

VERSION_1 = Path(__file__).with_name("version_1.sql")


def old_database(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text())
    return path


def contents(library: Library) -> list[object]:
    pictures = [replace(picture, id=0) for picture in find_pictures(library)]
    return [sorted(pictures, key=lambda picture: picture.path), find_prompts(library), jobs.all_jobs(library)]


# --- Versions -----------------------------------------------------------------------------------


def test_a_database_of_version_1_becomes_the_present_one_after_a_backup(home: Path):
    path = old_database(database_path())
    with open_library() as library:
        assert [picture.prompt for picture in find_pictures(library, parse_query("pan"))] == ["a panda"]
        assert library.read("PRAGMA user_version") == [(migrations.VERSION,)]
        remember_prompt(library, REQUEST)
        assert not library.faults()
    (backup,) = backups.all_backups(path)
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT prompt FROM pictures").fetchall() == [("a panda",)]


def test_a_migration_that_fails_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch):
    path = old_database(database_path())
    monkeypatch.setattr(migrations, "SCRIPTS", (migrations.SCRIPTS[0], "CREATE TABLE prompts (id); nonsense"))
    with pytest.raises(LibraryProblem):
        open_library()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'prompts'").fetchall()


def test_a_newer_database_is_refused_untouched(home: Path):
    path = database_path()
    open_library().close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {migrations.VERSION + 1}")
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    for attempt in (open_library, rebuild_library):
        with pytest.raises(LibraryNewer, match="Install that version"):
            attempt()
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, beside)


@pytest.mark.parametrize("contents", [b"", b"no database at all" * 100, b"SQLite format 3\0"])
def test_what_is_no_database_offers_a_rebuild(home: Path, contents: bytes):
    with open_library() as library:
        keep(library, home / "pictures")
        library.back_up()
    database_path().write_bytes(contents)
    with pytest.raises(LibraryDamaged, match="mezzotint library rebuild"):
        open_library()
    assert rebuild_library().pictures == 1
    with open_library() as library:
        assert count_pictures(library) == 1


# --- Backups ------------------------------------------------------------------------------------


def test_one_backup_a_day_and_ten_are_kept(home: Path):
    open_at_start().close()
    (first,) = backups.all_backups(database_path())
    for day in range(10, 25):
        first.with_name(f"daily-2020-01-{day}-000000.db").write_bytes(b"")
    open_at_start().close()
    first.rename(first.with_name("daily-2020-02-01-000000.db"))
    open_at_start().close()
    names = sorted(path.name for path in backups.all_backups(database_path()))
    assert len(names) == 10
    assert names[0] == "daily-2020-01-17-000000.db"


def test_a_backup_is_a_whole_library(library: Library, home: Path):
    keep(library, home / "pictures")
    with open_library(library.back_up()) as copy:
        assert contents(copy) == contents(library)


def test_a_clock_that_was_set_back_does_not_cost_today_s_backup(home: Path):
    open_at_start().close()
    (first,) = backups.all_backups(database_path())
    for day in range(10, 25):
        first.with_name(f"daily-2999-01-{day}-000000.db").write_bytes(b"")
    today = first.rename(first.with_name("asked-2020-01-01-000000.db"))
    open_at_start().close()
    names = {path.name for path in backups.all_backups(database_path())} - {today.name}
    assert len(names) == 10
    assert any(name.startswith(f"daily-{date.today().isoformat()}") for name in names)


def test_a_backup_that_can_not_be_made_keeps_nobody_from_the_library(home: Path):
    save(home / "pictures")
    open_library().close()
    backups.backups_folder(database_path()).write_text("a file in the way")
    told: list[MezzotintError] = []
    with open_at_start(tell=told.append) as library:
        assert count_pictures(library) == 1
    assert put_right(tell=told.append) == 0
    assert ["backups" in reason.message for reason in told] == [True, True]


# --- Check and rebuild --------------------------------------------------------------------------


def test_check_finds_what_differs_and_changes_nothing(library: Library, home: Path, tmp_path: Path):
    pictures, drive = home / "pictures", tmp_path / "drive"
    drive.mkdir()
    keep(library, pictures, stem="sound")
    missing, changed = keep(library, pictures, stem="missing"), keep(library, pictures, stem="changed")
    keep(library, drive)
    unlisted = save(pictures, stem="unlisted")
    missing.unlink()
    changed.write_bytes(changed.read_bytes() + b"!")
    drive.rename(tmp_path / "unplugged")
    for _ in range(2):
        found = {(finding.kind, finding.path) for finding in check_library(library)}
        assert found == {
            ("missing", missing),
            ("changed", changed),
            ("unlisted", unlisted),
            ("not connected", drive),
        }


def test_a_rebuilt_library_is_the_same(home: Path, tmp_path: Path):
    drive, out = tmp_path / "drive", tmp_path / "out"
    with open_library() as library:
        for number, folder in enumerate((home / "pictures", home / "pictures" / "in", out, drive)):
            folder.mkdir(exist_ok=True)
            keep(library, folder, replace(RECORD, seed=number, prompt=f"number {number} 🐼"))
        star_picture(library, 1, True)
        star_picture(library, 4, True)
        remember_prompt(library, REQUEST)
        jobs.add_job(library, Job(request=replace(REQUEST, init_image=b"\x89PNG"), model_folder=home))
        drive.rename(tmp_path / "unplugged")
        before = contents(library)
        away = picture_record(library, 4)
    rebuilt = rebuild_library()
    with open_library() as library:
        assert contents(library) == before
        assert not library.faults()
        (picture,) = find_pictures(library, parse_query("seed:3"))
        assert picture_record(library, picture.id) == away
    assert rebuilt.pictures == 4
    assert rebuilt.kept is not None
    with open_library(rebuilt.kept) as library:
        assert contents(library) == before


@pytest.mark.parametrize("replace_it", [rebuild_library, restore_library])
def test_a_library_in_use_is_not_replaced(library: Library, home: Path, replace_it: Callable[[], object]):
    keep(library, home / "pictures")
    library.back_up()
    with pytest.raises(LibraryProblem, match="Close it"):
        replace_it()
    assert count_pictures(library) == 1
    keep(library, home / "pictures")


@pytest.mark.parametrize("replace_it", [rebuild_library, restore_library])
def test_a_folder_in_the_database_s_place_is_moved_away(home: Path, replace_it: Callable[[], object]):
    with open_library() as library:
        keep(library, home / "pictures")
        library.back_up()
    database_path().unlink()
    (database_path() / "somebody's").mkdir(parents=True)
    with pytest.raises(LibraryDamaged, match="library restore"):
        open_library()
    kept = replace_it().kept  # pyright: ignore[reportAttributeAccessIssue]
    assert (kept / "somebody's").is_dir()
    with open_library() as library:
        assert count_pictures(library) == 1


def test_a_new_database_that_can_not_be_put_in_place_leaves_the_old_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    with open_library() as library:
        keep(library, home / "pictures")
        path, log = library.path, library.path.with_name("library.db-wal")
        before, logged = path.read_bytes(), log.read_bytes()
    path.write_bytes(before)
    log.write_bytes(logged)
    names = sorted(path.parent.iterdir())
    fresh = path.with_name("fresh.db")
    monkeypatch.setattr("os.replace", refuse(fresh))
    with pytest.raises(PermissionError):
        swap(fresh, path)
    assert (path.read_bytes(), log.read_bytes()) == (before, logged)
    assert sorted(path.parent.iterdir()) == names


def refuse(source: Path) -> Callable[[Path, Path], None]:
    """os.replace, but not for this file."""
    really = os.replace

    def replace_others(old: Path, new: Path) -> None:
        if old == source:
            raise PermissionError
        really(old, new)

    return replace_others


@pytest.mark.parametrize("name", [b"\xff", 7, "panda " * 100, ""])
@pytest.mark.parametrize("place", ["pictures SET name", "folders SET path"])
def test_what_damage_made_of_a_name_stops_no_rebuild(home: Path, place: str, name: object):
    with open_library() as library:
        path = keep(library, home / "pictures")
        with library.write() as connection:
            connection.execute(f"UPDATE {place} = ?", (name,))
    with contextlib.suppress(LibraryDamaged):
        open_at_start().close()
    assert rebuild_library().pictures == 1
    with open_library() as library:
        assert [picture.path for picture in find_pictures(library)] == [path]


# --- The queue ----------------------------------------------------------------------------------


def test_the_queue_survives_with_the_unfinished_job_first(home: Path):
    def job(seed: int) -> Job:
        return Job(request=replace(REQUEST, seed=seed, count=3), model_folder=home, options={"a": "b"})

    with open_library() as library:
        first, second, third = (jobs.add_job(library, job(seed)) for seed in range(3))
        urgent = jobs.add_job(library, job(9), first=True)
        jobs.start_job(library, second)
        jobs.count_done(library, second, 2)
        jobs.fail_job(library, third, OutOfMemory("Too large.", "Try 384 x 384."))
    with open_library() as library:
        jobs.resume_jobs(library)
        queue = jobs.all_jobs(library)
        assert [queued.id for queued in queue] == [second, urgent, first, third]
        assert (queue[0].job, queue[0].done, queue[0].state) == (job(1), 2, "waiting")
        assert (queue[3].state, queue[3].problem) == ("failed", "Too large. Try 384 x 384.")
        jobs.order_jobs(library, [first, second, urgent])
        jobs.retry_job(library, third)
        jobs.remove_job(library, second)
        assert [queued.id for queued in jobs.all_jobs(library)] == [first, urgent, third]
        jobs.remove_waiting(library)
        assert jobs.all_jobs(library) == []


def test_one_bad_job_does_not_stop_the_rest(library: Library, home: Path):
    numbers = [jobs.add_job(library, Job(request=REQUEST, model_folder=home)) for _ in range(3)]
    with library.write() as connection:
        connection.execute("UPDATE jobs SET job = '{\"request\": {}}' WHERE id = ?", (numbers[1],))
    queue = {queued.id: queued for queued in jobs.all_jobs(library)}
    assert [queue[number].state for number in numbers] == ["waiting", "failed", "waiting"]
    assert "can't be read" in queue[numbers[1]].problem


# --- Several at once ----------------------------------------------------------------------------

PICTURES_EACH = 25


def save_many(folder: Path, seed: int) -> None:
    with open_library() as library:
        for number in range(PICTURES_EACH):
            keep(library, folder, replace(RECORD, seed=seed + number))
            remember_prompt(library, REQUEST)


def test_processes_that_write_at_once_lose_nothing(home: Path):
    """None of them finds a database: they make it at the same moment, too."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=save_many, args=(home / "pictures", 1000 * n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    with open_library() as library:
        assert not list(check_library(library))
        assert len({picture.seed for picture in find_pictures(library)}) == 3 * PICTURES_EACH
        assert find_prompts(library)[0].uses == 3 * PICTURES_EACH


def test_a_locked_database_says_so(library: Library, home: Path):
    with library.write(), open_library(busy_ms=10) as other, pytest.raises(LibraryProblem, match="Close it"):
        add_pictures(other, [read_picture_file(save(home / "pictures"))])


def test_making_it_twice_keeps_the_first(library: Library, home: Path):
    keep(library, home / "pictures")
    create_library(library.path)
    assert count_pictures(library) == 1
