"""Stars, ratings, tags, collections; deleting; folders that move; restoring a backup."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from desktop.library import marks, trash
from desktop.library.adopting import adopt_orphans
from desktop.library.check import check_library
from desktop.library.database import Library, database_path, open_library
from desktop.library.index import LibraryPicture, star_picture
from desktop.library.moved import NotThere, find_moved, move_folder
from desktop.library.rebuild import rebuild_library
from desktop.library.restore import restore_library
from desktop.library.search import (
    ORDERS,
    count_pictures,
    find_numbers,
    find_pictures,
    parse_query,
    pictures_by_number,
)
from desktop.library.startup import put_right
from tests.library_pictures import RECORD, keep, save


def fill(library: Library, folder: Path, count: int = 4) -> list[int]:
    """Pictures number 1 to `count`, a day apart; their ids, the oldest first."""
    for number in range(1, count + 1):
        created = f"2026-11-{number:02}T10:00:00+00:00"
        keep(
            library,
            folder,
            replace(RECORD, seed=number, prompt=f"number {number}", created=created),
            f"p{number}",
        )
    return list(find_numbers(library, order="oldest"))


def seeds(library: Library, text: str = "") -> list[int | None]:
    return [picture.seed for picture in find_pictures(library, parse_query(text))]


def test_ratings_tags_and_collections_are_found(library: Library, home: Path):
    one, two, three, four = fill(library, home / "pictures")
    marks.rate_pictures(library, [two, three], 4)
    marks.rate_pictures(library, [four], 9)
    marks.star_pictures(library, [one, two], True)
    marks.add_label(library, "tag", "Sea", [one, three])
    marks.add_label(library, "tag", "night sky", [three])
    marks.add_label(library, "collection", "  My\nbest ", [one, two])
    marks.add_label(library, "collection", "Empty")
    assert seeds(library, "rating:4") == [4, 3, 2]
    assert seeds(library, "star:") == [2, 1]
    assert seeds(library, "tag:sea") == [3, 1]
    assert seeds(library, 'tag:sea tag:"night sky"') == [3]
    assert seeds(library, 'in:"My best" number') == [2, 1]
    assert seeds(library, "in:nothing") == []
    assert marks.labels_of(library, three, "tag") == ("night sky", "Sea")
    assert marks.all_labels(library, "collection") == [marks.Label("Empty", 0), marks.Label("My best", 2)]
    assert [picture.rating for picture in find_pictures(library)] == [5, 4, 4, 0]


def test_labels_can_be_taken_away_and_renamed(library: Library, home: Path):
    one, two, three, _ = fill(library, home / "pictures")
    marks.add_label(library, "tag", "sea", [one, two])
    marks.add_label(library, "tag", "Ocean", [two, three])
    marks.rename_label(library, "tag", "sea", "ocean")
    assert marks.all_labels(library, "tag") == [marks.Label("Ocean", 3)]
    marks.rename_label(library, "tag", "OCEAN", "ocean")
    marks.remove_label(library, "tag", "Ocean", [one])
    assert marks.all_labels(library, "tag") == [marks.Label("ocean", 2)]
    marks.remove_label(library, "tag", "ocean", [two, three])
    assert marks.all_labels(library, "tag") == []
    marks.add_label(library, "collection", "Kept", [one])
    marks.remove_label(library, "collection", "Kept", [one])
    assert marks.all_labels(library, "collection") == [marks.Label("Kept", 0)]
    marks.delete_label(library, "collection", "kept")
    assert marks.all_labels(library, "collection") == []
    marks.add_label(library, "tag", " \n ", [one])
    assert marks.all_labels(library, "tag") == []


def test_orders(library: Library, home: Path):
    numbers = fill(library, home / "pictures")
    marks.rate_pictures(library, [numbers[1]], 2)
    by_order = {order: [n - numbers[0] for n in find_numbers(library, order=order)] for order in ORDERS}
    assert by_order == {
        "newest": [3, 2, 1, 0], "oldest": [0, 1, 2, 3], "rating": [1, 3, 2, 0],
        "name": [0, 1, 2, 3], "prompt": [0, 1, 2, 3],
    }  # fmt: skip
    chosen = pictures_by_number(library, [numbers[2], 999, numbers[0]])
    assert [picture.seed for picture in chosen] == [3, 1]


def test_upkeep_leaves_what_is_deleted_meanwhile(library: Library, home: Path) -> None:
    """Its file is still there, so that deleting can be undone."""
    one, *_ = fill(library, home / "pictures")
    adopt_orphans(library)
    trash.mark_deleted(library, [one])
    assert adopt_orphans(library, since="2020-01-01T00:00:00+00:00") == 0
    assert len(seeds(library)) == 3
    assert adopt_orphans(library, since="2999-01-01T00:00:00+00:00") == 1


def test_what_is_deleted_is_hidden_until_its_file_comes_back(library: Library, home: Path, tmp_path: Path):
    one, two, *_ = fill(library, home / "pictures")
    adopt_orphans(library)
    marks.star_pictures(library, [one, two], True)
    marks.add_label(library, "collection", "Best", [one])
    trash.mark_deleted(library, [one, two])
    assert (seeds(library), count_pictures(library)) == ([4, 3], 2)
    assert marks.all_labels(library, "collection") == [marks.Label("Best", 0)]
    (home / "pictures" / "p1.png").rename(tmp_path / "trashed.png")
    (home / "pictures" / "p2.png").unlink()
    assert adopt_orphans(library) == 0
    assert not list(check_library(library))
    (tmp_path / "trashed.png").rename(home / "pictures" / "p1.png")
    assert adopt_orphans(library) == 1
    assert seeds(library, "star: in:Best") == [1]
    trash.bring_back(library, [two])
    assert seeds(library) == [4, 3, 2, 1]


def test_a_new_picture_under_a_deleted_ones_name_has_no_star(library: Library, home: Path):
    (one,) = fill(library, home / "pictures", 1)
    star_picture(library, one, True)
    trash.mark_deleted(library, [one])
    (home / "pictures" / "p1.png").unlink()
    keep(library, home / "pictures", replace(RECORD, prompt="another"), "p1")
    (picture,) = find_pictures(library)
    assert (picture.prompt, picture.starred) == ("another", False)


def test_the_trash_gets_the_files(home: Path, monkeypatch: pytest.MonkeyPatch):
    sent: list[Path] = []

    def send(path: Path) -> None:
        if path.stem == "stuck":
            raise PermissionError
        if not path.exists():
            raise FileNotFoundError
        sent.append(path)
        path.unlink()

    monkeypatch.setattr("send2trash.send2trash", send)
    fine, stuck = save(home, stem="fine"), save(home, stem="stuck")
    assert trash.move_to_trash([fine, stuck, home / "gone.png"]) == [stuck]
    assert sent == [fine]


def test_rows_of_the_deleted_go_after_a_while(library: Library, home: Path):
    one, *_ = fill(library, home / "pictures")
    trash.mark_deleted(library, [one])
    trash.forget_deleted(library)
    assert library.read("SELECT count(*) FROM pictures") == [(4,)]
    trash.forget_deleted(library, datetime.now(UTC) + timedelta(days=61))
    assert library.read("SELECT count(*) FROM pictures") == [(3,)]


def marked(library: Library) -> list[tuple[LibraryPicture, tuple[str, ...], tuple[str, ...]]]:
    found = [
        (
            replace(p, id=0),
            marks.labels_of(library, p.id, "tag"),
            marks.labels_of(library, p.id, "collection"),
        )
        for p in find_pictures(library)
    ]
    return sorted(found, key=lambda each: each[0].path)


def test_marks_survive_a_rebuild_also_of_pictures_that_are_away(home: Path, tmp_path: Path):
    drive = tmp_path / "drive"
    drive.mkdir()
    with open_library() as library:
        one, two, three, four = fill(library, home / "pictures")
        keep(library, drive, replace(RECORD, seed=5), "away")
        keep(library, drive, replace(RECORD, seed=6), "away and deleted")
        five, six = find_numbers(library, parse_query("panda"), "oldest")
        marks.star_pictures(library, [one, five], True)
        marks.rate_pictures(library, [two, five], 3)
        marks.add_label(library, "tag", "sea", [three, five])
        marks.add_label(library, "collection", "Best", [four, five])
        marks.add_label(library, "collection", "Empty")
        trash.mark_deleted(library, [six])
        drive.rename(tmp_path / "unplugged")
        before = marked(library), marks.all_labels(library, "collection")
    rebuild_library()
    with open_library() as library:
        assert (marked(library), marks.all_labels(library, "collection")) == before
        assert not library.faults()


def test_a_database_of_version_2_is_rebuilt_with_its_stars(home: Path):
    from tests.library.test_upkeep import old_database

    old_database(database_path())
    with closing(sqlite3.connect(database_path())) as connection:
        connection.execute("UPDATE pictures SET starred = 1")
        connection.commit()
        ((name,),) = connection.execute("SELECT name FROM pictures").fetchall()
    save(home / "pictures", replace(RECORD, prompt="here"), Path(name).stem)
    rebuild_library()
    with open_library() as library:
        assert [(picture.prompt, picture.starred) for picture in find_pictures(library)] == [("here", True)]


def test_a_folder_that_moved_nearby_is_found_again(library: Library, home: Path, tmp_path: Path):
    old = tmp_path / "disk" / "prints"
    old.mkdir(parents=True)
    (tmp_path / "disk" / "other").mkdir()
    fill(library, old)
    marks.star_pictures(library, [1, 2], True)
    new = tmp_path / "disk" / "archive" / "prints of 2026"
    new.parent.mkdir()
    old.rename(new)
    assert put_right() == 4
    assert {picture.path.parent for picture in find_pictures(library)} == {new}
    assert seeds(library, "star:") == [2, 1]
    assert put_right() == 0


def test_a_drive_that_is_away_is_left_alone(library: Library, home: Path, tmp_path: Path):
    folder = tmp_path / "drive" / "prints"
    folder.mkdir(parents=True)
    fill(library, folder)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    assert find_moved(library) == 0
    assert {picture.path.parent for picture in find_pictures(library)} == {folder}


def test_somebody_says_where_a_folder_is_now(library: Library, home: Path, tmp_path: Path):
    folder = tmp_path / "drive" / "prints"
    folder.mkdir(parents=True)
    fill(library, folder)
    (tmp_path / "drive").rename(tmp_path / "moved")
    with pytest.raises(NotThere, match="Choose the folder"):
        move_folder(library, folder, home)
    assert move_folder(library, folder, tmp_path / "moved" / "prints") == 4
    assert all(picture.path.exists() for picture in find_pictures(library))


def test_a_backup_is_restored_and_what_was_made_since_is_adopted(home: Path):
    with open_library() as library:
        one, *_ = fill(library, home / "pictures")
        marks.star_pictures(library, [one], True)
        library.back_up()
        keep(library, home / "pictures", replace(RECORD, seed=9), "later")
    database_path().write_bytes(b"spoilt" * 1000)
    restored = restore_library()
    with open_library() as library:
        assert seeds(library) == [9, 4, 3, 2, 1]
        assert seeds(library, "star:") == [1]
        assert not library.faults()
        assert library.read("PRAGMA journal_mode") == [("wal",)]
    assert restored.day == datetime.now().date().isoformat()
    assert restored.kept is not None
    assert restored.kept.read_bytes().startswith(b"spoilt")
