"""What an axis of an XY plot may be of, and what each value of it makes of a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from backends.core.contract import (
    HIRES_STRENGTH,
    LATENTS,
    MAX_SCALE,
    SAMPLERS,
    Hires,
    InvalidRequest,
    Request,
    unknown,
)
from backends.core.contract.hires import scaled
from backends.core.prompt_tags import read_tag, with_tag

MODEL, PROMPT, LORA = "model", "prompt", "lora"
OWN_VAE = "model"
"""Says that the model's own VAE is wanted, or its own depth network."""
_SIZE = re.compile(r"(\d{1,5})\s*[x×*]\s*(\d{1,5})", re.IGNORECASE)

Change = Callable[[Request, str], Request]
"""The request with this value, as a person writes it. Raises InvalidRequest."""


def _whole(name: str) -> Change:
    return lambda request, value: replace(request, **{name: _as_whole(name, value)})


def _number(name: str) -> Change:
    return lambda request, value: replace(request, **{name: _as_number(value)})


def _as_whole(name: str, value: str) -> int:
    if not re.fullmatch(r"-?\d+", value):
        raise InvalidRequest(f"{value!r} is no whole number.", f"Write {name} like 1,2,3.")
    return int(value)


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
    """A second pass makes it as many times as large as before."""
    match = _SIZE.fullmatch(value)
    if match is None:
        raise InvalidRequest(f"{value!r} is no size.", "Write sizes like 512x512,768x512.")
    width, height = int(match[1]), int(match[2])
    larger = request.hires
    if larger is not None:
        sides = (scaled(width, larger.width / request.width), scaled(height, larger.height / request.height))
        larger = replace(larger, width=sides[0], height=sides[1])
    return replace(request, width=width, height=height, hires=larger)


def _negative(request: Request, value: str) -> Request:
    return replace(request, negative_prompt=value)


def _model(request: Request, value: str) -> Request:
    return replace(request, model=value)


def _vae(request: Request, value: str) -> Request:
    return replace(request, vae="" if value.casefold() == OWN_VAE else value)


def _depth(request: Request, value: str) -> Request:
    """In place of a depth map, too."""
    return replace(request, depth_map=None, depth_by="" if value.casefold() == OWN_VAE else value)


def _hires(request: Request, value: str) -> Request:
    """So many times as large; 1 is without a second pass."""
    scale = _as_number(value)
    if not 1 <= scale <= MAX_SCALE:  # NaN fails the comparison too
        raise InvalidRequest(f"The hi-res fix can't be {value!r}.", f"Use 1 to {MAX_SCALE:g}.")
    if scale == 1:
        return replace(request, hires=None)
    width, height = scaled(request.width, scale), scaled(request.height, scale)
    if request.hires is not None:
        return replace(request, hires=replace(request.hires, width=width, height=height))
    steps = max(1, round(request.steps * HIRES_STRENGTH))
    return replace(request, hires=Hires(width=width, height=height, steps=steps, by=LATENTS))


def _hires_with(name: str, read: Callable[[str], object]) -> Change:
    def change(request: Request, value: str) -> Request:
        if request.hires is None:
            raise InvalidRequest("The pictures have no hi-res fix to set.", "Turn the hi-res fix on.")
        return replace(request, hires=replace(request.hires, **{name: read(value)}))

    return change


def _control_weight(request: Request, value: str) -> Request:
    """Of all ControlNets."""
    if not request.controls:
        raise InvalidRequest("The pictures have no ControlNet to weigh.", "Give a ControlNet, too.")
    weight = _as_number(value)
    return replace(request, controls=tuple(replace(each, weight=weight) for each in request.controls))


def _refiner_switch(request: Request, value: str) -> Request:
    if request.refiner is None:
        raise InvalidRequest("The pictures have no refiner to set.", "Choose a refiner, too.")
    return replace(request, refiner=replace(request.refiner, switch=_as_number(value)))


def with_words(request: Request, wanted: str, value: str) -> Request:
    """The prompts with these words in place of what is looked for. Raises InvalidRequest."""
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


def with_lora(request: Request, name: str, value: str) -> Request:
    """The request with this LoRA so strong. Raises InvalidRequest."""
    return replace(request, prompt=with_tag(request.prompt, read_tag(f"{name}:{_as_number(value):g}")))


CHANGES: dict[str, Change] = {
    "seed": _whole("seed"),
    "steps": _whole("steps"),
    "guidance": _number("guidance_scale"),
    "sampler": _sampler,
    "size": _size,
    "strength": _number("strength"),
    "clip-skip": _whole("clip_skip"),
    "negative": _negative,
    "feather": _whole("feather"),
    "hires": _hires,
    "hires-strength": _hires_with("strength", _as_number),
    "hires-steps": _hires_with("steps", lambda value: _as_whole("steps", value)),
    "hires-by": _hires_with("by", str),
    "control-weight": _control_weight,
    "refiner-switch": _refiner_switch,
    "vae": _vae,
    "depth": _depth,
    MODEL: _model,
}
TITLES = {
    "seed": "Seed",
    "steps": "Steps",
    "guidance": "Guidance",
    "sampler": "Sampler",
    "size": "Size",
    "strength": "Strength",
    "clip-skip": "CLIP skip",
    "negative": "Negative prompt",
    "feather": "Feather",
    "hires": "Hi-res scale",
    "hires-strength": "Hi-res strength",
    "hires-steps": "Hi-res steps",
    "hires-by": "Hi-res enlarging",
    "control-weight": "ControlNet weight",
    "refiner-switch": "Refiner takes over at",
    "vae": "VAE",
    "depth": "Depth",
    MODEL: "Model",
    PROMPT: "Prompt",
}
WHOLE_NUMBERS = ("seed", "steps", "clip-skip", "feather", "hires-steps")
NUMBERS = (
    *WHOLE_NUMBERS,
    "guidance",
    "strength",
    "hires",
    "hires-strength",
    "control-weight",
    "refiner-switch",
)
FIRST = ("size", "steps", "hires")
"""What others build on, in the order in which it is set."""
