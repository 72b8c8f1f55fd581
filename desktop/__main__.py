"""`mezzotint`: the window, or a subcommand.

Imports next to nothing: processes that are spawned import this file again.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sys


def main() -> int:
    """Runs what the command line asks for and returns the exit code."""
    multiprocessing.freeze_support()
    if len(sys.argv) > 1:
        # By name, so that the window's side of the program never depends on what makes pictures.
        return importlib.import_module("desktop.cli.app").run_command(sys.argv[1:])
    from desktop.view.app import run_window

    return run_window()


if __name__ == "__main__":
    sys.exit(main())
