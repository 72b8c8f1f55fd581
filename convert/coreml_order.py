"""The words of `mezzotint convert`, and the order they make. Standard library only."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.core.contract import InvalidRequest
from convert.recipes import ATTENTIONS, SYSTEMS, TARGETS, TO, Order, default_name, parse_lora, parse_sizes


def add_options(parser: ArgumentParser) -> None:
    """Everything but the model. Values are checked by `make_order`."""
    add = parser.add_argument
    add("--to", metavar="FORMAT", default="coreml", help=f"what to convert to: {', '.join(TO)} (coreml)")
    add("--for", dest="target", metavar="UNITS", default="any", help=f"{', '.join(TARGETS)} (any)")
    add("--size", metavar="WxH,...", help="the sizes it will make, such as 512x512,768x768 (the model's own)")
    add("--bits", metavar="N", default="16", help="bits a weight: 16, 8, 6 or 4 (16)")
    add("--psnr", metavar="DB", help="as few bits in each layer as keep the UNet this close, such as 60")
    add("--lora", metavar="FILE:SCALE", action="append", default=[], help="add a LoRA for good (repeatable)")
    add("--guidance-batch", metavar="N", help="latents the UNet takes at once: 1 or 2 (2)")
    add("--deployment-target", metavar="SYSTEM", default="macOS13", help=f"{', '.join(SYSTEMS)} (macOS13)")
    add("--attention", metavar="KIND", help=f"instead of the target's own: {', '.join(ATTENTIONS)}")
    add("--check", action="store_true", help="compare every network with the original afterwards")
    add("--name", metavar="NAME", help="what the new model is called")
    add("--out", metavar="FOLDER", help="where to put it (among the installed models)")
    add("--replace", action="store_true", help="in the place of a model of the same name")


def make_order(model: Path, models: Path, options: Mapping[str, Any]) -> Order:
    """The order for these words. `models` is the folder for the new model. Raises InvalidRequest."""
    if options["to"] not in TO:
        raise InvalidRequest(
            f"Models can't be converted to {options['to']!r}.",
            "Use --to coreml, or --to coreai for macOS 27.",
        )
    order = Order(
        model=model,
        to=options["to"],
        destination=models / "unnamed",
        target=options["target"],
        sizes=parse_sizes(options["size"]) if options["size"] else (),
        bits=_whole("bits", options["bits"]),
        least_psnr=_decibels(options["psnr"]),
        attention=options["attention"],
        guidance_batch=_whole("guidance batch", options["guidance_batch"])
        if options["guidance_batch"]
        else None,
        system=options["deployment_target"],
        loras=tuple(parse_lora(text) for text in options["lora"]),
        check=options["check"],
        replace=options["replace"],
    )
    where = Path(options["out"]) if options["out"] else models
    return replace(order, destination=where.absolute() / _name(order, options["name"]))


def _name(order: Order, wanted: str | None) -> str:
    name = default_name(order, order.model.name) if wanted is None else wanted
    if Path(name).name != name or name.startswith("."):
        raise InvalidRequest(f"{name!r} can't be a model's name.", "Use a name without slashes.")
    return name


def _whole(what: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidRequest(f"The {what} must be a whole number, not {text!r}.", "See --help.") from error


def _decibels(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidRequest(f"--psnr takes decibels, not {text!r}.", "Use a number such as 60.") from error
    if not 20 <= value <= 100:
        raise InvalidRequest(f"{value:g} dB is out of reach or no likeness.", "Use 20 to 100.")
    return value
