"""Thumbnails as the window gets them: from the cache, from the child process, and when a drive is away."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from backends.core.contract import MezzotintError, UnreadablePicture
from desktop.darkroom import Darkroom, Thumbnail
from desktop.last_first import LastFirst
from desktop.library.database import open_library
from desktop.library.index import LibraryPicture
from desktop.library.search import find_pictures
from desktop.library.thumbnails import thumbnail_path
from desktop.press import Press
from tests.library_pictures import keep


@pytest.fixture
def darkroom(home: Path) -> Iterator[Darkroom]:
    darkroom = Darkroom()
    yield darkroom
    darkroom.close()


def one_picture(folder: Path) -> LibraryPicture:
    folder.mkdir(parents=True, exist_ok=True)
    with open_library() as library:
        keep(library, folder)
        return next(find_pictures(library))


def wait_for(qtbot: QtBot, darkroom: Darkroom, picture: LibraryPicture) -> Thumbnail:
    def there() -> Thumbnail | None:
        return darkroom.thumbnail(picture, 100)

    qtbot.waitUntil(lambda: there() is not None, timeout=20_000)
    thumbnail = there()
    assert thumbnail is not None
    return thumbnail


def test_a_thumbnail_comes_and_is_kept_on_disk(qtbot: QtBot, darkroom: Darkroom, home: Path) -> None:
    picture = one_picture(home / "pictures")
    thumbnail = wait_for(qtbot, darkroom, picture)
    assert thumbnail.whereabouts == "here"
    assert thumbnail.pixmap is not None
    assert thumbnail.pixmap.width() == 8
    assert thumbnail_path(picture.sha256).exists()


def test_a_drive_that_is_away_comes_back(
    qtbot: QtBot, darkroom: Darkroom, home: Path, tmp_path: Path
) -> None:
    picture = one_picture(tmp_path / "drive")
    wait_for(qtbot, darkroom, picture)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    with qtbot.waitSignal(darkroom.developed):
        darkroom.look_for_folders()
    away = wait_for(qtbot, darkroom, picture)
    assert away.whereabouts == "away"
    assert away.pixmap is not None  # from the cache
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    with qtbot.waitSignal(darkroom.developed):
        darkroom.look_for_folders()
    assert wait_for(qtbot, darkroom, picture).whereabouts == "here"


def test_what_can_not_be_shown_says_why(qtbot: QtBot, darkroom: Darkroom, home: Path) -> None:
    picture = one_picture(home / "pictures")
    picture.path.write_bytes(b"spoilt")
    assert wait_for(qtbot, darkroom, picture) == Thumbnail(None, "damaged")


def test_a_missing_file(qtbot: QtBot, darkroom: Darkroom, home: Path) -> None:
    picture = one_picture(home / "pictures")
    picture.path.unlink()
    assert wait_for(qtbot, darkroom, picture) == Thumbnail(None, "missing")


def test_a_whole_picture(qtbot: QtBot, darkroom: Darkroom, home: Path) -> None:
    picture = one_picture(home / "pictures")
    sizes: list[tuple[int, int]] = []
    problems: list[MezzotintError] = []
    darkroom.develop(picture.path, 500, lambda image: sizes.append((image.width(), image.height())), print)
    darkroom.develop(home / "none.png", 500, print, problems.append)
    qtbot.waitUntil(lambda: bool(sizes and problems), timeout=20_000)
    assert sizes == [(8, 8)]


def die() -> None:
    os._exit(3)


def test_a_picture_that_kills_the_child_is_unreadable_and_the_next_is_not() -> None:
    press = Press()
    with pytest.raises(UnreadablePicture):
        press.submit(die).result(timeout=120)
    assert press.submit(len, "abc").result(timeout=120) == 3
    press.close()
    assert press.submit(len, "abc").cancelled()


def test_the_last_wish_comes_first() -> None:
    done: list[int] = []
    queue = LastFirst[int](done.append, "test")
    with queue._change:  # pyright: ignore[reportPrivateUsage]  the thread waits meanwhile
        for number in (1, 2, 3, 1):
            queue.put(number)
    while len(done) < 3:
        time.sleep(0.001)
    queue.close()
    assert done == [1, 3, 2]
