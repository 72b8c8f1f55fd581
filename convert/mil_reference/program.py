"""A MIL program as plain data: what the interpreter runs and the lint reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int | None, ...]
"""Sizes; None where the program leaves one open."""


@dataclass(frozen=True)
class Value:
    """A typed value of the program: `dtype` in MIL's words (fp16, fp32, int32, bool, uint4, string ...)."""

    key: int
    name: str
    dtype: str
    shape: Shape


@dataclass(frozen=True)
class Constant(Value):
    """A value that is written in the program. Sub-byte integers stand unpacked, one a byte."""

    data: Array | str = field(repr=False)

    @property
    def bytes(self) -> int:
        """Bytes in memory, as loaded."""
        return len(self.data) if isinstance(self.data, str) else self.data.nbytes


@dataclass(frozen=True)
class Instruction:
    """One operation: its kind (conv, softmax ...), and the keys of its arguments by MIL's names.

    `name` is the layer's name, which the converter takes from the torch module where it can.
    """

    kind: str
    name: str
    arguments: Mapping[str, int | tuple[int, ...]]
    results: tuple[Value, ...]

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys of all arguments, in order."""
        found: list[int] = []
        for argument in self.arguments.values():
            found.extend(argument if isinstance(argument, tuple) else (argument,))
        return tuple(found)

    @property
    def is_weight(self) -> bool:
        """Whether it unpacks a weight (constexpr_...), which a device does when it loads the model."""
        return self.kind.startswith("constexpr_")


@dataclass(frozen=True)
class Program:
    """One function of a package: inputs, constants, instructions in order, outputs."""

    title: str
    function: str
    inputs: Mapping[str, Value]
    outputs: tuple[Value, ...]
    constants: Mapping[int, Constant]
    instructions: tuple[Instruction, ...]
    allowed_shapes: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict[str, Any])
    """The enumerated shapes of an input that has some."""
    functions: tuple[str, ...] = ()
    """All functions of the package; empty for a package with one."""

    @property
    def values(self) -> dict[int, Value]:
        """Every value by its key."""
        computed = [result for step in self.instructions for result in step.results]
        return {value.key: value for value in (*self.inputs.values(), *self.constants.values(), *computed)}

    def constant(self, instruction: Instruction, argument: str) -> Array | str | None:
        """The constant that an argument is, or None when it is computed or absent."""
        key = instruction.arguments.get(argument)
        found = self.constants.get(key) if isinstance(key, int) else None
        return None if found is None else found.data


def plain(array: Array) -> Array:
    """The array without coremltools' marks in its dtype."""
    return array.view(np.dtype(array.dtype.str))
