"""What the window has to ask before a file is imported, as one line of JSON: where its other parts come from,
what it predicts, another name, or whether it is kept as what it is, which is no model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backends.core import controlnet_fit, lora_base, vae_fit
from backends.core.model_folder import made_for, open_folder
from convert.bases import misfit
from convert.import_model import Say
from convert.prepare import Source
from convert.source.additions import FOLDERS, addition_in
from convert.source.holding import DENOISERS, Holding, holding
from convert.source.kinds import REFINER
from convert.source.names import folder_name
from desktop.cli.models import Look, look_at
from desktop.downloads.recommended import find_recommended
from desktop.library import paths
from desktop.library.additions import search_folders
from desktop.library.models import STARTER, chosen_folders, installed_models, models_in

_FAMILIES = {"1.x": "sd1", "2.x": "sd1", "XL": "sdxl", REFINER: "sdxl", "3": "sd3"}
_HUBS = {
    "1.x": "sd15",
    "2.x": "sd-turbo",
    "XL": "sdxl",
    REFINER: "sdxl",
    "zimage": "z-image-turbo",
    "flux2": "flux2-klein",
}
"""Which of the recommended models has the other parts."""
_OF_VAES = {4: "sd15", 32: "flux2-klein"}
_CONV = "decoder.conv_in.weight"


class Asks(Exception):
    """Ends an import with a question."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.line = json.dumps({"question": told})


def ask(sources: Sequence[Source], name: str, say: Say) -> None:
    """Raises Asks where a person has to say something, BrokenModel for a file that can't be imported."""
    first, told = sources[0], _told(sources[0], name)
    if told.get("addition", "vae") != "vae":
        raise Asks(told)
    held = holding(first.file, first.header, [(each.file, each.header) for each in sources[1:]])
    told |= {"of": held.of, "parts": sorted(held.parts), "lacks": sorted(held.lacks)}
    told |= {"latents": _latents(first), "prediction": held.prediction, "because": held.because}
    if held.lacks:
        say("Looking which models have the other parts")
        raise Asks(told | {"bases": list(_bases(sources, held, name)), "get": _recommended(held, first)})
    if held.prediction or told["taken"]:
        raise Asks(told)


def ask_to_keep(source: Source, name: str) -> None:
    """The same for a file that is none of a model's, if it is what pictures take besides."""
    told = _told(source, name)
    if "addition" in told:
        raise Asks(told)


def _told(source: Source, name: str) -> dict[str, Any]:
    free, kind = free_name(name), addition_in(source.header.shapes)
    told: dict[str, Any] = {"source": str(source.file), "name": free, "taken": free != folder_name(name)}
    if not kind:
        return told
    return told | {"addition": kind, "for": _made_for(kind, source), "folder": str(folder_of(kind))}


def free_name(name: str) -> str:
    """This name as a folder can have it, or with a number that is not taken yet."""
    wanted, number = folder_name(name), 1
    found = wanted
    while (paths.models_folder() / found).exists():
        number += 1
        found = f"{wanted}-{number}"
    return found


def folder_of(kind: str) -> Path:
    """Our own folder for such files."""
    return search_folders()[0] / FOLDERS[kind]


def _made_for(kind: str, source: Source) -> str:
    """ "Stable Diffusion XL" ..., or ""."""
    if kind == "controlnet":
        return controlnet_fit.base_of(source.header.shapes)
    return lora_base.base(source.header.metadata, source.header.shapes) if kind == "lora" else ""


def _latents(source: Source) -> int:
    """How many channels a VAE's latents have; 0 where there is none."""
    shapes = source.header.shapes.items()
    return next((shape[1] for key, shape in shapes if key.endswith(_CONV) and len(shape) == 4), 0)


def _bases(sources: Sequence[Source], held: Holding, name: str) -> Iterator[dict[str, Any]]:
    """Those that fit, the likeliest first, then those of the family that don't, with the reason."""
    looks = [look for look in map(look_at, _models()) if look.facts and not made_for(look.installed.folder)]
    found = [(look, misfit(sources, look.installed.folder, name)) for look in looks]
    kept = [(look, why) for look, why in found if not why or _is_of(look, held)]
    order = [(bool(why), *_distance(look, held, name), at) for at, (look, why) in enumerate(kept)]
    for look, why in (kept[at] for *_, at in sorted(order)):
        folder, facts = look.installed.folder, look.facts
        title = open_folder(folder).manifest.get("title") or (facts.name if facts else look.installed.name)
        yield {"name": look.installed.name, "title": str(title), "folder": str(folder), "misfit": why}


def _models() -> Iterator[Any]:
    seen = set[Path]()
    for model in (*installed_models(), *models_in(chosen_folders())):
        if model.folder not in seen:
            seen.add(model.folder)
            yield model


def _is_of(look: Look, held: Holding) -> bool:
    return look.facts is not None and look.facts.family == _FAMILIES.get(held.of, held.of)


def _distance(look: Look, held: Holding, name: str) -> tuple[int, ...]:
    """How unlike: distilled or not, by a VAE's name, by the family, the starter or not, then how few words
    the names share."""
    facts, folder = look.facts, look.installed.folder
    other = held.distilled is not None and facts is not None and facts.takes_guidance == held.distilled
    doubted = held.parts == {"vae"} and bool(vae_fit.doubt(open_folder(folder), Path(f"{name}.safetensors")))
    shared = _words(name) & _words(look.installed.name)
    small = look.installed.name.startswith(STARTER)
    return int(other), int(doubted), int(not _is_of(look, held)), int(small), -len(shared)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+|\d+", name.casefold()))


def _recommended(held: Holding, source: Source) -> dict[str, Any] | None:
    """A model of the hub's that would do."""
    name = _HUBS.get(held.of)
    if name is None and not held.parts & DENOISERS:
        name = _OF_VAES.get(_latents(source)) if "vae" in held.parts else _HUBS["zimage"]
    found = find_recommended(name) if name else None
    return {"name": found.name, "title": found.title, "gigabytes": found.gigabytes} if found else None
