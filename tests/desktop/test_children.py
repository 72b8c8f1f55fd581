"""Commands in processes of their own: their lines, their end, and being stopped. Real processes."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from desktop.children import Children
from desktop.view.models.screen import ModelsScreen
from tests.desktop.models.kit import chore
from tests.desktop.still_window import StillShop, still  # noqa: F401  a fixture

PATIENCE = 60_000
SLEEP = ("timeit", "-n", "1", "print('begun', flush=True); import time; time.sleep(600)")


def test_lines_come_one_by_one_and_then_the_end(qtbot: QtBot, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "timeit.py").write_text("raise SystemExit(9)")  # a folder's modules are not run
    children, lines, codes = Children(), list[str](), list[int]()
    children.start(
        ("timeit", "-n", "1", "-r", "1", "print('a\\nß'); print('b', end='')"), lines.append, codes.append
    )
    qtbot.waitUntil(lambda: bool(codes), timeout=PATIENCE)
    assert (lines[:2], codes) == (["a", "ß"], [0])
    assert lines[2].startswith("b")
    children.close()


def test_one_that_fails_says_its_code(qtbot: QtBot) -> None:
    children, codes = Children(), list[int]()
    children.start(("there_is_no_such_module",), lambda _: None, codes.append)
    qtbot.waitUntil(lambda: bool(codes), timeout=PATIENCE)
    assert codes[0] != 0


def test_stopping_ends_it_and_says_so(qtbot: QtBot) -> None:
    children, lines, codes = Children(), list[str](), list[int]()
    child = children.start(SLEEP, lines.append, codes.append)
    qtbot.waitUntil(lambda: "begun" in lines, timeout=PATIENCE)
    child.stop()
    qtbot.waitUntil(lambda: bool(codes), timeout=PATIENCE)
    assert codes[0] != 0


def test_closing_leaves_no_process_behind(qtbot: QtBot) -> None:
    children, lines, codes = Children(), list[str](), list[int]()
    pid = children.start(SLEEP, lines.append, codes.append).pid
    qtbot.waitUntil(lambda: "begun" in lines, timeout=PATIENCE)
    children.close()
    assert not psutil.pid_exists(pid)
    assert codes == []


@pytest.mark.thorough
def test_a_model_is_prepared_for_real(still: StillShop, qtbot: QtBot, home: Path) -> None:  # noqa: F811
    """Asked on the screen, stopped, gone on with and done by the real converter; then it is verified."""
    from backends.core.coreml_folder import open_converted
    from tests.coreml_models import make_smallest_model

    make_smallest_model(home / "models" / "fox")
    screen = still.window.show_screen("models")
    assert isinstance(screen, ModelsScreen)
    qtbot.waitUntil(lambda: "fox" in screen.rows, timeout=PATIENCE)
    screen.desk.choose("fox")
    screen.details.prepare.sizes.setText("64x64")
    screen.details.prepare.go.click()
    half = home / "models" / ".fox-coreml-neural-engine.converting" / "finished"
    row = chore(screen)
    qtbot.waitUntil(lambda: half.is_dir() and bool(list(half.glob("*.json"))), timeout=10 * PATIENCE)
    row.stop.click()
    qtbot.waitUntil(lambda: row.chore.state == "stopped", timeout=PATIENCE)
    first = {path.name: path.stat().st_mtime_ns for path in half.glob("*.json")}
    row.go_on.click()
    qtbot.waitUntil(lambda: "fox-coreml-neural-engine" in screen.rows, timeout=10 * PATIENCE)
    assert screen.chore_rows == {}
    model = open_converted(home / "models" / "fox-coreml-neural-engine")
    assert first
    assert model.sizes == ((64, 64),)
    parity = screen.details.parity.cells
    assert set(parity) == {"text_encoder", "unet", "vae_decoder", "vae_encoder"}
    for exact, rounded in parity.values():
        assert float(exact.removesuffix(" dB")) >= 60
        assert float(rounded.removesuffix(" dB")) >= 35
    verdict = "fox-coreml-neural-engine"
    qtbot.waitUntil(lambda: verdict in screen.desk.models.verdicts, timeout=10 * PATIENCE)
    (only,) = screen.desk.models.verdicts[verdict]
    assert only.backend == "coreml"


@pytest.mark.thorough
def test_a_dropped_folder_is_imported_for_real(
    still: StillShop,  # noqa: F811
    qtbot: QtBot,
    home: Path,
    tmp_path: Path,
) -> None:
    from tests.tiny_models import EPSILON, make_tiny_model

    make_tiny_model(tmp_path / "friend", EPSILON)
    screen = still.window.show_screen("models")
    assert isinstance(screen, ModelsScreen)
    qtbot.waitUntil(lambda: "starter" in screen.rows, timeout=PATIENCE)
    screen.desk.bring([tmp_path / "friend"])
    qtbot.waitUntil(lambda: not screen.chore_rows or bool(problem(screen)), timeout=10 * PATIENCE)
    assert problem(screen) == ""
    qtbot.waitUntil(lambda: "friend" in screen.rows, timeout=PATIENCE)
    assert screen.desk.models.find("friend").problem == ""  # type: ignore[union-attr]


def problem(screen: ModelsScreen) -> str:
    return "".join(row.chore.problem for row in screen.chore_rows.values() if row.chore.is_over)
