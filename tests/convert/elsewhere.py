"""Runs tests/convert/import_elsewhere.py in a network namespace of its own, where that is allowed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Imported:
    """What a process made of the files, and whether it had a network to reach somebody by."""

    cut_off: bool
    reached: bool
    folders: dict[str, Path]


def import_cut_off(models: Path, words: Sequence[str]) -> Imported:
    """In its own namespace nothing can be reached at all; somebody listens here, to be sure."""
    cut = ["unshare", "--map-root-user", "--net"]
    allowed = bool(shutil.which("unshare")) and subprocess.run([*cut, "true"], check=False).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as listening:
        words = [str(models), str(listening.getsockname()[1]), *words]
        command = [*(cut if allowed else []), sys.executable, "-m", "tests.convert.import_elsewhere", *words]
        ran = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    return Imported(allowed, told["reached"], {name: Path(at) for name, at in told["folders"].items()})
