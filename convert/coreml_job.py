"""A conversion in a process of its own: how it goes on, what came of it, and an end when nobody wants it.

Standard library only until the process is at work, so that a window can hold one.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections.abc import Generator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from backends.core.contract import InternalError, MezzotintError, OutOfMemory
from backends.core.environment import be_offline
from convert.recipes import Order, Progress

Message = Progress | Path | MezzotintError
_POLL_SECONDS = 0.25


def convert(order: Order) -> Generator[Progress, None, Path]:
    """Converts; the steps as they begin, and at least one message each quarter of a second.

    Returns the new model's folder. Closing it ends the process; the next run of the same order goes on from
    the parts that are finished. Raises a MezzotintError.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(order, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        return (yield from _messages(ours))
    finally:
        process.kill()
        process.join()
        ours.close()


def _messages(ours: Any) -> Generator[Progress, None, Path]:
    last = Progress(words="Starting")
    while True:
        while not ours.poll(_POLL_SECONDS):
            yield last
        message = _receive(ours)
        if isinstance(message, MezzotintError):
            raise message
        if isinstance(message, Path):
            return message
        last = message
        yield last


def _receive(ours: Any) -> Message:
    try:
        return cast(Message, ours.recv())
    except EOFError:
        return OutOfMemory(
            "The conversion ended without a word, as it does when the system runs out of memory.",
            "Close other programs and run it again: finished parts are kept.",
        )


def _run(order: Order, theirs: Connection) -> None:
    """The child's whole life."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    be_offline()
    theirs.send(_outcome(order, theirs))


def _outcome(order: Order, theirs: Connection) -> Message:
    from backends.core.environment import out_of_memory
    from backends.core.quiet import quiet

    quiet()
    from convert.coreml_model import convert_model

    try:
        return convert_model(order, theirs.send)
    except MezzotintError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, the person waiting must hear of it
        return out_of_memory(error) or InternalError(
            f"The conversion failed ({type(error).__name__}).",
            "Report it with the technical report and the model's name.",
            "".join(traceback.format_exception(error)),
        )


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
