"""The library through its doors: rows, search, prompts, versions."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desktop.library import adopting
from desktop.library.adopting import adopt_orphans
from desktop.library.database import Library, open_library
from desktop.library.index import add_pictures, picture_record, read_picture_file, star_picture
from desktop.library.prompts import find_prompts, remember_prompt, star_prompt
from desktop.library.search import count_pictures, find_pictures, parse_query
from tests.library_pictures import RECORD, REQUEST, keep, save


def found(library: Library, text: str = "") -> list[int | None]:
    return [picture.seed for picture in find_pictures(library, parse_query(text))]


def test_a_saved_picture_is_listed_with_its_recipe(library: Library, home: Path):
    path = keep(library, home / "pictures")
    (picture,) = find_pictures(library)
    assert (picture.path, picture.prompt, picture.seed, picture.model) == (path, RECORD.prompt, 1, "starter")
    assert picture.sha256 == read_picture_file(path).sha256
    assert picture_record(library, picture.id) == RECORD


def test_a_home_that_moved_still_finds_its_pictures(home: Path, monkeypatch: pytest.MonkeyPatch):
    with open_library() as library:
        keep(library, home / "pictures")
    moved = home.rename(home.parent / "elsewhere")
    monkeypatch.setenv("MEZZOTINT_HOME", str(moved))
    with open_library() as library:
        (picture,) = find_pictures(library)
    assert picture.path.is_relative_to(moved)
    assert picture.path.is_file()


@pytest.mark.parametrize(
    "name",
    ["plain", "панда 🐼", "quote's \"", pytest.param(b"bytes-\xff\xfe".decode("utf-8", "surrogateescape"))],
)
def test_any_file_name_comes_back(library: Library, home: Path, name: str):
    folder = home / "pictures" / name
    folder.mkdir()
    path = save(folder, stem=name)
    add_pictures(library, [read_picture_file(path)])
    assert [picture.path for picture in find_pictures(library)] == [path]


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("a panda eating tacos", "pan tac"),
        ("a panda eating tacos", '"eating tacos"'),
        ("a panda eating tacos", "PANDA model:start seed:1 after:2026-11-22 before:2026-12 star:no"),
        ("❤️ love 🐼🌮", "🐼"),
        ("❤️ love", "❤"),
        ("大熊猫吃玉米", "熊猫"),
        ("crème brûlée", "creme"),
        ('x AND "y" (OR) NEAR', 'x AND "y'),
        ("a*b ^c {d} -e col:f", "col:f ^c {d} -e a*b"),
        ("null \0 inside", "inside"),
    ],
)
def test_search_finds(library: Library, home: Path, prompt: str, asked: str):
    keep(library, home / "pictures", replace(RECORD, prompt=prompt))
    keep(library, home / "pictures", replace(RECORD, prompt="another", seed=2, created="2024-01-01T00:00:00"))
    assert found(library, asked) == [1]


ODD = ['"', "(", "NEAR(", "***", "-", "seed:x", "before:13-13", "star:maybe", ":", "\0", 'a"b"c', "model:"]


@pytest.mark.parametrize("text", [*ODD, "seed:99999999999999999999", "\ud800", "x " * 500])
def test_no_text_breaks_the_search(library: Library, home: Path, text: str):
    keep(library, home / "pictures")
    found(library, text)
    find_prompts(library, text)


def test_the_newest_comes_first_over_many_pages(library: Library, home: Path):
    file = read_picture_file(save(home / "pictures"))
    days = [f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00" for number in range(1200)]
    add_pictures(
        library,
        [
            replace(file, path=home / f"{n}.png", record=replace(RECORD, seed=n, created=day))
            for n, day in enumerate(days)
        ],
    )
    assert found(library) == list(range(1199, -1, -1))
    assert count_pictures(library, parse_query("seed:7")) == 1


def test_stars(library: Library, home: Path):
    keep(library, home / "pictures")
    star_picture(library, next(iter(find_pictures(library))).id, True)
    assert (found(library, "star:"), found(library, "star:no")) == ([1], [])


def test_orphans_are_adopted_and_strangers_left_alone(library: Library, home: Path):
    pictures = home / "pictures"
    (pictures / "deeper").mkdir()
    for folder in (pictures, pictures / "deeper"):
        save(folder)
    (pictures / "not one.png").write_bytes(b"no picture")
    assert adopt_orphans(library) == 2
    assert adopt_orphans(library) == 0
    assert count_pictures(library) == 2


def test_an_unchanged_folder_is_not_listed(library: Library, home: Path, monkeypatch: pytest.MonkeyPatch):
    deeper = home / "pictures" / "deeper"
    deeper.mkdir()
    for folder in (deeper, deeper.parent):
        os.utime(folder, (1e9, 1e9))
    assert adopt_orphans(library) == 0
    with monkeypatch.context() as patched:
        patched.setattr(adopting, "picture_names", pytest.fail)
        assert adopt_orphans(library) == 0
    save(deeper)
    assert adopt_orphans(library) == 1


def test_a_missing_drive_deletes_nothing(library: Library, home: Path, tmp_path: Path):
    drive = tmp_path / "drive"
    drive.mkdir()
    keep(library, drive)
    drive.rename(tmp_path / "unplugged")
    adopt_orphans(library)
    assert found(library) == [1]


def test_prompts_are_counted_and_outlive_their_pictures(library: Library):
    for day in (1, 2):
        remember_prompt(library, REQUEST, datetime(2026, 1, day, tzinfo=UTC))
    remember_prompt(library, replace(REQUEST, prompt="something else", steps=9))
    (used,) = find_prompts(library, "pan rain")
    assert (used.uses, used.first_used[:10], used.last_used[:10]) == (2, "2026-01-01", "2026-01-02")
    assert used.settings["sampler"] == "euler"
    assert [prompt.prompt for prompt in find_prompts(library)] == ["something else", "a panda"]
    star_prompt(library, used.id, True)
    assert [prompt.prompt for prompt in find_prompts(library, starred=True)] == ["a panda"]
