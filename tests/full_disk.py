"""Saves pictures on a disk that fills up at 50 different moments, and looks for anything that was lost.

python -m tests.full_disk     (Linux, as root: it mounts a small tmpfs)
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from desktop.library import paths
from tests.fakes import write_model_configs

DISK = 4 * 2**20
LEVELS = 50
LEAST = 1100 * 1024  # with less, nothing is begun
STEP = 8 * 1024
CHILD = """
import sys
from tests.fakes import fake_engine_modules
sys.modules.update(fake_engine_modules([]))
from desktop.cli.app import run_command
sys.exit(run_command(sys.argv[1:]))
"""


def mezzotint(*words: str) -> tuple[list[dict[str, Any]], str]:
    """Runs the program; the JSON lines it printed, and what it said."""
    ran = subprocess.run([sys.executable, "-c", CHILD, *words], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in ran.stdout.splitlines()], ran.stderr


def try_level(folder: Path, free: int, counts: Counter[str]) -> None:
    """With so many bytes free: what is acknowledged stays, and the message says what to do."""
    filler = folder / "filler"
    with open(filler, "wb") as file:
        file.write(bytes(max(0, os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - free)))
    saved, said = mezzotint("generate", "x", "--model", "tiny", "--steps", "1", "--count", "400", "--json")
    counts["said"] += "full" in said and "ree some space" in said
    filler.unlink()
    listed, problem = mezzotint("library", "list", "--json")
    counts["problems"] += bool(problem)
    rows = {(line["path"], line["sha256"]) for line in listed}
    for line in saved:
        whole = hashlib.sha256(Path(line["path"]).read_bytes()).hexdigest() == line["sha256"]
        counts["lost"] += not whole or (line["path"], line["sha256"]) not in rows
    counts["acknowledged"] += len(saved)


def main() -> int:
    counts = Counter[str](lost=0, problems=0)
    for level in range(LEVELS):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True)
            try:
                os.environ[paths.HOME_VARIABLE] = folder
                write_model_configs(Path(folder, "models", "tiny"))
                try_level(Path(folder), LEAST + STEP * level, counts)
            finally:
                subprocess.run(["umount", folder], check=True)
    print(json.dumps(counts))
    return 1 if counts["lost"] or counts["problems"] or counts["said"] < LEVELS else 0


if __name__ == "__main__":
    sys.exit(main())
