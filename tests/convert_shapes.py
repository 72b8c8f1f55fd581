"""Converts UNets of the shapes people have, with random weights, and compares each with torch.

python -m tests.convert_shapes --shapes sd15 --sizes 512x512 --attention split-einsum original

Prints a table: time (elapsed, and of one processor core) and peak memory of the conversion, bytes, PSNR in
fp32 arithmetic and with fp16's rounding. Each line is made in a process of its own. SDXL's UNet can be cut:
`--sdxl-layers 2` has two transformer layers where it has ten.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backends.core.memory import in_words, peak_bytes
from backends.core.quiet import quiet
from convert import mil_reference, to_coreml
from convert.coreml_networks import Door, build, plain
from convert.mil_reference.parity import psnr
from convert.recipes import ATTENTIONS, SYSTEMS, parse_sizes

SD: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}
SHAPES: dict[str, dict[str, Any]] = {
    "sd15": SD,
    "sd21": SD
    | {"attention_head_dim": (5, 10, 20, 20), "cross_attention_dim": 1024, "use_linear_projection": True},
    "sdxl": {
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "layers_per_block": 2,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
HEADER = ("shape", "size", "attention", "seconds", "of a core", "peak memory", "package", "fp32", "fp16")


@dataclass(frozen=True)
class Case:
    shape: str
    size: tuple[int, int]
    attention: str
    layers: int
    fp16: bool


def convert_one(case: Case, queue: Any) -> None:
    """In a process of its own, so that the peak is this conversion's."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    quiet()
    torch.manual_seed(0)
    config = dict(SHAPES[case.shape])
    if case.shape == "sdxl":
        config["transformer_layers_per_block"] = (1, 2, case.layers)
    unet: Any = UNet2DConditionModel(**config).eval().requires_grad_(False)
    _as_fp16(unet)
    entry = _door(unet, case.size)
    with torch.inference_mode():
        wanted = plain(unet, "unet")(*entry.inputs.values()).numpy()
    for name in ("get_time_embed", "get_aug_embed"):
        unet.__dict__.pop(name, None)
    began, computed = time.monotonic(), time.process_time()
    shapes = {name: (tuple(each.shape),) for name, each in entry.inputs.items()}
    system = SYSTEMS["macOS15" if case.attention == "fused" else "macOS13"]
    model = to_coreml.to_model(build(unet, "unet", case.attention), entry, shapes, system)
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "unet.mlpackage")
        model.save(str(package))
        row: dict[str, Any] = {"seconds": time.monotonic() - began, "peak": peak_bytes() or 0}
        row["cpu"] = time.process_time() - computed
        row["bytes"] = sum(file.stat().st_size for file in package.rglob("*") if file.is_file())
        del model, unet
        network = mil_reference.load(package)
        arrays = {name: each.numpy() for name, each in entry.inputs.items()}
        for arithmetic in ("fp32", "fp16") if case.fp16 else ("fp32",):
            row[arithmetic] = psnr(network.run(arrays, arithmetic)["prediction"], wanted)
    queue.put(row)


def _as_fp16(unet: Any) -> None:
    """Weights as a file would hold them, so that the comparison is of the conversion alone."""
    for weight in unet.parameters():
        weight.data = weight.data.half().float()


def _door(unet: Any, size: tuple[int, int]) -> Door:
    config = unet.config
    inputs = {
        "sample": torch.randn(1, 4, size[1] // 8, size[0] // 8),
        "time_features": torch.rand(1, config.block_out_channels[0]) * 2 - 1,
        "encoder_hidden_states": torch.randn(1, 77, config.cross_attention_dim),
    }
    if config.addition_embed_type == "text_time":
        inputs["added_features"] = torch.randn(1, config.projection_class_embeddings_input_dim)
    return Door(inputs, ("prediction",))


def run(case: Case) -> dict[str, Any]:
    """The row of one case; without numbers when the process died (of memory, most likely)."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=convert_one, args=(case, queue))
    process.start()
    process.join()
    return {} if queue.empty() else queue.get()


def cells(case: Case, row: dict[str, Any]) -> list[str]:
    named = [case.shape, f"{case.size[0]} x {case.size[1]}", case.attention]
    if not row:
        return [*named, "failed"]
    rates = [f"{row[each]:.1f} dB" if each in row else "" for each in ("fp32", "fp16")]
    return [
        *named,
        f"{row['seconds']:.0f}",
        f"{row['cpu']:.0f}",
        in_words(row["peak"]),
        in_words(row["bytes"]),
        *rates,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--sizes", default="512x512,768x768")
    parser.add_argument("--attention", nargs="+", default=list(ATTENTIONS), choices=ATTENTIONS)
    parser.add_argument("--sdxl-layers", type=int, default=10)
    parser.add_argument("--fp16", action="store_true", help="also with fp16's rounding, which takes longer")
    parser.add_argument("--json", type=Path, help="a file that gets a line a row")
    options = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}", flush=True)
    for shape in options.shapes:
        for size in parse_sizes(options.sizes):
            for attention in options.attention:
                case = Case(shape, size, attention, options.sdxl_layers, options.fp16)
                row = run(case)
                print(f"| {' | '.join(cells(case, row))} |", flush=True)
                if options.json:
                    with options.json.open("a") as file:
                        file.write(
                            json.dumps({"shape": shape, "size": size, "attention": attention} | row) + "\n"
                        )


if __name__ == "__main__":
    main()
