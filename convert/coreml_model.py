"""A whole model -> a folder that backends/coreml.py opens: checked, made network by network, published."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any, Final

import torch

from backends.core import preview
from backends.core.contract import BrokenModel, InvalidRequest, OutOfMemory, SaveFailed
from backends.core.coreml_folder import FAMILIES
from backends.core.memory import available_bytes, in_words
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.streaming_files import read_header
from convert import coreml_lora, coremltools_progress, recipes, to_coreai, to_coreml, verify
from convert.coreml_networks import PART_OF, halvings, kind_of, names, plain, reference_network
from convert.mil_reference import import_coremltools
from convert.publish import Finished, Workbench
from convert.recipes import COREAI, COREML, Order, Progress

Report = Callable[[Progress], None]
WORDS: Final[Mapping[str, str]] = {
    "text_encoder": "Converting the text encoder",
    "text_encoder_2": "Converting the second text encoder",
    "unet": "Converting the UNet",
    "vae_decoder": "Converting the decoder",
    "vae_encoder": "Converting the encoder",
}
_CALLED: Final = {COREML: "Core ML", COREAI: "Core AI"}
_TOOLS: Final = {COREML: "coremltools", COREAI: "coreai-torch"}
_MEMORY_FACTOR: Final = 2.2
"""Peak memory over a network's weights in float32: 2.0 for the UNet of SD 1.5 (see docs/coreml.md)."""
_BYTES_BESIDES: Final = 10**9


def convert_model(order: Order, report: Report) -> Path:
    """Converts, and returns the new model's folder. What an earlier run of the same order finished is kept.

    Raises BackendUnavailable, BrokenModel, InvalidRequest, OutOfMemory or SaveFailed.
    """
    report(Progress(words="Checking the model"))
    (to_coreai.import_coreai if order.to == COREAI else import_coremltools)()
    folder = _open(order)
    order = settle(folder, order)
    check_room(folder, order.destination.parent)
    bench = Workbench(order.destination, _fingerprint(folder, order), replace=order.replace)
    done: dict[str, Finished] = {}
    networks = names(folder)
    of = len(networks) + order.check
    for number, name in enumerate(networks):
        now = Progress(words=WORDS[name], done=number, of=of)
        report(now)
        done[name] = bench.finished(name) or _make(bench, folder, name, order, report, now)
    manifest = make_manifest(folder, order, done)
    manifest[order.to]["preview"] = fit_preview(folder)
    if order.check:
        report(Progress(words="Comparing with the original", done=len(networks), of=of))
        bench.describe(manifest)
        manifest[order.to]["checks"] = check(bench.model, done, folder, order, report)
    report(Progress(words="Finishing", done=of, of=of))
    return bench.publish(folder.path, manifest)


def settle(folder: ModelFolder, order: Order) -> Order:
    """The order with the model's own size where none is asked for. Raises InvalidRequest for odd sizes
    and for inpainting and depth models, whose UNet has a wider door."""
    if folder.facts.takes_depth:
        raise InvalidRequest(
            f"{folder.facts.name} is a depth model, which can't be converted yet.",
            "Use it with another backend, or convert the plain version of the model.",
        )
    if folder.facts.takes_mask:
        raise InvalidRequest(
            f"{folder.facts.name} is an inpainting model, which can't be converted yet.",
            "Convert the plain version of the model: it paints within a mask, too.",
        )
    defaults = folder.facts.defaults
    settled = replace(order, sizes=order.sizes or ((defaults.width, defaults.height),))
    recipes.check_sizes(settled, folder.facts.latent_scale * 2 ** halvings(folder.configs["unet"]))
    return settled


def check_room(folder: ModelFolder, where: Path) -> None:
    """Raises SaveFailed or OutOfMemory when a conversion would not fit onto the disk or into memory."""
    half = {part: _half_bytes(folder, part) for part in folder.networks}
    disk = 2 * sum(half.values()) + max(half.values())
    _check_disk(where, disk)
    _check_disk(Path(tempfile.gettempdir()), 2 * max(half.values()))
    memory = int(_MEMORY_FACTOR * 2 * max(half.values())) + _BYTES_BESIDES
    if memory > available_bytes():
        raise OutOfMemory(
            f"Converting this model takes about {in_words(memory)} of memory; "
            f"{in_words(available_bytes())} is free.",
            "Close other programs, or convert it on a machine with more memory.",
        )


@torch.no_grad()
def fit_preview(folder: ModelFolder) -> dict[str, list[Any]]:
    """The map from latents to small pictures, which can't be fitted to a decoder of one size."""
    decoder, scale = reference_network(folder, "vae_decoder"), folder.facts.scaling_factor
    fitted: Any = preview.fit(lambda latents: decoder(latents / scale), folder.facts.latent_channels)
    return {"matrix": fitted.matrix.tolist(), "bias": fitted.bias.tolist()}


def check(
    converted: Path, done: Mapping[str, Finished], folder: ModelFolder, order: Order, report: Report
) -> dict[str, dict[str, float]]:
    """The PSNR of each network against torch, in dB, by arithmetic (see convert/verify.py)."""
    if order.to == COREAI:
        packages = {name: each.packages for name, each in done.items()}
        rates = to_coreai.check(converted, packages, folder, order)
        return {name: {"fp16": rate} for name, rate in rates}
    found: dict[str, dict[str, float]] = {}
    made = verify.verify(
        converted,
        order.model,
        reference=lambda name: plain(_part(folder, name, order), kind_of(folder, name)),
    )
    of = len(names(folder))
    for each in made:
        report(Progress(words=f"Compared: {each.words}", done=of, of=of + 1))
        found.setdefault(each.network, {})[str(each.arithmetic)] = round(min(each.psnr, 200.0), 1)
    return found


def make_manifest(folder: ModelFolder, order: Order, done: Mapping[str, Finished]) -> dict[str, Any]:
    """model.json, but for the small files."""
    old, facts = folder.manifest, folder.facts
    width, height = order.sizes[0]
    defaults = {
        "width": width,
        "height": height,
        "steps": facts.defaults.steps,
        "guidance_scale": facts.defaults.guidance_scale,
        "sampler": facts.defaults.sampler,
    }
    told = {key: old[key] for key in ("origin", "licence") if key in old}
    functions = (
        {f"{w}x{h}": to_coreml.function_name((w, h)) for w, h in order.sizes} if order.functions else {}
    )
    return {
        "format": 1,
        "name": order.destination.name,
        "title": f"{old.get('title', facts.name)} for {_CALLED[order.to]}",
        **told,
        "defaults": defaults,
        "made_for": order.to,
        order.to: {
            **recipes.to_plain(order),
            "guidance_batch": to_coreml.guidance_batch(folder, order),
            "units": recipes.TARGETS[order.target].units,
            _TOOLS[order.to]: version(_TOOLS[order.to]),
            "source": {
                "name": facts.name,
                "hash": folder.model_hash(),
                "folder": str(order.model.absolute()),
            },
            "functions": functions,
            "packages": {name: list(each.packages) for name, each in done.items()},
            "checks": {},
        },
        "files": {path: dict(each) for one in done.values() for path, each in one.files.items()},
    }


def _open(order: Order) -> ModelFolder:
    folder = open_folder(order.model)
    if folder.manifest.get("made_for"):
        raise InvalidRequest(
            f"{order.model.name} is converted already.", "Convert the model that it was made from."
        )
    if folder.facts.family not in FAMILIES:
        raise InvalidRequest(
            f"{folder.facts.name} is of a kind that can't be converted.",
            "Convert a model of Stable Diffusion 1.x, 2.x or XL.",
        )
    folder.check_files()
    if folder.configs["text_encoder"].get("use_attention_mask"):
        raise BrokenModel(
            "This model's text encoder hides padding, which our form of it can't.", "Use another."
        )
    for lora in order.loras:
        coreml_lora.check_fits(folder, lora)
    return folder


def _part(folder: ModelFolder, name: str, order: Order) -> Any:
    return to_coreml.load_baked(folder, PART_OF[name], order)


def _make(
    bench: Workbench, folder: ModelFolder, name: str, order: Order, report: Report, now: Progress
) -> Finished:
    def say(step: int, steps: int) -> None:
        report(replace(now, step=step, steps=steps))

    if order.to == COREAI:
        return bench.add(name, lambda into: to_coreai.convert_network(folder, name, order, into))
    with coremltools_progress.heard(say):
        return bench.add(name, lambda into: to_coreml.convert_network(folder, name, order, into))


def _fingerprint(folder: ModelFolder, order: Order) -> dict[str, Any]:
    loras = [coreml_lora.digest(lora) for lora in order.loras]
    return {**recipes.to_plain(order), "source": folder.model_hash(), "lora_hashes": loras}


def _half_bytes(folder: ModelFolder, part: str) -> int:
    """A part's weights in fp16, whatever its files hold them in."""
    headers = [read_header(path) for path in folder.weight_files(part)]
    return 2 * sum(prod(each.shape) for header in headers for each in header.values())


def _check_disk(where: Path, needed: int) -> None:
    at = next(path for path in (where, *where.parents) if path.exists())
    free = shutil.disk_usage(at).free
    if free < needed:
        raise SaveFailed(
            f"Converting this model takes {in_words(needed)} of disk in {at}; {in_words(free)} is free.",
            "Make room, or choose another folder with --out.",
        )
