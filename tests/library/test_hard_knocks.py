"""Kills and damage at random, by the scripts that also do it by the thousand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_script(name: str, times: int) -> dict[str, int]:
    command = [sys.executable, "-m", f"tests.{name}", "--times", str(times)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the script forks")
def test_what_was_acknowledged_outlives_kill_9():
    counts = run_script("kill_saves", 100)
    assert (counts["killed"], counts["lost"], counts["wrong"]) == (100, 0, 0)
    assert counts["acknowledged"] >= 50


def test_a_damaged_database_loses_no_picture():
    counts = run_script("corrupt_library", 60)
    assert (counts["lost"], counts["wrong"], counts["no offer"]) == (0, 0, 0)
    assert counts["offers"] > 10
