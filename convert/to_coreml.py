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
from convert import bits_inputs, coreml_lora, mixed_bits
from convert.coreml_networks import PART_OF, Door, build, door, kind_of, load_part
from convert.mil_reference import import_coremltools
from convert.palettize import FULL, palettize
from convert.recipes import Order, System

_SIZED: Final = {"unet": "sample", "vae_decoder": "latents", "vae_encoder": "image"}
"""The input whose shape depends on the picture's size."""
_FEWEST_VAE_BITS: Final = 8
Size = tuple[int, int]
Bits = Mapping[str, int]
"""By the module's name."""


def function_name(size: Size) -> str:
    """The function of a multifunction package that makes pictures of this size."""
    return f"size_{size[0]}x{size[1]}"


def convert_network(folder: ModelFolder, name: str, order: Order, into: Path) -> list[str]:
    """Writes a network's packages into a folder and returns their names, in the order they run."""
    examples = bits_inputs.examples(folder, name, order.sizes[0]) if _uneven(name, order) else {}
    network = _built(folder, name, order)
    bits = _bits(network, name, order, examples)
    package = into / f"{name}.mlpackage"
    if order.functions and name in _SIZED:
        _save_functions(folder, name, order, network, bits, package)
    else:
        sizes = order.sizes if name in _SIZED else order.sizes[:1]
        convert_sizes(folder, name, order, network, bits, sizes).save(str(package))
    return cut(package, order.on)


def convert_sizes(
    folder: ModelFolder, name: str, order: Order, network: nn.Module, bits: Bits, sizes: tuple[Size, ...]
) -> Any:
    """A coremltools model of a network for one size or any of several; `bits` are for some of its layers."""
    doors = [door(folder, name, size, guidance_batch(folder, order)) for size in sizes]
    shapes = {key: tuple(tuple(each.inputs[key].shape) for each in doors) for key in doors[0].inputs}
    full = PART_OF[name] == "vae" and not folder.facts.half_vae
    model = to_model(network, doors[0], shapes, order.on, np.float32 if full else np.float16)
    even = max(order.bits, _FEWEST_VAE_BITS) if PART_OF[name] == "vae" else order.bits
    return palettize(model, even, mixed_bits.by_weight_name(model, bits))


def _uneven(name: str, order: Order) -> bool:
    """Whether layers are looked at one by one: some need more bits than the others."""
    fewest = name == "unet" and order.least_psnr is not None
    return PART_OF[name] != "vae" and (fewest or order.bits < FULL)


def _bits(network: nn.Module, name: str, order: Order, examples: Mapping[str, Tensor]) -> Bits:
    if not _uneven(name, order):
        return {}
    if name == "unet" and order.least_psnr is not None:
        return mixed_bits.smallest(network, examples, order.least_psnr, grouped=order.on.grouped_palettes)
    return mixed_bits.closest(network, examples, order.bits)


def guidance_batch(folder: ModelFolder, order: Order) -> int:
    """How many latents the UNet takes at once: two for guidance, one where the model has it distilled."""
    return order.guidance_batch or (1 if folder.facts.guidance_embedding else 2)


def _built(folder: ModelFolder, name: str, order: Order) -> nn.Module:
    return build(load_baked(folder, PART_OF[name], order), kind_of(folder, name), order.chosen_attention)


def load_baked(folder: ModelFolder, part: str, order: Order) -> Any:
    """A part's own module in float32, with the order's LoRAs added."""
    module = load_part(folder, part)
    for lora in order.loras:
        coreml_lora.bake(module, folder, part, lora)
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


def _save_functions(
    folder: ModelFolder, name: str, order: Order, network: nn.Module, bits: Bits, package: Path
) -> None:
    """A function a size; equal weights are stored once."""
    utils: Any = importlib.import_module("coremltools.models.utils")
    parts = package.with_name(f"{name}-functions")
    parts.mkdir()
    description = utils.MultiFunctionDescriptor()
    for size in order.sizes:
        one = parts / f"{function_name(size)}.mlpackage"
        convert_sizes(folder, name, order, network, bits, (size,)).save(str(one))
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
