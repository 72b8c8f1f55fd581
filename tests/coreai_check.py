"""Our MIL interpreter against an independent one: `python -m tests.coreai_check [MODEL]`.

The same networks (a tiny random model's, or MODEL's) go three ways, all in fp32: torch; Core ML's MIL through
our interpreter; Apple's Core AI through its own Linux interpreter. Not part of the test suite, as Core AI's
wheels are pre-release. To run it, install coreai-core 1.0.0b3 and coreai-torch 0.4.3 beside Mezzotint.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from backends.core.model_folder import ModelFolder, open_folder
from backends.core.quiet import quiet
from convert.coreml_networks import PART_OF, build, door, kind_of, load_part, names, reference_network
from convert.mil_reference import Network, from_model, import_coremltools
from convert.mil_reference.parity import psnr
from tests.tiny_models import EPSILON, make_tiny_model

Arrays = list[np.ndarray[Any, Any]]


def main() -> int:
    """One line a network; 0 when all agree to 80 dB or Core AI (or a part of it) isn't there, 1 when not."""
    try:
        coreai = importlib.import_module("coreai_torch")
    except ImportError as error:
        print(f"Skipped: Core AI is not installed ({error}).")
        return 0
    quiet()
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(sys.argv[1]) if sys.argv[1:] else make_tiny_model(Path(scratch) / "tiny", EPSILON)
        folder = open_folder(model)
        agree = [compare(coreai, folder, name, Path(scratch)) for name in names(folder)]
    return 0 if all(agree) else 1


def compare(coreai: Any, folder: ModelFolder, name: str, scratch: Path) -> bool:
    """One network three ways: the worst PSNR of each pair."""
    defaults = folder.facts.defaults
    inputs = door(folder, name, (defaults.width, defaults.height), 2 if name == "unet" else 1).inputs
    with torch.inference_mode():
        made = reference_network(folder, name)(*inputs.values())
    network = build(load_part(folder, PART_OF[name]), kind_of(folder, name), "original")
    expected = [each.numpy() for each in (made if isinstance(made, tuple) else (made,))]
    ours = by_mil(network, inputs)
    theirs = asyncio.run(by_coreai(coreai, network, inputs, scratch / f"{name}.aimodel"))
    pairs = {
        "MIL to torch": worst(ours, expected),
        "Core AI to torch": worst(theirs, expected),
        "MIL to Core AI": worst(ours, theirs),
    }
    print(f"{name:<13}", "  ".join(f"{pair} {value:.1f} dB" for pair, value in pairs.items()), flush=True)
    return min(pairs.values()) >= 80


def by_mil(network: nn.Module, inputs: Mapping[str, Tensor]) -> Arrays:
    """Converted with coremltools in fp32, run by our interpreter."""
    ct = import_coremltools()
    traced = torch.jit.trace(network, tuple(inputs.values()), check_trace=False)
    kinds = {torch.int32: np.int32}
    doors = [
        ct.TensorType(name=name, shape=tuple(each.shape), dtype=kinds.get(each.dtype, np.float32))
        for name, each in inputs.items()
    ]
    model = ct.convert(
        traced,
        inputs=doors,
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.macOS13,
        skip_model_load=True,
    )
    return list(
        Network(from_model(model)).run({name: each.numpy() for name, each in inputs.items()}).values()
    )


async def by_coreai(coreai: Any, network: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> Arrays:
    """Converted with coreai-torch, run by Core AI's interpreter."""
    runtime = importlib.import_module("coreai.runtime")
    with torch.no_grad():
        exported = torch.export.export(network, args=tuple(inputs.values()))
        exported = exported.run_decompositions(coreai.get_decomp_table())
    outputs = [f"out_{place}" for place in range(len(exported.graph_signature.user_outputs))]
    converter = coreai.TorchConverter().add_exported_program(
        exported, input_names=list(inputs), output_names=outputs
    )
    asset = converter.to_coreai().save_asset(path)
    async with asset.executable() as model:
        made = await model.load_function("main")(
            {name: runtime.NDArray(each.numpy()) for name, each in inputs.items()}
        )
        return [made[name].numpy() for name in outputs]


def worst(got: Arrays, want: Arrays) -> float:
    """The lowest PSNR of any output."""
    return min(psnr(each, other) for each, other in zip(got, want, strict=True))


if __name__ == "__main__":
    sys.exit(main())
