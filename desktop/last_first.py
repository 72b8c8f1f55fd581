"""A thread for what people look at now: the last wish first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_MOST_WAITING = 400

K = TypeVar("K", bound=Hashable)


class LastFirst(Generic[K]):
    """A thread that does what was asked for last first, and forgets what was asked for long ago."""

    def __init__(self, work: Callable[[K], None], name: str) -> None:
        self._work = work
        self._name = name
        self._waiting: deque[K] = deque()
        self._known: set[K] = set()
        self._tasks: deque[Callable[[], None]] = deque()
        self._change = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, wanted: K) -> None:
        """Asks for something; what waits already moves to the front."""
        with self._change:
            if wanted in self._known:
                self._to_front(wanted)
                return
            self._known.add(wanted)
            self._waiting.append(wanted)
            if len(self._waiting) > _MOST_WAITING:
                self._known.discard(self._waiting.popleft())
            self._wake()

    def do(self, task: Callable[[], None]) -> None:
        """Has something else done in the thread, at once."""
        with self._change:
            self._tasks.append(task)
            self._wake()

    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being done."""
        with self._change:
            return not self._known and not self._tasks

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _to_front(self, wanted: K) -> None:
        if wanted in self._waiting:
            self._waiting.remove(wanted)
            self._waiting.append(wanted)

    def _wake(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name=self._name)
            self._thread.start()
        self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or self._waiting or self._tasks)
                if self._closed:
                    return
                task = self._tasks.popleft() if self._tasks else None
                wanted = None if task else self._waiting.pop()
            if task is not None:
                task()
            elif wanted is not None:
                self._do(wanted)

    def _do(self, wanted: K) -> None:
        try:
            self._work(wanted)
        finally:
            with self._change:
                self._known.discard(wanted)
