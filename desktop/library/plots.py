"""XY plots: one picture for each pair of values of two settings, everything else being the same."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from backends.core.contract import SAMPLERS, InvalidRequest, Request, unknown
from desktop.library.plot_settings import (
    CHANGES,
    FIRST,
    LORA,
    MODEL,
    NUMBERS,
    PROMPT,
    TITLES,
    WHOLE_NUMBERS,
    with_lora,
    with_words,
)

MAX_PICTURES = 400
SETTINGS = tuple(TITLES)
"""What an axis may be of, besides "lora:NAME"."""
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(
    rf"({_NUMBER})\s*(?:-|\.\.|to)\s*({_NUMBER})\s*(?:\(\s*([+-]?\d+(?:\.\d+)?)\s*\)|\[\s*(\d+)\s*\])?"
)


@dataclass(frozen=True)
class Axis:
    """A setting by its name, and the values that it takes, as a person would write them.

    "prompt": the first value is what is looked for in the prompts; each takes its place in turn.
    "lora:NAME": how strong that LoRA is.
    """

    setting: str
    values: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the axis is called beside the plot."""
        kind, _, name = self.setting.partition(":")
        return f"{name} (LoRA)" if kind == LORA else TITLES[kind]

    @property
    def is_model(self) -> bool:
        return self.setting == MODEL

    @property
    def is_costly(self) -> bool:
        """Whether another value makes a backend load weights again."""
        return self.is_model or self.setting.startswith(f"{LORA}:")

    def change(self, request: Request, value: str) -> Request:
        """The request with this value. Raises InvalidRequest."""
        kind, _, name = self.setting.partition(":")
        if kind == PROMPT:
            return with_words(request, self.values[0], value)
        if kind == LORA:
            return with_lora(request, name, value)
        return CHANGES[kind](request, value)


def parse_axis(text: str) -> Axis:
    """ "steps=4,8,16", "guidance=1-7 (+2)", "seed=1-4", "prompt=fox,cat" or "lora:ink=0,0.5,1".

    Ranges as A1111 writes them: "1-10" is each whole number, "1-10 (+3)" every third, "1-10 [4]" four values
    from one end to the other. Raises InvalidRequest.
    """
    setting, equals, written = text.partition("=")
    setting = _setting(setting.strip(), f"{text!r} is no axis." if not equals else "")
    values = tuple(_values(setting, written))
    if not values:
        raise InvalidRequest(f"The axis {setting} has no values.", f"Write them like {setting}=A,B,C.")
    return Axis(setting, values)


def cells(x: Axis, y: Axis | None) -> list[tuple[int, int]]:
    """(column, row) of each picture, in the order that loads the fewest weights. Raises InvalidRequest."""
    rows = len(y.values) if y else 1
    count = len(x.values) * rows
    if count > MAX_PICTURES:
        raise InvalidRequest(
            f"The plot would have {count} pictures; the most is {MAX_PICTURES}.", "Give fewer values."
        )
    if x.is_costly and not (y and y.is_model):
        return [(column, row) for column in range(len(x.values)) for row in range(rows)]
    return [(column, row) for row in range(rows) for column in range(len(x.values))]


def vary(request: Request, x: Axis, column: int, y: Axis | None, row: int) -> Request:
    """The request of one cell. Raises InvalidRequest. Models are for the caller to choose."""
    both = [(axis, axis.values[place]) for axis, place in ((x, column), (y, row)) if axis is not None]
    for axis, value in sorted(both, key=lambda each: _turn(each[0].setting)):
        request = axis.change(request, value)
    return request


def _turn(setting: str) -> int:
    """When its turn is: what others build on comes first."""
    return FIRST.index(setting) if setting in FIRST else len(FIRST)


def shared(request: Request, x: Axis, y: Axis | None) -> str:
    """What all pictures have in common, as a line."""
    told = {
        "seed": f"seed {request.seed}",
        "steps": f"{request.steps} steps",
        "sampler": SAMPLERS[request.sampler],
        "guidance": f"guidance scale {request.guidance_scale:g}",
        "size": f"{request.picture_size[0]} x {request.picture_size[1]}",
        MODEL: request.model,
    }
    varied = {axis.setting for axis in (x, y) if axis}
    return ", ".join(words for setting, words in told.items() if setting not in varied)


# --- Reading ------------------------------------------------------------------------------------


def _setting(name: str, problem: str) -> str:
    wanted = name.casefold().replace("_", "-").replace(" ", "-")
    if problem:
        raise InvalidRequest(problem, "Write it like steps=4,8,16.")
    if name.casefold().startswith(f"{LORA}:") and name[len(LORA) + 1 :].strip():
        return f"{LORA}:{name[len(LORA) + 1 :].strip()}"
    if wanted not in TITLES:
        raise unknown("setting", name, (*SETTINGS, f"{LORA}:NAME"))
    return wanted


def _values(setting: str, written: str) -> Iterator[str]:
    """Values separated by commas; one with a comma in it stands in "quotes"."""
    for value in next(csv.reader([written.strip()], skipinitialspace=True), list[str]()):
        match = _RANGE.fullmatch(value.strip())
        if match and (setting in NUMBERS or setting.startswith(f"{LORA}:")):
            yield from _between(match, setting in WHOLE_NUMBERS)
        elif value.strip():
            yield value.strip()


def _between(match: re.Match[str], whole: bool) -> Iterator[str]:
    first, last = float(match[1]), float(match[2])
    count = int(match[4]) if match[4] else 0
    step = abs(float(match[3])) if match[3] else 1.0
    if count == 1 or step == 0:
        yield f"{first:.10g}"
        return
    if count:
        step = abs(last - first) / (count - 1)
    else:
        count = int(abs(last - first) / step + 1e-9) + 1
    if count > MAX_PICTURES:
        raise InvalidRequest(
            f"{match[0]} is {count} values; a plot has at most {MAX_PICTURES} pictures.", "Give fewer."
        )
    for number in range(count):
        value = first + number * step * (1 if last >= first else -1)
        yield f"{round(value):d}" if whole else f"{round(value, 6):.10g}"
