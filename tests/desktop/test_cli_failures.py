"""Whatever goes wrong: one sentence, something to do, an exit code, no traceback, no half-written file."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from desktop.library.database import open_library
from tests.desktop.cli_runner import Mezzotint
from tests.fakes import write_model_configs

USAGE = {
    "no prompt": [],
    "words without quotes": ["a", "panda"],
    "size zero": ["x", "--size", "0x0"],
    "size negative": ["x", "--size=-8x-8"],
    "size word": ["x", "--size", "banana"],
    "size odd": ["x", "--size", "130x128"],
    "size enormous": ["x", "--size", "99999999x99999999"],
    "steps zero": ["x", "--steps", "0"],
    "steps negative": ["x", "--steps", "-1"],
    "steps word": ["x", "--steps", "many"],
    "steps fraction": ["x", "--steps", "3.5"],
    "steps with 5000 digits": ["x", "--steps", "9" * 5000],
    "seed negative": ["x", "--seed", "-5"],
    "seed too large": ["x", "--seed", str(2**64)],
    "guidance nan": ["x", "--guidance", "nan"],
    "guidance infinite": ["x", "--guidance", "inf"],
    "guidance word": ["x", "--guidance", "strong"],
    "strength too large": ["x", "--strength", "2"],
    "strength zero": ["x", "--init", "good.png", "--strength", "0"],
    "count zero": ["x", "--count", "0"],
    "clip skip negative": ["x", "--clip-skip", "-1"],
    "unknown sampler": ["x", "--sampler", "eular"],
    "unknown model": ["x", "--model", "tony"],
    "unknown backend": ["x", "--backend", "gpu"],
    "model folder that is not there": ["x", "--model", "no/folder"],
    "unknown option": ["x", "--colour", "red"],
    "shortened option": ["x", "--neg", "y"],
    "missing value": ["x", "--negative"],
    "value that looks like an option": ["x", "--negative", "-blurry"],
    "long prompt": ["x" * 100_000],
    "long negative prompt": ["x", "--negative", "y" * 100_000],
    "undecodable prompt": ["caf\udce9"],
    "init missing": ["x", "--init", "none.png"],
    "init folder": ["x", "--init", "."],
    "init text": ["x", "--init", "text.txt"],
    "like missing": ["--like", "none.png"],
    "like text": ["--like", "text.txt"],
    "like without a recipe": ["--like", "good.png"],
    "out is a jpeg": ["x", "--out", "a.jpg"],
}
FAILURES = {
    "backend that can't run": ["x", "--backend", "unable"],
    "out below a file": ["x", "--out", "text.txt/below"],
    "out in a missing folder": ["x", "--out", "none/a.png"],
    "out is a file": ["x", "--out", "text.txt"],
    "out has a long name": ["x", "--out", "y" * 300 + ".png"],
    "broken model": ["x", "--model", "broken"],
    "folder that is no model": ["x", "--model", "."],
    "not enough memory": ["{oom}"],
}


def check_refused(mezzotint: Mezzotint, words: list[str], code: int) -> None:
    Path("text.txt").write_text("hello")
    Image.new("RGB", (64, 64)).save("good.png")
    before = sorted(Path.cwd().rglob("*"))
    ran = mezzotint("generate", *words)
    assert (ran.code, ran.out) == (code, "")
    said = [line for line in ran.err.splitlines() if not line.endswith(" ...")]
    assert len(said) == 1, said
    assert said[0].endswith((".", "?"))
    assert "Traceback" not in ran.err
    made = {path.relative_to(Path.cwd()).parts[:2] for path in {*Path.cwd().rglob("*")} - {*before}}
    assert made <= {("home", "pictures"), ("home", "library")}  # the prompt is remembered all the same
    assert not list(Path.cwd().glob("home/pictures/*"))


@pytest.mark.parametrize("name", USAGE)
def test_what_cannot_be_used_exits_with_2(mezzotint: Mezzotint, name: str):
    check_refused(mezzotint, USAGE[name], 2)


@pytest.mark.parametrize("name", FAILURES)
def test_what_fails_exits_with_1(mezzotint: Mezzotint, home: Path, name: str):
    write_model_configs(home / "models" / "broken")
    (home / "models" / "broken" / "unet" / "config.json").write_text('{"in_')
    check_refused(mezzotint, FAILURES[name], 1)


@pytest.mark.parametrize("words", [["generat", "x"], ["--colour"], []], ids=str)
def test_commands_that_are_none(mezzotint: Mezzotint, words: list[str]):
    ran = mezzotint(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_an_empty_prompt_is_allowed(mezzotint: Mezzotint):
    assert mezzotint("generate", "").code == 0


def test_a_defect_becomes_a_report(mezzotint: Mezzotint, home: Path):
    ran = mezzotint("generate", "{bug}")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    (report,) = (home / "reports").iterdir()
    assert str(report) in ran.err
    assert "ZeroDivisionError: a defect" in report.read_text()


def test_a_defect_without_a_place_for_its_report(mezzotint: Mezzotint, home: Path):
    (home / "reports").write_text("in the way")
    ran = mezzotint("generate", "{bug}")
    assert (ran.code, "ZeroDivisionError: a defect" in ran.err) == (1, True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_fails_after_the_first_picture(
    mezzotint: Mezzotint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
):
    (tmp_path / "pictures").mkdir()
    open_library().close()  # making it syncs folders too
    really_sync, synced = os.fsync, list[int]()

    def fsync(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 3:  # the check, the first picture, its folder
            raise OSError(number, os.strerror(number))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    ran = mezzotint("generate", "x", "--count", "3", "--out", "pictures/", "--json")
    assert (ran.code, len(ran.lines)) == (1, 1)
    assert [str(path) for path in (tmp_path / "pictures").iterdir()] == [ran.lines[0]["path"]]
    assert ran.err.count("\n") == 1


def test_names_cannot_drive_the_terminal(mezzotint: Mezzotint):
    ran = mezzotint("generate", "x", "--init", "evil\x1b[31m\n.png")
    assert (ran.code, "\x1b" in ran.err, ran.err.count("\n")) == (2, False, 1)


# --- In a process of its own --------------------------------------------------------------------

CHILD = """
import sys
from tests.fakes import fake_engine_modules
sys.modules.update(fake_engine_modules([]))
from desktop.cli.app import run_command
sys.exit(run_command(sys.argv[1:]))
"""


def start(*words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", CHILD, *words], env=environment, **pipes)


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_and_keeps_what_is_finished(home: Path, number: signal.Signals):
    child = start("generate", "{step 0.05}", "--model", "tiny", "--count", "50", "--json")
    assert child.stdout is not None
    first = json.loads(child.stdout.readline())
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert err.startswith("Stopped; pictures saved before that:")
    assert err.count("\n") == 1
    saved = [first, *(json.loads(line) for line in out.splitlines())]
    assert sorted(path.name for path in (home / "pictures").iterdir()) == sorted(
        Path(line["path"]).name for line in saved
    )


def test_a_reader_that_goes_away(home: Path):
    child = start("generate", "x", "--model", "tiny", "--count", "200", "--quiet")
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == ""
    assert child.wait(timeout=20) == 1


def test_the_command_line_starts_without_the_heavy_libraries(home: Path):
    code = (
        "import sys; from desktop.__main__ import main\n"
        "sys.argv = ['mezzotint', 'doctor']; main()\n"
        "print([m for m in ('torch', 'diffusers', 'transformers', 'PySide6', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_pictures_folder_is_a_link_to_nowhere(mezzotint: Mezzotint, home: Path):
    shutil.rmtree(home / "pictures", ignore_errors=True)
    os.symlink("nowhere", home / "pictures")
    ran = mezzotint("generate", "x")
    assert (ran.code, "Traceback" in ran.err) == (1, False)
