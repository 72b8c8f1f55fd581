"""`mezzotint library`, and what `generate` tells it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from desktop.library.database import database_path, open_library
from desktop.library.prompts import find_prompts
from tests.desktop.cli_runner import Mezzotint


def test_generated_pictures_are_listed(mezzotint: Mezzotint, tmp_path: Path):
    made = mezzotint("generate", "a panda", "--count", "2", "--json").lines
    made += mezzotint("generate", "a fox", "--out", str(tmp_path / "elsewhere"), "--json").lines
    listed = mezzotint("library", "list", "--json").lines
    kept = ("path", "sha256", "prompt", "seed", "model")
    assert sorted([line[name] for name in kept] for line in listed) == sorted(
        [line[name] for name in kept] for line in made
    )
    assert [line["prompt"] for line in mezzotint("library", "list", "fox model:tiny", "--json").lines] == [
        "a fox"
    ]
    assert "elsewhere" in mezzotint("library", "list", "fox").out
    with open_library() as library:
        assert [prompt.prompt for prompt in find_prompts(library)] == ["a fox", "a panda"]


def test_the_row_is_there_before_the_line(mezzotint: Mezzotint, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []

    def look(self: object, saved: object) -> None:
        with open_library() as library:
            seen.append(library.read("SELECT count(*) FROM pictures")[0][0])

    monkeypatch.setattr("desktop.cli.show.JsonOutput.picture", look)
    mezzotint("generate", "x", "--count", "3", "--json")
    assert seen == [1, 2, 3]


def test_an_empty_library_says_what_to_do(mezzotint: Mezzotint):
    ran = mezzotint("library", "list")
    assert (ran.code, ran.out, ran.err) == (0, "", "The library is empty. Make a picture first.\n")
    assert mezzotint("library", "list", "--json").err == ""


def test_check_backup_and_rebuild(mezzotint: Mezzotint, home: Path):
    (made,) = mezzotint("generate", "x", "--json").lines
    assert "The library is sound" in mezzotint("library", "check").out
    assert Path(json.loads(mezzotint("library", "backup", "--json").out)["path"]).is_file()
    assert json.loads(mezzotint("library", "rebuild", "--json").out)["pictures"] == 1
    Path(made["path"]).unlink()
    ran = mezzotint("library", "check", "--json")
    assert (ran.code, ran.lines[0]["kind"], ran.lines[0]["path"]) == (1, "missing", made["path"])
    mezzotint("library", "rebuild")
    assert mezzotint("library", "check").code == 0


def test_going_back_to_a_backup(mezzotint: Mezzotint):
    assert mezzotint("library", "restore").code == 1
    mezzotint("generate", "x")
    mezzotint("library", "backup")
    later = mezzotint("generate", "y", "--json").lines[0]["path"]
    damaged()
    assert "`mezzotint library restore`" in mezzotint("library", "list").err
    restored = json.loads(mezzotint("library", "restore", "--json").out)
    assert (restored["day"], Path(restored["kept"]).is_file()) == (date.today().isoformat(), True)
    listed = mezzotint("library", "list", "--json").lines
    assert len(listed) == 2
    assert later in {line["path"] for line in listed}
    assert mezzotint("library", "check").code == 0


def damaged() -> None:
    database_path().write_bytes(b"nothing of a database" * 1000)


def newer() -> None:
    with open_library() as library, library.write() as connection:
        connection.pragma("user_version", 99)


def a_folder() -> None:
    database_path().unlink()
    database_path().mkdir()


def in_the_way() -> None:
    database_path().parent.rename(database_path().parent.with_name("away"))
    database_path().parent.write_text("a file")


@pytest.mark.parametrize("spoil", [damaged, newer, a_folder, in_the_way], ids=lambda spoil: spoil.__name__)
def test_no_trouble_with_the_database_stops_a_picture(mezzotint: Mezzotint, spoil: object):
    assert callable(spoil)
    open_library().close()
    spoil()
    ran = mezzotint("generate", "x", "--count", "2", "--json")
    assert (ran.code, len(ran.lines)) == (0, 2)
    assert all(Path(line["path"]).is_file() for line in ran.lines)
    assert ran.err.startswith("Note: Pictures are saved, but not listed in the library:")
    assert (ran.err.count("\n"), ran.err[-2:]) == (1, ".\n")
    listed = mezzotint("library", "list")
    assert (listed.code, listed.err.count("\n")) == (1, 1)


def test_after_a_rebuild_the_pictures_are_listed(mezzotint: Mezzotint):
    open_library().close()
    damaged()
    made = mezzotint("generate", "x", "--count", "2", "--json").lines
    assert mezzotint("library", "rebuild").code == 0
    listed = mezzotint("library", "list", "--json").lines
    assert {line["path"] for line in listed} == {line["path"] for line in made}


@pytest.mark.parametrize("words", [["library"], ["library", "lists"], ["library", "list", "a", "b"]], ids=str)
def test_what_cannot_be_understood_exits_with_2(mezzotint: Mezzotint, words: list[str]):
    ran = mezzotint(*words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
