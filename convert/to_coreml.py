"""One network of a model -> Core ML packages: traced, converted, palettized, sizes joined, cut to pieces.

Works on Linux and macOS: coremltools writes packages anywhere, and only a Mac runs them.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from backends.core.contract import InternalError
from backends.core.model_folder import ModelFolder
from convert import coreml_lora, mixed_bits
from convert.coreml_networks import PART_OF, Door, build, door, load_part
from convert.mil_reference import import_coremltools
from convert.palettize import palettize_mixed
from convert.recipes import FULL_PRECISION_FAMILIES, Order, System

_SIZED: Final = {"unet": "sample", "vae_decoder": "latents", "vae_encoder": "image"}
"""The input whose shape depends on the picture's size."""
Size = tuple[int, int]


def function_name(size: Size) -> str:
    """The function of a multifunction package that makes pictures of this size."""
    return f"size_{size[0]}x{size[1]}"


def convert_network(folder: ModelFolder, name: str, order: Order, into: Path) -> list[str]:
    """Writes a network's packages into a folder and returns their names, in the order they run."""
    network = _built(folder, name, order)
    package = into / f"{name}.mlpackage"
    if order.functions and name in _SIZED:
        _save_functions(folder, name, order, network, package)
    else:
        sizes = order.sizes if name in _SIZED else order.sizes[:1]
        convert_sizes(folder, name, order, network, sizes).save(str(package))
    return cut(package, order.on)


def convert_sizes(
    folder: ModelFolder, name: str, order: Order, network: nn.Module, sizes: tuple[Size, ...]
) -> Any:
    """A coremltools model of a network: for one size, or for any of several."""
    doors = [door(folder, name, size, guidance_batch(folder, order)) for size in sizes]
    shapes = {key: tuple(tuple(each.inputs[key].shape) for each in doors) for key in doors[0].inputs}
    full = folder.facts.family in FULL_PRECISION_FAMILIES and PART_OF[name] == "vae"
    model = to_model(network, doors[0], shapes, order.on, np.float32 if full else np.float16)
    return _fewer_bits(folder, model, name, order, network)


def guidance_batch(folder: ModelFolder, order: Order) -> int:
    """How many latents the UNet takes at once: two for guidance, one where the model has it distilled."""
    return order.guidance_batch or (1 if folder.facts.guidance_embedding else 2)


def _built(folder: ModelFolder, name: str, order: Order) -> nn.Module:
    return build(load_baked(folder, PART_OF[name], order), name, order.chosen_attention)


def load_baked(folder: ModelFolder, part: str, order: Order) -> Any:
    """A part's own module in float32, with the order's LoRAs added."""
    module = load_part(folder, part)
    for lora in order.loras:
        coreml_lora.bake(module, part, lora)
    return module


def to_model(
    network: nn.Module,
    entry: Door,
    shapes: Mapping[str, tuple[tuple[int, ...], ...]],
    system: System,
    number: Any = np.float16,
) -> Any:
    coremltools = import_coremltools()
    inputs = [
        coremltools.TensorType(
            name=key,
            shape=_shape(coremltools, shapes[key]),
            dtype=number if example.is_floating_point() else np.int32,
        )
        for key, example in entry.inputs.items()
    ]
    precision = coremltools.precision
    return coremltools.convert(
        _traced(network, tuple(entry.inputs.values())),
        inputs=inputs,
        outputs=[coremltools.TensorType(name=key, dtype=number) for key in entry.outputs],
        convert_to="mlprogram",
        minimum_deployment_target=getattr(coremltools.target, system.name),
        compute_precision=precision.FLOAT16 if number is np.float16 else precision.FLOAT32,
        skip_model_load=True,
    )


def _shape(coremltools: Any, shapes: tuple[tuple[int, ...], ...]) -> Any:
    different = list(dict.fromkeys(shapes))
    return (
        shapes[0]
        if len(different) == 1
        else coremltools.EnumeratedShapes(shapes=different, default=shapes[0])
    )


@torch.no_grad()
def _traced(network: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    jit: Any = torch.jit
    return jit.trace(network, inputs, check_trace=False)


def _fewer_bits(folder: ModelFolder, model: Any, name: str, order: Order, network: nn.Module) -> Any:
    if name != "unet":
        return palettize_mixed(model, order.bits if PART_OF[name] != "vae" else max(order.bits, 8), {})
    if order.least_psnr is None:
        return palettize_mixed(model, order.bits, {})
    example = door(folder, name, order.sizes[0], guidance_batch(folder, order))
    found = mixed_bits.search(network, example, order.least_psnr, grouped=order.on.grouped_palettes)
    return palettize_mixed(model, order.bits, mixed_bits.by_weight_name(model, found))


def _save_functions(folder: ModelFolder, name: str, order: Order, network: nn.Module, package: Path) -> None:
    """A function a size; equal weights are stored once."""
    utils: Any = importlib.import_module("coremltools.models.utils")
    parts = package.with_name(f"{name}-functions")
    parts.mkdir()
    description = utils.MultiFunctionDescriptor()
    for size in order.sizes:
        one = parts / f"{function_name(size)}.mlpackage"
        convert_sizes(folder, name, order, network, (size,)).save(str(one))
        description.add_function(str(one), "main", function_name(size))
    description.default_function_name = function_name(order.sizes[0])
    utils.save_multifunction(description, str(package))
    shutil.rmtree(parts)


def cut(package: Path, system: System) -> list[str]:
    """Halves a package until each piece is small enough for the system; the names, in the order they run."""
    if system.most_bytes is None or _weight(package) <= system.most_bytes:
        return [package.name]
    halves = _halves(package)
    if max(_weight(half) for half in halves) >= _weight(package):
        raise InternalError(
            f"{package.name} is too large for {system.name}, and can't be cut into smaller pieces.",
            "Use fewer bits.",
        )
    shutil.rmtree(package)
    return [name for half in halves for name in cut(half, system)]


def _halves(package: Path) -> list[Path]:
    utils: Any = importlib.import_module("coremltools.models.utils")
    utils.bisect_model(str(package), str(package.parent), check_output_correctness=False)
    return [package.with_name(f"{package.stem}_chunk{number}.mlpackage") for number in (1, 2)]


def _weight(package: Path) -> int:
    return sum(file.stat().st_size for file in package.rglob("*") if file.is_file())
