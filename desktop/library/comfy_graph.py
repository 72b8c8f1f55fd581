"""What a ComfyUI graph says where sd-parsers can't follow it: values that come through links, and samplers
in pieces (noise, guider, sigmas) as Flux and SD3 workflows have them.

A graph is {id: {"class_type": ..., "inputs": {name: value or [id, output]}}}, as the `prompt` text holds it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from desktop.library.record import Record
from desktop.library.samplers_elsewhere import sampler_id

_SAMPLER = re.compile(r"sampler(custom|advanced|\b|$)| ?\(efficient\)|ksampler", re.IGNORECASE)
_SEEDS, _CHECKPOINTS = ("seed", "noise_seed"), ("ckpt_name", "unet_name", "base_ckpt_name", "model_name")
_PLAIN = ("value", "string", "text", "int", "float", "number", "Value")
_TEXTS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "string")
_SIDES = (("width", "height"), ("empty_latent_width", "empty_latent_height"))
_FARTHEST = 500
"""Nodes that are looked at from one place at most."""

Inputs = Mapping[str, Any]


def read_graph(graph: Mapping[str, Any]) -> Record | None:
    """The recipe of the first sampler on the way back from what is saved; None where there is none."""
    nodes = {str(name): _object(node) for name, node in graph.items()}
    sampler = next(_samplers(nodes), None)
    return None if sampler is None else _Reader(nodes, sampler).record()


def _object(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _inputs(node: Mapping[str, Any]) -> dict[str, Any]:
    return _object(node.get("inputs"))


def _samplers(nodes: Mapping[str, Inputs]) -> Iterator[str]:
    """Backwards from each node that nothing follows."""
    followed = {source for node in nodes.values() for source in _sources(node)}
    for end in (name for name in nodes if name not in followed):
        for name in _upward(nodes, [end]):
            if _SAMPLER.search(str(nodes[name].get("class_type", ""))) and _is_sampler(nodes[name]):
                yield name


def _is_sampler(node: Inputs) -> bool:
    inputs = _inputs(node)
    return bool({"latent_image", "latent", "positive", "guider", *_SEEDS} & inputs.keys())


def _sources(node: Inputs, *names: str) -> list[str]:
    """The nodes that these inputs come from; all of them where none is named."""
    inputs = _inputs(node)
    wanted = (inputs.get(name) for name in names) if names else inputs.values()
    return [str(cast(list[Any], value)[0]) for value in wanted if isinstance(value, list) and value]


def _upward(nodes: Mapping[str, Inputs], starts: Sequence[str]) -> Iterator[str]:
    """The nearest first; a circle is walked once."""
    waiting, seen = deque(starts), set[str]()
    while waiting and len(seen) < _FARTHEST:
        name = waiting.popleft()
        if name in nodes and name not in seen:
            seen.add(name)
            yield name
            waiting.extend(_sources(nodes[name]))


class _Reader:
    """Reads from one sampler upward."""

    def __init__(self, nodes: Mapping[str, Inputs], sampler: str) -> None:
        self._nodes, self._sampler = nodes, sampler

    def record(self) -> Record:
        sides = self._sides()
        sampler = str(self._near(("sampler_name",), "sampler") or "")
        denoise = _number(self._near(("denoise",), "sigmas"))
        return Record(
            prompt=self._text("positive", "guider", "conditioning"),
            negative_prompt=self._text("negative"),
            model=_stem(self._near(_CHECKPOINTS, "model", "guider", "positive")),
            width=sides[0],
            height=sides[1],
            steps=_whole(self._near(("steps",), "sigmas")),
            guidance_scale=_number(self._near(("cfg", "guidance"), "guider", "positive")),
            sampler=sampler_id(sampler, self._schedule()) or f"{sampler} {self._schedule()}".strip() or None,
            seed=_whole(self._near(_SEEDS, "noise", "seed", "noise_seed")),
            strength=denoise if denoise is not None and 0 < denoise < 1 else None,
        )

    def _near(self, keys: Sequence[str], *ways: str) -> object:
        """The value of one of the keys, at the sampler itself or up one of the ways."""
        starts = (self._sampler, *_sources(self._nodes[self._sampler], *ways))
        for name in (self._sampler, *_upward(self._nodes, starts[1:])):
            for key in keys:
                if (value := self._value(name, key)) is not None:
                    return value
        return None

    def _value(self, name: str, key: str) -> object:
        """What is written there, or in the node that it comes from."""
        value = _inputs(self._nodes[name]).get(key)
        if not isinstance(value, list):
            return value
        for source in _upward(self._nodes, _sources(self._nodes[name], key)):
            written = _inputs(self._nodes[source])
            for each in (key, *_SEEDS, *_PLAIN):
                if isinstance(found := written.get(each), str | int | float):
                    return found
        return None

    def _text(self, *ways: str) -> str:
        """The nearest words; a node that holds both prompts names them as the sampler does."""
        for name in _upward(self._nodes, _sources(self._nodes[self._sampler], *ways)):
            found = [self._value(name, key) for key in (*ways, *_TEXTS)]
            words = [each for each in found if isinstance(each, str) and each.strip()]
            if words:
                return words[0]
        return ""

    def _sides(self) -> tuple[int | None, int | None]:
        for name in _upward(self._nodes, _sources(self._nodes[self._sampler], "latent_image", "latent")):
            for across, down in _SIDES:
                sides = _whole(self._value(name, across)), _whole(self._value(name, down))
                if None not in sides:
                    return sides
        return None, None

    def _schedule(self) -> str:
        """ "karras" may be a value, or a node of its own."""
        written = self._near(("scheduler",), "sigmas")
        if isinstance(written, str):
            return written
        kinds = (self._nodes[name].get("class_type") for name in self._ways("sigmas"))
        return next((str(kind).removesuffix("Scheduler").lower() for kind in kinds), "")

    def _ways(self, *names: str) -> list[str]:
        return [each for each in _sources(self._nodes[self._sampler], *names) if each in self._nodes]


def _stem(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".safetensors").removesuffix(".ckpt")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
