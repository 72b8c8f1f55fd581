"""The child process that decodes pictures for the window."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from backends.core.contract import UnreadablePicture

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor


class Press:
    """Started when first needed, and again when a picture killed it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, task: Callable[..., Any], *values: Any) -> Future[Any]:
        """Runs the task there. A picture that ends the process is UnreadablePicture."""
        answer: Future[Any] = Future()
        try:
            inner = self._open().submit(task, *values)
        except RuntimeError:
            answer.cancel()
            return answer
        inner.add_done_callback(partial(self._settle, answer))
        return answer

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)

    def _open(self) -> ProcessPoolExecutor:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        with self._lock:
            if self._closed:
                raise RuntimeError("closed")
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            return self._pool

    def _settle(self, answer: Future[Any], inner: Future[Any]) -> None:
        from concurrent.futures.process import BrokenProcessPool

        if inner.cancelled():
            answer.cancel()
            return
        error = inner.exception()
        if isinstance(error, BrokenProcessPool):
            with self._lock:
                self._pool = None
            error = UnreadablePicture("The picture could not be read.", "Use another copy of it.")
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(inner.result())
