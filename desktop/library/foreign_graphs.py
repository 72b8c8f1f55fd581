"""Recipes that sd-parsers reads: ComfyUI, InvokeAI, NovelAI, Fooocus."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from backends.core.contract import SAMPLERS
from desktop.library.comfy_graph import read_graph
from desktop.library.metadata import as_object
from desktop.library.record import Record
from desktop.library.samplers_elsewhere import sampler_id
from desktop.library.vae_text import vae_stem

if TYPE_CHECKING:
    from sd_parsers.data import PromptInfo, Sampler
    from sd_parsers.parsers import Parser

Found = tuple[str, Record, list[str]]
_Node = tuple[str, dict[str, Any]]
_LONGEST = 2**20
"""Characters of a text that is handed on: nobody's recipe is longer."""
_SEEDS = ("seed", "noise_seed")
_VAE_LOADER = "VAELoader"
_CHECKPOINTS = ("ckpt_name", "unet_name")
_PLAIN_NODES = (
    "EmptyLatentImage", "SaveImage", "SaveAnimated", "PreviewImage", "VAEDecode", "CLIPTextEncode",
    "KSampler", "CheckpointLoader", "UNETLoader", "CLIPLoader", "DualCLIPLoader", "VAEEncode", "RandomNoise",
    "BasicGuider", "CFGGuider", "BasicScheduler", "KarrasScheduler", "SamplerCustom", "EmptySD3LatentImage",
    "FluxGuidance", "Primitive", "String", "Seed",
)  # fmt: skip
_BORING = {
    "width", "height", "app_version", "generation_mode", "rand_device", "seamless_x", "seamless_y",
    "cfg_rescale_multiplier", "app_id", "request_type", "signed_hash", "hash", "hash_type", "resolution",
    "positive_style_prompt", "negative_style_prompt", "model_type", "version", "metadata_scheme",
    "full_prompt", "full_negative_prompt", "base_model",
}  # fmt: skip


def comfyui(texts: Mapping[str, str]) -> Found | None:
    """From a PNG's `prompt` and `workflow`, or a WebP's Exif tags that hold the same."""
    from sd_parsers.parsers import ComfyUIParser

    graph = as_object(_tagged(texts, "prompt"))
    if graph is None:
        return None
    workflow = _tagged(texts, "workflow") or '{"links": []}'
    found = _parse(ComfyUIParser(), {"prompt": graph, "workflow": workflow}, "ComfyUI")
    own = read_graph(graph)
    if found is None and own is None:
        return None
    program, record, extras = found or ("ComfyUI", Record(prompt=""), [])
    record = _completed(record, own) if own else record
    nodes = [(str(_object(node).get("class_type", "")), _inputs(node)) for node in graph.values()]
    record = replace(record, model=record.model or _checkpoint(nodes), vae=_vae(nodes))
    beside = [node for node in nodes if record.vae is None or node[0] != _VAE_LOADER]
    return program, record, [each for each in extras if ":" not in each] + _nodes_beside(beside)


def _completed(record: Record, more: Record) -> Record:
    """What the one record lacks, from the other; a sampler that we have counts more than one we don't."""
    missing = {
        name: value
        for name, value in vars(more).items()
        if getattr(record, name) in (None, "") and value not in (None, "")
    }
    if record.sampler not in SAMPLERS and more.sampler in SAMPLERS:
        missing["sampler"] = more.sampler
    return replace(record, **missing)


def _object(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _inputs(node: object) -> dict[str, Any]:
    """What is written in the node itself; links to other nodes are lists."""
    inputs = _object(_object(node).get("inputs"))
    return {name: value for name, value in inputs.items() if not isinstance(value, list)}


def _checkpoint(nodes: Sequence[_Node]) -> str | None:
    """sd-parsers stops at a LoRA on the way to the checkpoint."""
    names = [inputs[key] for _, inputs in nodes for key in _CHECKPOINTS if key in inputs]
    return _file_stem(names[0]) if names else None


def _vae(nodes: Sequence[_Node]) -> str | None:
    """The one that is loaded beside the checkpoint, where it is one."""
    names = {str(inputs.get("vae_name", "")) for name, inputs in nodes if name == _VAE_LOADER}
    return vae_stem(names.pop()) if len(names) == 1 else None


def _nodes_beside(nodes: Sequence[_Node]) -> list[str]:
    """Every node that does something we have no field for."""
    return [f"{name}: {_short(inputs)}" for name, inputs in nodes if not name.startswith(_PLAIN_NODES)]


def _tagged(texts: Mapping[str, str], name: str) -> str:
    """ComfyUI's WebP files hold "prompt:{...}" and "workflow:{...}" in tags that were free."""
    if name in texts:
        return texts[name]
    tags = (texts.get(key, "") for key in ("make", "model", "description"))
    return next((tag.removeprefix(f"{name}:") for tag in tags if tag.startswith(f"{name}:")), "")


def invokeai(texts: Mapping[str, str]) -> Found | None:
    """From a PNG's `invokeai_metadata`, or the older `sd-metadata` and `Dream`."""
    from sd_parsers.parsers import InvokeAIParser

    texts = {"Dream" if key == "dream" else key: text for key, text in texts.items()}
    keys = {"invokeai_metadata", "invokeai_graph", "sd-metadata", "Dream"} & texts.keys()
    keys = {key for key in keys if len(texts[key]) <= _LONGEST}
    found = _parse(InvokeAIParser(), {key: texts[key] for key in keys}, "InvokeAI") if keys else None
    if found is None:
        return None
    program, record, extras = found
    return (
        program,
        _completed(record, _newer_invokeai(texts)),
        [each for each in extras if each[:9] != "guidance:"],
    )


def _newer_invokeai(texts: Mapping[str, str]) -> Record:
    """From version 4 on a model has a `name`, and Flux a `guidance`."""
    entries = as_object(texts.get("invokeai_metadata", "")) or {}
    return Record(
        prompt="",
        model=_file_stem(_object(entries.get("model")).get("name")),
        guidance_scale=_number(entries.get("guidance")),
    )


def novelai(texts: Mapping[str, str]) -> Found | None:
    """From a PNG's `Comment`, `Description`, `Software` and `Source`."""
    from sd_parsers.parsers import NovelAIParser

    if texts.get("Software") != "NovelAI":
        return None
    return _parse(NovelAIParser(), dict(texts), "NovelAI")


def fooocus(texts: Mapping[str, str]) -> Found | None:
    """From `parameters`, or a JPEG's user comment, when these hold JSON."""
    from sd_parsers.parsers import FooocusParser

    text = texts.get("parameters") or texts.get("user_comment", "")
    return _parse(FooocusParser(), {"parameters": text}, "Fooocus") if text.startswith("{") else None


def _parse(parser: Parser, parameters: dict[str, Any], program: str) -> Found | None:
    """What the parser makes of it; a text that it can't read is no recipe, whatever it stumbles over."""
    try:
        info = parser.parse(parameters)
        first = next(iter(info.samplers), None)
        return None if first is None else (program, _record(info, first), list(_extras(info, first)))
    except Exception:  # noqa: BLE001  files of any kind go through a library that expects good ones
        return None


def _record(info: PromptInfo, sampler: Sampler) -> Record:
    values = sampler.parameters
    name, schedule = str(sampler.name), str(values.get("scheduler", ""))
    return Record(
        prompt=", ".join(str(prompt) for prompt in sampler.prompts) or info.full_prompt,
        negative_prompt=", ".join(str(prompt) for prompt in sampler.negative_prompts),
        model=_model_name(sampler),
        width=_whole(_dimension(info, "width")),
        height=_whole(_dimension(info, "height")),
        steps=_whole(values.get("steps")),
        guidance_scale=_number(values.get("cfg_scale", values.get("scale"))),
        sampler=sampler_id(name, schedule) or f"{name} {schedule}".strip(),
        seed=_whole(next((values[key] for key in _SEEDS if key in values), None)),
    )


def _model_name(sampler: Sampler) -> str | None:
    return _file_stem(sampler.model.name) if sampler.model else None


def _file_stem(name: object) -> str | None:
    """The file's name without folder and ending, as models are called here."""
    if not isinstance(name, str):
        return None
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".safetensors").removesuffix(".ckpt")


def _dimension(info: PromptInfo, side: str) -> object:
    metadata: dict[str, Any] = info.metadata
    if side in metadata:
        return metadata[side]
    for nodes in metadata.values():
        for node in cast(list[Any], nodes) if isinstance(nodes, list) else []:
            if isinstance(node, dict) and side in node:
                return cast(dict[str, Any], node)[side]
    return None


def _extras(info: PromptInfo, sampler: Sampler) -> Iterator[str]:
    """What there is besides: other samplers, nodes on the way (LoRA and so on), other entries."""
    if len(info.samplers) > 1:
        yield f"{len(info.samplers) - 1} more samplers"
    denoise = _number(sampler.parameters.get("denoise"))
    if denoise is not None and denoise < 1:
        yield f"Denoise {denoise:g}"
    around: dict[str, Any] = sampler.model.metadata if sampler.model else {}
    for name, value in {**around, **info.metadata}.items():
        if name not in _BORING and value not in (None, "", [], {}, False):
            yield f"{name}: {_short(value)}"


def _short(value: object) -> str:
    items = cast(list[object], value) if isinstance(value, list) else [value]
    if len(items) == 1 and (entries := _object(items[0])):
        said = {name: each for name, each in entries.items() if name != "id" and each not in (None, "")}
        return ", ".join(f"{name} {each}" for name, each in said.items())
    return str(items[0] if len(items) == 1 else items)


def _whole(value: object) -> int | None:
    number = _number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(number) if number is not None and number == int(number) else None


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None
