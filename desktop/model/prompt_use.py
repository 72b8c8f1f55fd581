"""Using a prompt of before again: its words, or all its settings too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from backends.core.contract import InvalidRequest, Request
from desktop.model.form import Form, ModelChoice


class Used(Protocol):
    """A prompt of before. The library's UsedPrompt is one."""

    @property
    def prompt(self) -> str: ...
    @property
    def negative_prompt(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


def use_prompt(form: Form, used: Used, models: Mapping[str, ModelChoice], *, whole: bool) -> None:
    """Fills in the words; with `whole` the settings of its last use, as far as they can still be used."""
    form.style = ""
    form.prompt, form.negative_prompt = used.prompt, used.negative_prompt
    if not whole:
        return
    settings = dict(used.settings)
    if settings.get("model") not in models:
        settings["model"] = form.model
    try:
        request = Request(**settings)
    except (InvalidRequest, TypeError):
        return
    form.model, form.sampler, form.count = request.model, request.sampler, request.count
    form.use_size(request.width, request.height)
    form.steps, form.guidance_scale = request.steps, request.guidance_scale
    form.clip_skip, form.strength = request.clip_skip, request.strength
    form.choose_seed(request.seed)
