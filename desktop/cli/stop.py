"""Ctrl+C, and a polite kill: both end the work in an orderly way."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that was stopped."""


class Stop:
    """Whether somebody asked to stop. Asking raises KeyboardInterrupt in whatever is going on.

    Libraries sometimes swallow that while they are imported, or turn it into an error of their
    own: `check` raises it again where it is ours to notice.
    """

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raises KeyboardInterrupt when somebody asked."""
        if self.asked:
            raise KeyboardInterrupt

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Listens for Ctrl+C and SIGTERM meanwhile."""
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
