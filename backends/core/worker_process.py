"""One child process as its parent holds it: the process, the pipe, and the thread that writes to it."""

from __future__ import annotations

import importlib
import multiprocessing
import pickle
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import cast

from backends.core.worker_messages import FromChild

_GRACE_SECONDS = 1.0


@dataclass
class Child:
    """A child that has been started. Raises OSError when it can't be.

    What is put into `outbox`, pickled, is sent; None ends the writing.
    """

    engine: str
    outbox: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue[bytes | None])
    process: SpawnProcess = field(init=False)
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = cast(tuple[Connection, Connection], context.Pipe())
        self.process = context.Process(
            target=_enter, args=(theirs, self.engine), name="mezzotint-worker", daemon=True
        )
        try:
            self.process.start()
        except OSError:
            self.connection.close()
            raise
        finally:
            theirs.close()
        self._writer = threading.Thread(target=self._write, name="worker-writer", daemon=True)
        self._writer.start()

    def messages(self) -> Iterator[FromChild]:
        """What the child says, until it is dead or no longer makes sense."""
        while True:
            try:
                message = cast(FromChild, self.connection.recv())
            except (EOFError, OSError, pickle.UnpicklingError, TypeError, AttributeError, ImportError):
                return
            yield message

    def reap(self) -> int | None:
        """Waits for the process to be gone and frees everything it held. Its exit code."""
        self.process.join(_GRACE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.outbox.put(None)
        self._writer.join()
        self.connection.close()
        return self.process.exitcode

    def _write(self) -> None:
        for packed in iter(self.outbox.get, None):
            try:
                self.connection.send_bytes(packed)
            except OSError:
                return  # it is dead; the supervisor notices


def _enter(connection: Connection, engine: str) -> None:
    """The child's first line. By name, so that importing this file never imports what the child needs."""
    importlib.import_module("backends.core.worker").run_child(connection, engine)
