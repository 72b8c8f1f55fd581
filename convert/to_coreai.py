"""One network of a model -> a Core AI asset (.aimodel), Apple's successor of Core ML for macOS 27 and newer.

Exported by torch, converted by coreai-torch, in fp16, for one size. Works on Linux and macOS; on Linux Core
AI's own interpreter runs it. Both packages are pre-release. Untested on hardware.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from backends.core.contract import BackendUnavailable
from backends.core.coreai_runtime import CoreAI, why_not_installed
from backends.core.model_folder import ModelFolder
from convert.coreml_networks import PART_OF, Door, build, door, kind_of, names, plain
from convert.mil_reference.parity import psnr
from convert.recipes import Order
from convert.to_coreml import guidance_batch, load_baked
from convert.verify_inputs import fit_batch, record


def import_coreai() -> Any:
    """coreai-torch. Raises BackendUnavailable, with what to install."""
    if reason := why_not_installed("coreai_torch"):
        raise BackendUnavailable(reason, "Then convert again.")
    return importlib.import_module("coreai_torch")


def convert_network(folder: ModelFolder, name: str, order: Order, into: Path) -> list[str]:
    """Writes a network's asset into a folder and returns its name, in a list."""
    network = build(load_baked(folder, PART_OF[name], order), kind_of(folder, name), order.chosen_attention)
    entry = door(folder, name, order.sizes[0], guidance_batch(folder, order))
    full = PART_OF[name] == "vae" and not folder.facts.half_vae
    to_asset(network, entry, torch.float32 if full else torch.float16, into / f"{name}.aimodel")
    return [f"{name}.aimodel"]


def to_asset(network: nn.Module, entry: Door, number: torch.dtype, path: Path) -> None:
    """Writes a network as an asset that computes in this type; it takes and gives arrays of that type."""
    coreai = import_coreai()
    inputs = [each.to(number) if each.is_floating_point() else each for each in entry.inputs.values()]
    with torch.no_grad():
        exported: Any = torch.export.export(network.to(number), args=tuple(inputs))
        exported = exported.run_decompositions(coreai.get_decomp_table())
    converter = coreai.TorchConverter(mode=coreai.TorchConverter.Mode.RELEASE)
    converter.add_exported_program(exported, input_names=list(entry.inputs), output_names=list(entry.outputs))
    converter.to_coreai().save_asset(path)


def check(
    converted: Path, packages: Mapping[str, tuple[str, ...]], folder: ModelFolder, order: Order
) -> Iterator[tuple[str, float]]:
    """Each network and its PSNR in dB: Core AI's runtime on real inputs against torch in float32."""
    recorded, runtime, batch = record(folder.path, order.sizes[0]), CoreAI(), guidance_batch(folder, order)
    for name in names(folder):
        reference = plain(load_baked(folder, PART_OF[name], order), kind_of(folder, name))
        run = runtime.load(converted / packages[name][0], None)
        entry, worst = door(folder, name, order.sizes[0], batch), float("inf")
        for each in recorded[name]:
            given = {key: fit_batch(array, len(entry.inputs[key])) for key, array in each.items()}
            found = run(given)
            with torch.inference_mode():
                made: Any = reference(*(torch.as_tensor(array) for array in given.values()))
            wanted: tuple[Any, ...] = cast(Any, made) if isinstance(made, tuple) else (made,)
            pairs = zip(entry.outputs, wanted, strict=True)
            worst = min(worst, *(psnr(np.asarray(found[key]), each.numpy()) for key, each in pairs))
        yield name, round(min(worst, 200.0), 1)
    runtime.close()
