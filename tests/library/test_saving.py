"""A picture is on disk whole, under a name nobody had, or not at all."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backends.core.contract import SaveFailed
from desktop.library import saving

DATA = b"0123456789" * 1000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_saves_under_the_name_asked_for(tmp_path: Path):
    path = saving.save_new(DATA, tmp_path, "cat")
    assert (path, path.read_bytes()) == (tmp_path / "cat.png", DATA)
    assert names(tmp_path) == ["cat.png"]


def test_never_overwrites(tmp_path: Path):
    (tmp_path / "cat.png").write_bytes(b"mine")
    os.symlink("nowhere", tmp_path / "cat-2.png")
    assert saving.save_new(DATA, tmp_path, "cat").name == "cat-3.png"
    assert saving.save_new(DATA, tmp_path, "cat").name == "cat-4.png"
    assert (tmp_path / "cat.png").read_bytes() == b"mine"


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_many_at_once_get_a_name_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool):
    if not links:
        monkeypatch.setattr(os, "link", raise_error(errno.EPERM))
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda i: (i, saving.save_new(b"%d" % i, tmp_path, "cat")), range(40)))
    assert len({path for _, path in paths}) == 40
    assert all(path.read_bytes() == b"%d" % i for i, path in paths)
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def raise_error(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "failed while writing"),
        (errno.EACCES, "not allowed"),
        (errno.EINVAL, "can't be written"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "open"])
def test_failures_are_sentences_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
):
    monkeypatch.setattr(os, call, raise_error(number))
    with pytest.raises(SaveFailed, match=words) as caught:
        saving.save_new(DATA, tmp_path, "cat")
    monkeypatch.undo()
    assert caught.value.action.endswith(".")
    assert names(tmp_path) == []


def test_a_folder_that_is_missing_or_a_file(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for folder, words in [(tmp_path / "none", "no folder"), (tmp_path / "file", "file is in the way")]:
        with pytest.raises(SaveFailed, match=words):
            saving.save_new(DATA, folder, "cat")
        with pytest.raises(SaveFailed, match=words):
            saving.check_folder(folder, 0)
    with pytest.raises(SaveFailed, match="file is in the way"):
        saving.make_folder(tmp_path / "file" / "below")


def test_a_name_that_is_too_long(tmp_path: Path):
    with pytest.raises(SaveFailed, match="too long"):
        saving.save_new(DATA, tmp_path, "x" * 300)
    assert names(tmp_path) == []


def test_checking_a_folder_leaves_nothing_and_wants_room(tmp_path: Path):
    saving.check_folder(tmp_path, 1)
    assert names(tmp_path) == []
    with pytest.raises(SaveFailed, match="is full"):
        saving.check_folder(tmp_path, 2**62)


def test_old_leftovers_are_removed_and_fresh_ones_kept(tmp_path: Path):
    old, fresh = tmp_path / ".mezzotint-old.tmp", tmp_path / ".mezzotint-new.tmp"
    for path in (old, fresh):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    saving.check_folder(tmp_path, 0)
    assert names(tmp_path) == [fresh.name]


@pytest.mark.skipif(sys.platform == "win32", reason="needs file size limits")
def test_a_write_that_really_fails_half_way(tmp_path: Path):
    result = run_child(
        """
        import resource
        from backends.core.contract import SaveFailed
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        try:
            saving.save_new(DATA, folder, "cat")
        except SaveFailed as error:
            print(error)
        """,
        tmp_path,
    )
    assert "is full" in result.stdout
    assert names(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path):
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", tmp_path], capture_output=True
    ).returncode:
        pytest.skip("no disk could be mounted")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk(small_disk: Path):
    with pytest.raises(SaveFailed, match="is full"):
        saving.save_new(DATA * 10, small_disk, "cat")
    assert names(small_disk) == []
    with pytest.raises(SaveFailed, match="is full"):
        saving.check_folder(small_disk, 100_000)


CHILD = """
import os, sys
from pathlib import Path
from desktop.library import saving
folder, DATA = Path(sys.argv[1]), b"0123456789" * 1000
"""


def run_child(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD + textwrap.dedent(code), str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("call", ["fsync", "link", "unlink"])
def test_a_death_at_each_point_leaves_no_torn_picture(tmp_path: Path, call: str):
    result = run_child(
        f'os.{call} = lambda *_, **__: os._exit(9)\nsaving.save_new(DATA, folder, "cat")', tmp_path
    )
    assert result.returncode == 9, result.stderr
    pictures = [path for path in tmp_path.iterdir() if path.suffix == ".png"]
    assert [path.read_bytes() for path in pictures] in ([], [DATA])


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_killed_at_random_moments_leaves_only_whole_pictures(tmp_path: Path):
    code = CHILD + 'print("ready", flush=True)\nwhile True: saving.save_new(DATA * 100, folder, "cat")'
    for delay in (0.001, 0.004, 0.009, 0.017, 0.031):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    pictures = [path for path in tmp_path.iterdir() if path.suffix == ".png"]
    assert all(path.stat().st_size == len(DATA) * 100 for path in itertools.islice(pictures, 10_000))
