"""Checks a folder converted to Core ML against torch, on real inputs: `python -m convert.verify FOLDER`.

Each network runs through our MIL interpreter, with fp32 arithmetic (is the conversion right?) and with fp16's
rounding (is it right on a Mac's GPU and Neural Engine?), and is compared with torch's float32. Where weights
have fewer bits, it is also compared with torch that has the very weights of the package, so that an error of
the conversion can't hide behind what fewer bits cost.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backends.core.contract import BrokenModel, MezzotintError
from backends.core.model_folder import open_folder
from convert.converted import Chain, Converted, open_converted
from convert.coreml_networks import reference_network
from convert.mil_reference import Arithmetic
from convert.mil_reference.parity import Drift, psnr
from convert.verify_inputs import PROMPTS, Arrays, record

SAME_WEIGHTS: Final = "same weights"
"""The name of the third comparison: fp32 arithmetic against torch with the package's weights."""
LIMITS: Final[Mapping[str, float]] = {"fp32": 60.0, "fp16": 35.0, SAME_WEIGHTS: 60.0}
"""The least PSNR in dB. 35 is the gate of Apple's own converter; 60 leaves room for weights in fp16 only.

Weights of fewer bits differ from the original's by design: then 35 dB is asked against those, in fp32 too.
"""
BOUND: Final = 35.0
"""Where a layer's error counts as large, in dB, when the first such layer of a failed network is named."""


@dataclass(frozen=True)
class Check:
    """One network in one arithmetic: the worst PSNR and the largest error of any input's outputs."""

    network: str
    arithmetic: str
    psnr: float
    largest_error: float
    largest_value: float
    seconds: float
    limit: float
    bound: float = BOUND
    first_beyond: Drift | None = None
    """The first layer that fp16's rounding takes beyond `bound`, where it was looked for."""

    @property
    def passed(self) -> bool:
        """Whether it is as near to torch as is asked."""
        return self.psnr >= self.limit

    @property
    def words(self) -> str:
        """One line for a person."""
        verdict = "" if self.passed else f"  below {self.limit:g} dB"
        where = ""
        if self.first_beyond:
            where = f"; beyond {self.bound:g} dB from {self.first_beyond.layer} ({self.first_beyond.kind}) on"
        error = f"largest error {self.largest_error:.2g} of {self.largest_value:.3g}"
        found = (
            f"{self.network:<13} {self.arithmetic:<12}  {self.psnr:6.1f} dB  {error}  {self.seconds:.1f} s"
        )
        return f"{found}{verdict}{where}"


def verify(
    converted: Path,
    source: Path | None = None,
    *,
    prompts: tuple[str, ...] = PROMPTS,
    arithmetics: Sequence[str] = tuple(Arithmetic),
    reference: Callable[[str], nn.Module] | None = None,
    bound: float | None = None,
) -> Iterator[Check]:
    """Each network in each arithmetic, one check after the other as it is done.

    `reference(network)` gives torch's network where it is not simply the source's (baked LoRAs); it takes the
    package's inputs in order. With a `bound` in dB the first layer beyond it is named, of networks that pass,
    too. Raises BrokenModel, InvalidRequest, or UnsupportedOperation.
    """
    opened = open_converted(converted)
    model = source or opened.source
    inputs = record(model, opened.size, prompts)
    made = reference or partial(reference_network, open_folder(model))
    for name in opened.networks:
        chain = opened.load(name)
        fitted = [chain.fit(each) for each in inputs[name]]
        network = made(name)
        wanted = _torch_outputs(network, fitted)
        for arithmetic in arithmetics:
            yield check(name, chain, fitted, wanted, arithmetic, _limit(opened, arithmetic), bound)
        if opened.fewer_bits and Arithmetic.FP32 in arithmetics:
            take_weights(network, chain.unpacked)
            wanted = _torch_outputs(network, fitted)
            found = check(name, chain, fitted, wanted, Arithmetic.FP32, LIMITS[SAME_WEIGHTS])
            yield replace(found, arithmetic=SAME_WEIGHTS)


def _limit(opened: Converted, arithmetic: str) -> float:
    """The least PSNR that is asked for, in dB."""
    by_design = opened.fewer_bits and arithmetic == Arithmetic.FP32
    return LIMITS[Arithmetic.FP16 if by_design else arithmetic]


@torch.no_grad()
def take_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> int:
    """Gives torch's network a package's unpacked weights, and returns how many there were.

    Raises BrokenModel for one that no layer of the network has.
    """
    own = {
        name.replace(".", "_"): each for name, each in (*network.named_parameters(), *network.named_buffers())
    }
    for name, weight in weights.items():
        layer = re.sub(r"(_to_fp(16|32))?(_palettized)?(_[0-9]+)?$", "", name)
        if layer not in own:
            raise BrokenModel(
                f"The package has weights that the model lacks: {layer}.", "Convert the model again."
            )
        own[layer].copy_(weight.reshape(own[layer].shape))
    return len(weights)


def check(
    name: str,
    chain: Chain,
    inputs: Sequence[Arrays],
    wanted: Sequence[Sequence[NDArray[Any]]],
    arithmetic: str,
    limit: float,
    bound: float | None = None,
) -> Check:
    """One network in one arithmetic; its first bad layer is looked for when it fails, or with a `bound`."""
    began, worst, error, value = time.perf_counter(), float("inf"), 0.0, 0.0
    for given, outputs in zip(inputs, wanted, strict=True):
        for got, want in zip(chain.run(given, arithmetic).values(), outputs, strict=True):
            worst = min(worst, psnr(got, want))
            error = max(error, float(np.abs(got - want).max()))
            value = max(value, float(np.abs(want).max()))
    seconds = time.perf_counter() - began
    sought = arithmetic == Arithmetic.FP16 and (bound is not None or worst < limit)
    bound = BOUND if bound is None else bound
    where = chain.first_beyond(inputs[0], bound) if sought else None
    return Check(name, arithmetic, worst, error, value, seconds, limit, bound, where)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0 when every network is near enough, 1 when one is not, 2 for a bad request."""
    options = _parser().parse_args(arguments)
    try:
        checks = [_said(each, options.json) for each in _checks(options)]
    except MezzotintError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0 if all(each.passed for each in checks) else 1


def _checks(options: argparse.Namespace) -> Iterator[Check]:
    prompts = tuple(options.prompt) or PROMPTS
    return verify(
        options.folder, options.source, prompts=prompts, arithmetics=options.arithmetic, bound=options.bound
    )


def _said(each: Check, as_json: bool) -> Check:
    print(_as_json(each) if as_json else each.words, flush=True)
    return each


def _as_json(each: Check) -> str:
    """One line; a PSNR that is no number (overflow: none, equal: infinite) is null, as JSON has neither."""
    finite = {"psnr": each.psnr if math.isfinite(each.psnr) else None}
    return json.dumps(
        asdict(replace(each, first_beyond=None)) | finite | {"passed": each.passed, **_where(each)}
    )


def _where(each: Check) -> dict[str, str]:
    found = each.first_beyond
    return {"first_beyond": f"{found.layer} ({found.kind})"} if found else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m convert.verify", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder converted to Core ML")
    parser.add_argument("--source", type=Path, help="the model it was made from, if it was moved")
    parser.add_argument("--prompt", action="append", default=[], help="a prompt for the inputs (repeatable)")
    parser.add_argument(
        "--arithmetic",
        nargs="+",
        choices=list(Arithmetic),
        default=list(Arithmetic),
        help="fp32, fp16 or both",
    )
    parser.add_argument(
        "--bound",
        type=float,
        metavar="DB",
        help="name the first layer that fp16's rounding takes beyond this",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _torch_outputs(network: nn.Module, inputs: Sequence[Arrays]) -> list[list[NDArray[Any]]]:
    """torch's outputs for each set of inputs, which are passed in order."""
    wanted: list[list[NDArray[Any]]] = []
    for given in inputs:
        with torch.inference_mode():
            made = network(*(torch.as_tensor(array) for array in given.values()))
        outputs = cast(tuple[Any, ...], made) if isinstance(made, tuple) else (made,)
        wanted.append([each.numpy() for each in outputs])
    return wanted


if __name__ == "__main__":
    sys.exit(main())
