"""What is done instead when memory runs out or numbers overflow, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from backends.core.environment import out_of_memory
from backends.core.memory import trim

T = TypeVar("T")
_BLACK = -1 + 4 / 255

SMALLER_TILES = "There was not enough memory to develop the picture at once, so it was developed {way}."
STREAMED = (
    "The model does not fit into memory beside the picture, so its weights are read as they are needed."
)


@dataclass(frozen=True)
class Attempt:
    """Something that can be tried. `sentence` is what a person is told when it comes to this one."""

    run: Callable[[], Tensor]
    sentence: str = ""


def first_that_fits(attempts: Iterable[Attempt], remarks: list[str]) -> Tensor:
    """The result of the first attempt that does not run out of memory. Raises the last one's error."""
    error: BaseException = MemoryError("nothing was tried")
    for attempt in attempts:
        if attempt.sentence:
            say(remarks, attempt.sentence)
        try:
            return attempt.run()
        except (MemoryError, RuntimeError) as failure:
            if out_of_memory(failure) is None:
                raise
            error = failure.with_traceback(None)  # its frames hold the arrays that did not fit
            forget()
    raise error


def say(remarks: list[str], sentence: str) -> None:
    """Once is enough."""
    if sentence not in remarks:
        remarks.append(sentence)


def forget() -> None:
    """Gives back what a failed attempt left, on every device that there is."""
    trim()
    for device in (torch.cuda, torch.mps):
        if device.is_available():
            device.empty_cache()


def spoiled(image: Tensor) -> str | None:
    """ "with numbers that overflowed" or "black", when that is what a decoded picture is."""
    if not bool(torch.isfinite(image).all()):
        return "with numbers that overflowed"
    return "black" if float(image.max()) < _BLACK else None


def full_precision(what: str, dtype: torch.dtype) -> str:
    """The sentence for a picture that was decoded a second time."""
    name = str(dtype).removeprefix("torch.")
    return f"In {name} the picture came out {what}, so it was developed once more in float32."
