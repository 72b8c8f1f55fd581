"""XY plots: one picture for each pair of values of two settings, everything else being the same."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from backends.core.contract import SAMPLERS, InvalidRequest, Request, unknown
from backends.core.prompt_tags import read_tag, with_tag

MAX_PICTURES = 400
MODEL, PROMPT, LORA = "model", "prompt", "lora"
_SIZE = re.compile(r"(\d{1,5})\s*[x×*]\s*(\d{1,5})", re.IGNORECASE)
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(
    rf"({_NUMBER})\s*(?:-|\.\.|to)\s*({_NUMBER})\s*(?:\(\s*([+-]?\d+(?:\.\d+)?)\s*\)|\[\s*(\d+)\s*\])?"
)

Change = Callable[[Request, str], Request]


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
        return f"{name} (LoRA)" if kind == LORA else _TITLES[kind]

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
            return _with_words(request, self.values[0], value)
        if kind == LORA:
            return _with_lora(request, name, value)
        return _CHANGES[kind](request, value)


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
    for axis, place in ((x, column), (y, row)):
        if axis is not None:
            request = axis.change(request, axis.values[place])
    return request


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


# --- What each setting does ---------------------------------------------------------------------


def _whole(name: str) -> Change:
    def change(request: Request, value: str) -> Request:
        if not re.fullmatch(r"-?\d+", value):
            raise InvalidRequest(f"{value!r} is no whole number.", f"Write {name} like 1,2,3.")
        return replace(request, **{name: int(value)})

    return change


def _number(name: str) -> Change:
    def change(request: Request, value: str) -> Request:
        return replace(request, **{name: _as_number(value)})

    return change


def _as_number(value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise InvalidRequest(f"{value!r} is no number.", "Write numbers like 0.5,1,1.5.") from error


def _sampler(request: Request, value: str) -> Request:
    ids = {label.casefold(): sampler for sampler, label in SAMPLERS.items()}
    wanted = ids.get(value.casefold(), value.casefold())
    if wanted not in SAMPLERS:
        raise unknown("sampler", value, SAMPLERS)
    return replace(request, sampler=wanted)


def _size(request: Request, value: str) -> Request:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise InvalidRequest(f"{value!r} is no size.", "Write sizes like 512x512,768x512.")
    return replace(request, width=int(match[1]), height=int(match[2]))


def _negative(request: Request, value: str) -> Request:
    return replace(request, negative_prompt=value)


def _model(request: Request, value: str) -> Request:
    return replace(request, model=value)


def _with_words(request: Request, wanted: str, value: str) -> Request:
    if wanted not in request.prompt and wanted not in request.negative_prompt:
        raise InvalidRequest(
            f"The prompt doesn't hold {wanted!r}, whose place the other values would take.",
            "Let the first value of the axis be words of the prompt.",
        )
    return replace(
        request,
        prompt=request.prompt.replace(wanted, value),
        negative_prompt=request.negative_prompt.replace(wanted, value),
    )


def _with_lora(request: Request, name: str, value: str) -> Request:
    return replace(request, prompt=with_tag(request.prompt, read_tag(f"{name}:{_as_number(value):g}")))


_CHANGES: dict[str, Change] = {
    "seed": _whole("seed"),
    "steps": _whole("steps"),
    "guidance": _number("guidance_scale"),
    "sampler": _sampler,
    "size": _size,
    "strength": _number("strength"),
    "clip-skip": _whole("clip_skip"),
    "negative": _negative,
    MODEL: _model,
}
_TITLES = {
    "seed": "Seed",
    "steps": "Steps",
    "guidance": "Guidance",
    "sampler": "Sampler",
    "size": "Size",
    "strength": "Strength",
    "clip-skip": "CLIP skip",
    "negative": "Negative prompt",
    MODEL: "Model",
    PROMPT: "Prompt",
}
SETTINGS = tuple(_TITLES)
"""What an axis may be of, besides "lora:NAME"."""
_WHOLE_NUMBERS = ("seed", "steps", "clip-skip")
_NUMBERS = (*_WHOLE_NUMBERS, "guidance", "strength")


# --- Reading ------------------------------------------------------------------------------------


def _setting(name: str, problem: str) -> str:
    wanted = name.casefold().replace("_", "-").replace(" ", "-")
    if problem:
        raise InvalidRequest(problem, "Write it like steps=4,8,16.")
    if name.casefold().startswith(f"{LORA}:") and name[len(LORA) + 1 :].strip():
        return f"{LORA}:{name[len(LORA) + 1 :].strip()}"
    if wanted not in _TITLES:
        raise unknown("setting", name, (*SETTINGS, f"{LORA}:NAME"))
    return wanted


def _values(setting: str, written: str) -> Iterator[str]:
    """Values separated by commas; one with a comma in it stands in "quotes"."""
    for value in next(csv.reader([written.strip()], skipinitialspace=True), list[str]()):
        match = _RANGE.fullmatch(value.strip())
        if match and (setting in _NUMBERS or setting.startswith(f"{LORA}:")):
            yield from _between(match, setting in _WHOLE_NUMBERS)
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
