"""What may be written after `mezzotint convert`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from convert.coreml_order import add_options

CONVERT = (
    "Make a model ready for other hardware. For Core ML it is made for the sizes named here. "
    "A conversion that was stopped goes on from its finished parts."
)


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """The options of `mezzotint convert`, as they were written (see convert/coreml_order.py)."""

    model: str
    to: str
    target: str
    bits: str
    deployment_target: str
    size: str | None = None
    psnr: str | None = None
    lora: list[str] = field(default_factory=list[str])
    guidance_batch: str | None = None
    attention: str | None = None
    name: str | None = None
    out: str | None = None
    check: bool = False
    replace: bool = False
    quiet: bool = False


def add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an installed model's name, or a model's folder")
    add_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print the new model's folder only")
