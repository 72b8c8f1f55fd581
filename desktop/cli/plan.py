"""From options to a checked plan: what to make, with which model, where to save it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TypeVar

from backends.core import few_steps
from backends.core.contract import DEPTH, InvalidRequest, ModelFacts, Request
from backends.core.model_folder import read_facts
from backends.core.prompt_tags import LoraTag, split_tags, with_tag
from backends.core.shelf import Shelf
from desktop.cli.control_options import Controls, find_controls
from desktop.cli.depth_options import Depth, find_depth
from desktop.cli.generate_options import GenerateOptions
from desktop.cli.hires_options import HiresOptions, find_hires
from desktop.cli.inpaint_options import find_inpainting, size_for
from desktop.cli.lora_options import loras_asked_for
from desktop.cli.reference_options import References, find_references
from desktop.cli.refiner_options import Refining, find_refiner
from desktop.cli.vae_options import find_vae
from desktop.library import paths
from desktop.library.additions import search_folders
from desktop.library.destination import Destination, parse_destination
from desktop.library.foreign import read_recipe
from desktop.library.models import STARTER, InstalledModel, find_model
from desktop.library.reading import find_recorded, read_init_picture
from desktop.library.record import Controlled, InitPicture, Record

AUTO = "auto"
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is known before the first network is loaded. `like` is the record to repeat."""

    request: Request
    model_folder: Path
    backend: str
    backend_options: Mapping[str, str]
    init: InitPicture | None
    references: tuple[InitPicture, ...]
    controls: tuple[Controlled, ...]
    depth_map: InitPicture | None
    refiner_folder: Path | None
    destination: Destination
    like: Record | None
    search: tuple[Path, ...]
    notes: tuple[str, ...]


def make_plan(options: GenerateOptions) -> Plan:
    """Checks everything that can be checked without loading a network. Raises a MezzotintError."""
    like = None if options.like is None else read_recipe(Path(options.like)).record
    known = like or Record(prompt="")
    if options.prompt is None and like is None:
        raise InvalidRequest(
            "There is no prompt.", 'Write it in quotes: mezzotint generate "a fox in the snow".'
        )
    model = _find_model(options, known)
    data, init = _find_init(options, known)
    search = search_folders(paths.expand(text) for text in options.models)
    references = find_references(options.reference, known)
    controls = find_controls(options.control, known, Shelf(search))
    loras, files = loras_asked_for(options.lora)
    refining = find_refiner(options.refiner, known, [paths.expand(text) for text in options.models])
    vae, vae_files = find_vae(options.vae, known.vae)
    facts = read_facts(model.folder)
    depth = find_depth(options.depth, known, facts, Shelf(search))
    request = _make_request(
        options, known, model, facts, data, references, controls, loras, refining, vae, depth
    )
    destination = parse_destination(options.out)
    destination.prepare(request)
    return Plan(
        request=request,
        model_folder=model.folder,
        backend=options.backend or AUTO,
        backend_options=_backend_options(options, known),
        init=init,
        references=references.named,
        controls=controls.told,
        depth_map=depth.told,
        refiner_folder=refining.folder,
        destination=destination,
        like=like,
        search=(*search, *files, *controls.files, *vae_files),
        notes=_notes(options, like, init, controls, depth),
    )


def _find_model(options: GenerateOptions, known: Record) -> InstalledModel:
    folders = [paths.expand(text) for text in options.models]
    if options.model is not None:
        return find_model(options.model, folders)
    if known.model and paths.is_remote(known.model):
        raise InvalidRequest("The picture's model is on another machine.", "Choose a model with --model.")
    try:
        return find_model(known.model or STARTER, folders)
    except InvalidRequest as error:
        if known.model is None:
            raise
        raise InvalidRequest(
            f"The picture was made with the model {known.model!r}, which is not here.",
            "Choose one with --model; `mezzotint models` lists them.",
        ) from error


def _find_init(options: GenerateOptions, known: Record) -> tuple[bytes | None, InitPicture | None]:
    if options.init is not None:
        return read_init_picture(Path(options.init))
    if known.init_image is not None:
        return find_recorded(known.init_image)
    if known.strength is not None and not known.provenance.get("backend"):
        raise InvalidRequest("The picture was made from another picture.", "Give that one with --init.")
    return None, None


def _make_request(
    options: GenerateOptions,
    known: Record,
    model: InstalledModel,
    facts: ModelFacts,
    init: bytes | None,
    references: References,
    controls: Controls,
    loras: tuple[LoraTag, ...],
    refining: Refining,
    vae: str,
    depth: Depth,
) -> Request:
    """What is given, else what the record says, else what suits the model and its LoRAs."""
    prompt = reduce(with_tag, loras, _first(options.prompt, known.prompt))
    few = few_steps.of_loras((tag.name for tag in split_tags(prompt)[1]), facts.samplers)
    defaults = replace(facts.defaults, **few.settings) if few else facts.defaults
    new = find_inpainting(options.mask, options.feather, options.extend, known, init)
    own = size_for(new, known, init)
    width, height = options.size or own or (known.width or defaults.width, known.height or defaults.height)
    steps = _first(options.steps, known.steps, defaults.steps)
    return Request(
        prompt=prompt,
        negative_prompt=_first(options.negative, known.negative_prompt),
        model=model.name,
        width=width,
        height=height,
        steps=steps,
        guidance_scale=_first(options.guidance, known.guidance_scale, defaults.guidance_scale),
        sampler=_first(options.sampler, known.sampler, defaults.sampler),
        seed=_first(options.seed, known.seed, secrets.randbits(32)),
        count=_first(options.count, 1),
        init_image=init,
        strength=_first(options.strength, known.strength, 0.75),
        clip_skip=_first(options.clip_skip, known.clip_skip, 0),
        mask=new.mask,
        references=references.data,
        controls=controls.wanted,
        vae=vae,
        depth_by=depth.by,
        depth_map=depth.data,
        feather=new.feather,
        extend=new.extend,
        refiner=refining.wanted,
        hires=find_hires(_hires_options(options), known, (width, height), steps),
    )


def _backend_options(options: GenerateOptions, known: Record) -> dict[str, str]:
    given = {"memory": options.memory, "vae_tile": options.vae_tile or known.provenance.get("vae_tile")}
    return {name: value for name, value in given.items() if value}


def _hires_options(options: GenerateOptions) -> HiresOptions:
    return HiresOptions(
        target=options.hires, steps=options.hires_steps, strength=options.hires_strength, by=options.hires_by
    )


def _first(*values: _T | None) -> _T:
    return next(value for value in values if value is not None)


def _notes(
    options: GenerateOptions, like: Record | None, init: InitPicture | None, controls: Controls, depth: Depth
) -> tuple[str, ...]:
    notes: list[str] = []
    if options.strength is not None and init is None:
        notes.append("--strength does nothing without --init.")
    if like is not None and not like.provenance.get("backend"):
        notes.append("That picture was made by another program, so this one will be like it at best.")
    if depth.is_rough or any(each.prepare == DEPTH and not each.by for each in controls.wanted):
        notes.append("The depth is a rough estimate: a depth model finds it far better (docs/control.md).")
    return tuple(notes)
