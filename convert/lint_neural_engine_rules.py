"""What keeps a program off the Neural Engine, or makes it slow or wrong there: rules on the program alone.

Each rule names its source. Core ML itself decides where a layer runs; without a Mac these rules are the best
forecast there is. Untested on hardware: none of them has been checked on a Mac.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from convert.mil_reference import FP16_MAX, Constant, Instruction, Program, Value

LAYOUT: Final = "machinelearning.apple.com/research/neural-engine-transformers"
UNSUPPORTED: Final = "github.com/hollance/neural-engine, docs/unsupported-layers.md"
SIDES: Final = "microsoft/onnxruntime#19543, apple/coremltools#1003"
FLEXIBLE: Final = "apple/coremltools#2370"
ATTENTION: Final = "apple/ml-stable-diffusion#267, #271"
CHANNELS: Final = "FluidInference/FluidAudio, ANEMemoryUtils.swift; tinygrad/tinygrad, accel/ane"
CHUNKS: Final = "apple/ml-stable-diffusion#321 and its README, --chunk-unet"
FORMAT: Final = "IEEE 754 binary16"

ALIGNMENT: Final = 64
"""Bytes that the last axis is padded to."""
CHANNEL_TILE: Final = 16
"""Channels that the engine computes side by side."""
LONGEST_SIDE: Final = 16384
LARGEST_PACKAGE: Final = 10**9
LONG_SEQUENCE: Final = 1024
_WASTE: Final = 1.5
_SMALL: Final = 4096
_BITS: Final[Mapping[str, int]] = {"bool": 8, "fp16": 16, "fp32": 32}
_HEAVY: Final = ("conv", "einsum", "layer_norm", "linear", "matmul", "softmax")
_FALLS_BACK: Final[Mapping[str, str]] = {
    "gather": "Look the embedding up outside, or accept the CPU for this one layer.",
    "gather_along_axis": "Slice with fixed places instead.",
    "gather_nd": "Slice with fixed places instead, or drop the output if nothing reads it.",
}


class Effect(StrEnum):
    """What a finding means for a person: wrong pictures now or with other prompts, another compute unit, or
    lost time."""

    WRONG = "wrong"
    RISK = "at risk"
    FALLBACK = "falls back"
    SLOW = "slow"


@dataclass(frozen=True)
class Finding:
    """One layer that the Neural Engine won't like: why, what to do, and who says so."""

    rule: str
    effect: Effect
    layer: str
    why: str
    remedy: str
    source: str

    @property
    def words(self) -> str:
        """One line for a person."""
        return f"{self.effect}: {self.layer}: {self.why} {self.remedy} [{self.source}]"


Rule = Callable[[Program], Iterator[Finding]]


def rank(program: Program) -> Iterator[Finding]:
    """Rank 4 is what the engine works on; more than 5 it doesn't take at all."""
    for step, result in _results(program):
        axes = len(result.shape)
        if axes > 5:
            why = f"a result of rank {axes}; the Neural Engine takes 5 at most."
            yield Finding("rank", Effect.FALLBACK, step.name, why, "Reshape it to rank 4.", LAYOUT)
        elif step.kind in _HEAVY and axes != 4:
            why = f"{step.kind} on rank {axes}, where the Neural Engine works on rank 4, (B, C, 1, S)."
            remedy = "Convert with --for neural-engine, which keeps that layout."
            yield Finding("rank", Effect.SLOW, step.name, why, remedy, LAYOUT)


def dtype(program: Program) -> Iterator[Finding]:
    """It computes in fp16."""
    for step, result in _results(program):
        if result.dtype == "fp32":
            why = "it computes in fp32, which the Neural Engine can't."
            remedy = "Convert this network in fp16, or leave it to the CPU and GPU."
            yield Finding("dtype", Effect.FALLBACK, step.name, why, remedy, LAYOUT)


def alignment(program: Program) -> Iterator[Finding]:
    """The last axis (a sequence, a picture's row) is padded to 64 bytes: of a short one, most is padding."""
    for step, result in _results(program):
        if len(result.shape) != 4 or result.dtype != "fp16" or None in result.shape:
            continue
        *rest, last = (size or 1 for size in result.shape)
        padded = -(-last * 2 // ALIGNMENT) * ALIGNMENT // 2
        if padded / last >= _WASTE and math.prod(rest) * padded > _SMALL:
            why = f"its last axis has {last} elements, padded to {padded}: {padded / last:.1f} times as much."
            remedy = f"Put a longer axis last, or one that is a multiple of {ALIGNMENT // 2}."
            yield Finding("alignment", Effect.SLOW, step.name, why, remedy, LAYOUT)


def channels(program: Program) -> Iterator[Finding]:
    """A convolution makes 16 channels side by side: of a few more, or fewer, most are for nothing."""
    for step, result in _results(program):
        if step.kind != "conv" or len(result.shape) != 4 or None in result.shape:
            continue
        made = result.shape[1] or 1
        tiled = -(-made // CHANNEL_TILE) * CHANNEL_TILE
        if tiled / made >= _WASTE and math.prod(size or 1 for size in result.shape) > _SMALL:
            why = f"it makes {made} channels, computed as {tiled}: {tiled / made:.1f} times as much."
            remedy = f"Make it a multiple of {CHANNEL_TILE}; where a network ends it can't be helped."
            yield Finding("channels", Effect.SLOW, step.name, why, remedy, CHANNELS)


def sides(program: Program) -> Iterator[Finding]:
    """No axis may be longer than 16384."""
    for step, result in _results(program):
        longest = max((size or 0 for size in result.shape), default=0)
        if longest > LONGEST_SIDE:
            why = f"an axis of {longest} elements; {LONGEST_SIDE} is the most."
            remedy = "Cut it in chunks, or use a smaller size."
            yield Finding("sides", Effect.FALLBACK, step.name, why, remedy, SIDES)


def flexible(program: Program) -> Iterator[Finding]:
    """Sizes that are open leave the engine; enumerated ones can stay."""
    for name, value in program.inputs.items():
        if None in value.shape and name not in program.allowed_shapes:
            why = "an input with an open size."
            yield Finding(
                "flexible", Effect.FALLBACK, name, why, "Enumerate the sizes with --size.", FLEXIBLE
            )


def operations(program: Program) -> Iterator[Finding]:
    """Operations that run elsewhere."""
    for step in program.instructions:
        if step.kind in _FALLS_BACK:
            why = f"{step.kind} runs on the CPU."
            yield Finding("operations", Effect.FALLBACK, step.name, why, _FALLS_BACK[step.kind], UNSUPPORTED)
        elif step.kind == "conv" and _dilated(program, step):
            why = "a dilated convolution runs on the CPU or GPU."
            yield Finding(
                "operations", Effect.FALLBACK, step.name, why, "Use one without dilation.", UNSUPPORTED
            )


def attention(program: Program) -> Iterator[Finding]:
    """All heads of a long sequence at once: the engine's compiler takes hours or never ends."""
    values = program.values
    for step in program.instructions:
        shape = _scores(step, values)
        if shape and shape[1] > 1 and shape[-2] >= LONG_SEQUENCE and not _any_constant(program, step):
            why = f"attention of {shape[1]} heads over {shape[-2]} tokens at once may never finish compiling."
            remedy = "Convert with --for neural-engine, which splits it by head and by chunks of queries."
            yield Finding("attention", Effect.FALLBACK, step.name, why, remedy, ATTENTION)


def weights(program: Program) -> Iterator[Finding]:
    """Packages over 1 GB don't load on phones and tablets."""
    total = weight_bytes(program)
    if total > LARGEST_PACKAGE:
        why = f"{total / 1e9:.2f} GB of weights; iOS and iPadOS load less than 1 GB at a time."
        remedy = "Convert with fewer --bits, or for an iOS target, which cuts it in chunks."
        yield Finding("weights", Effect.FALLBACK, program.title, why, remedy, CHUNKS)


def constants(program: Program) -> Iterator[Finding]:
    """A constant that fp16 can't hold: -inf masks make NaN, as do their sums."""
    for step in program.instructions:
        for name in step.arguments:
            data = program.constant(step, name)
            if isinstance(data, np.ndarray) and data.dtype == np.float16 and not np.isfinite(data).all():
                why = f"its constant {name} holds infinity or NaN in fp16, which ends at {FP16_MAX:g}."
                remedy = "Use -10000 in masks; keep scales within range."
                yield Finding("constants", Effect.WRONG, step.name, why, remedy, FORMAT)


RULES: Final[tuple[Rule, ...]] = (
    rank,
    dtype,
    alignment,
    channels,
    sides,
    flexible,
    operations,
    attention,
    weights,
    constants,
)


def lint(program: Program) -> list[Finding]:
    """What the program alone shows, rule after rule."""
    return [finding for rule in RULES for finding in rule(program)]


def weight_bytes(program: Program) -> int:
    """Bytes of all constants as they are stored: integers of a few bits are packed."""
    return sum(_stored(each) for each in program.constants.values())


def _stored(constant: Constant) -> int:
    if isinstance(constant.data, str):
        return len(constant.data)
    bits = _BITS.get(constant.dtype) or int(constant.dtype.lstrip("uint"))
    return -(-constant.data.size * bits // 8)


def _results(program: Program) -> Iterator[tuple[Instruction, Value]]:
    """What is computed at run time: all but unpacked weights and casts at the door."""
    for step in program.instructions:
        if not step.is_weight and step.kind != "cast":
            for result in step.results:
                yield step, result


def _dilated(program: Program, step: Instruction) -> bool:
    dilations = program.constant(step, "dilations")
    return isinstance(dilations, np.ndarray) and bool((dilations > 1).any())


def _scores(step: Instruction, values: Mapping[int, Value]) -> tuple[int, ...] | None:
    """The shape of an attention's scores (B, heads, queries, keys), or of its result where it is fused."""
    if step.kind not in ("matmul", "scaled_dot_product_attention"):
        return None
    shape = values[step.results[0].key].shape
    return tuple(size or 0 for size in shape) if len(shape) == 4 else None


def _any_constant(program: Program, step: Instruction) -> bool:
    return any(step.arguments.get(name) in program.constants for name in ("x", "y"))
