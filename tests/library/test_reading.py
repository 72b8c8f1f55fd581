"""Files that somebody names as a picture."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from backends.core.contract import MAX_PICTURE_BYTES, UnreadablePicture
from desktop.library.reading import find_recorded, read_init_picture

PNG = b"\x89PNG\r\n\x1a\n and so on"


def test_bytes_and_what_a_record_keeps(tmp_path: Path):
    path = tmp_path / "start.png"
    path.write_bytes(PNG)
    data, init = read_init_picture(path)
    assert data == PNG
    assert (init.name, len(init.sha256)) == ("start.png", 64)
    assert find_recorded(init)[0] == PNG


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_folders_missing_files_and_other_things(tmp_path: Path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    with (tmp_path / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(MAX_PICTURE_BYTES + 1)
    os.mkfifo(tmp_path / "pipe")
    expected = {
        "": "is a folder", "none.png": "There is no picture", "empty.png": "is empty",
        "text.png": "not a PNG, JPEG or WebP", "large.png": "larger than 64 MB", "pipe": "not a file",
        "text.png/below": "can't be opened", "x" * 300: "can't be opened",
    }  # fmt: skip
    for name, words in expected.items():
        with pytest.raises(UnreadablePicture, match=words):
            read_init_picture(tmp_path / name)


def test_a_start_picture_that_changed_moved_or_is_elsewhere(tmp_path: Path):
    path = tmp_path / "start.png"
    path.write_bytes(PNG)
    _, init = read_init_picture(path)
    path.write_bytes(PNG + b"!")
    with pytest.raises(
        UnreadablePicture, match=r"changed since. Give it with --init; it was called start.png"
    ):
        find_recorded(init)
    path.unlink()
    with pytest.raises(UnreadablePicture, match="no longer there"):
        find_recorded(init)
    for path_text in ("", "//server/share/a.png", "\\\\server\\share\\a.png"):
        with pytest.raises(UnreadablePicture, match="not on this machine"):
            find_recorded(replace(init, path=path_text))
