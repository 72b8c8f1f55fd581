"""How small and how close a UNet is at each bit count: `python -m convert.bits_table MODEL`.

Prints the table of docs/coreml.md. PSNR is of the UNet against torch's float32, in fp32 arithmetic, on what
the denoiser gets while a prompt becomes a picture (convert/verify_inputs.py), or on noise with --noise.
With --even every layer has as many bits as named; else they are the fewest, as in a conversion.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from backends.core.memory import in_words, peak_bytes
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.quiet import quiet
from convert import to_coreml, verify_inputs
from convert.coreml_model import settle
from convert.coreml_networks import build, door, reference_network
from convert.mil_reference import load
from convert.mil_reference.parity import psnr
from convert.recipes import BITS, Order, parse_sizes

Arrays = Mapping[str, NDArray[Any]]
HEADER: Final = ("bits", "size", "PSNR", "seconds")


@dataclass(frozen=True)
class Row:
    """One conversion of a UNet: bits, bytes on disk, the least PSNR in dB, and how long it took."""

    bits: int
    size: int
    psnr: float
    seconds: float

    @property
    def words(self) -> tuple[str, ...]:
        label = "4 (groups of 16 channels)" if self.bits == 4 else str(self.bits)
        return label, in_words(self.size), f"{self.psnr:.1f} dB", f"{self.seconds:.0f}"


Convert = Callable[[ModelFolder, Order, Path], Path]
"""Writes the UNet's package of an order into a folder."""


def rows(
    model: Path, size: tuple[int, int] | None, bits: Sequence[int], noise: bool, convert: Convert
) -> Iterator[Row]:
    """A row for each bit count, as soon as it is known."""
    folder = open_folder(model)
    plain = settle(
        folder, Order(model=model, destination=model, sizes=(size,) if size else (), system="macOS15")
    )
    inputs = _noise(folder, plain) if noise else verify_inputs.record(model, plain.sizes[0])["unet"]
    wanted = _wanted(folder, inputs)
    for count in bits:
        order = Order(
            model=model, destination=model, sizes=plain.sizes, system="macOS15", bits=count, guidance_batch=1
        )
        yield _row(folder, order, inputs, wanted, convert)


def as_converted(folder: ModelFolder, order: Order, into: Path) -> Path:
    """As `mezzotint convert` makes it: layers that need more have more."""
    (package,) = to_coreml.convert_network(folder, "unet", order, into)
    return into / package


def evenly(folder: ModelFolder, order: Order, into: Path) -> Path:
    """Every layer in the same bits, which takes a fraction of the time."""
    package = into / "unet.mlpackage"
    network = build(to_coreml.load_baked(folder, "unet", order), "unet", order.chosen_attention)
    to_coreml.convert_sizes(folder, "unet", order, network, {}, order.sizes).save(str(package))
    return package


def _row(
    folder: ModelFolder, order: Order, inputs: list[Arrays], wanted: list[NDArray[Any]], convert: Convert
) -> Row:
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        package = convert(folder, order, Path(name))
        seconds = time.monotonic() - began
        network = load(package)
        found = [network.run(_one(each))["prediction"] for each in inputs]
        size = sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file())
    return Row(order.bits, size, min(psnr(*pair) for pair in zip(found, wanted, strict=True)), seconds)


def _wanted(folder: ModelFolder, inputs: list[Arrays]) -> list[NDArray[Any]]:
    network = reference_network(folder, "unet")
    with torch.inference_mode():
        return [network(*map(torch.as_tensor, _one(each).values())).numpy() for each in inputs]


def _noise(folder: ModelFolder, order: Order) -> list[Arrays]:
    return [{name: np.asarray(each) for name, each in door(folder, "unet", order.sizes[0]).inputs.items()}]


def _one(inputs: Arrays) -> dict[str, NDArray[Any]]:
    """For a UNet that takes one at a time: the prompt's."""
    return {name: verify_inputs.fit_batch(each, 1) for name, each in inputs.items()}


def main(words: Sequence[str] | None = None) -> int:
    """Prints a Markdown table, row by row."""
    parser = argparse.ArgumentParser(prog="python -m convert.bits_table", description=__doc__)
    parser.add_argument("model", type=Path, help="a model's folder")
    parser.add_argument("--size", metavar="WxH", help="the size to convert for (the model's own)")
    parser.add_argument("--bits", type=int, nargs="+", default=list(BITS), choices=BITS)
    parser.add_argument("--noise", action="store_true", help="for models with random weights")
    parser.add_argument("--even", action="store_true", help="the same bits in every layer")
    options = parser.parse_args(words)
    quiet()
    _print(HEADER)
    _print(["---"] * len(HEADER))
    convert = evenly if options.even else as_converted
    size = parse_sizes(options.size)[0] if options.size else None
    for row in rows(options.model, size, options.bits, options.noise, convert):
        _print(row.words)
    print(f"\npeak memory {in_words(peak_bytes() or 0)}")
    return 0


def _print(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
