"""`mezzotint`: the window, or a subcommand.

Imports next to nothing: processes that are spawned import this file again.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Runs what the command line asks for and returns the exit code."""
    words = sys.argv[1:]
    if words:
        _die_quietly_until_ready()
    import importlib
    import multiprocessing

    multiprocessing.freeze_support()
    if words:
        # By name, so that the window's side of the program never depends on what makes pictures.
        return importlib.import_module("desktop.cli.app").run_command(words)
    from desktop.application import run_window

    return run_window()


def _die_quietly_until_ready() -> None:
    """Ctrl+C while the command line is still being imported ends the process without a traceback."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
