"""Runs a program: instruction after instruction, dropping each value after its last use."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backends.core.contract import InternalError, InvalidRequest
from backends.core.memory import give_back_freed
from convert.mil_reference.arithmetic import Arithmetic, Weights
from convert.mil_reference.errors import UnsupportedOperation
from convert.mil_reference.operations import OPERATIONS
from convert.mil_reference.operations.values import to_tensor
from convert.mil_reference.program import Instruction, Program, Value

Operand = Tensor | str | tuple[Tensor, ...]
KEPT_WEIGHTS: Final = 4 * 2**30
GIVEN_BACK_AFTER: Final = 2 * 2**30
"""Bytes of values dropped between two times that memory is given back: the holes that glibc keeps between
chunks of attention grew to 11 GB where 0.14 GB were in use (one block of a UNet at 768 x 768)."""


@dataclass(frozen=True)
class Step:
    """One instruction as it was run: its results as kept, floats in float32."""

    instruction: Instruction
    results: tuple[Tensor, ...]


class Network:
    """A program ready to run. Raises UnsupportedOperation for an operation the interpreter lacks."""

    def __init__(self, program: Program, kept_weights: int = KEPT_WEIGHTS) -> None:
        check_supported(program)
        self.program = program
        self._weights = Weights(kept_weights)
        self._makers = {
            result.key: each for each in program.instructions if each.is_weight for result in each.results
        }
        self._steps = tuple(each for each in program.instructions if not each.is_weight)
        self._last_uses = _last_uses(self._steps, {value.key for value in program.outputs})

    @property
    def inputs(self) -> Mapping[str, Value]:
        """The inputs' names, types and shapes."""
        return self.program.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs' names, in order."""
        return tuple(value.name for value in self.program.outputs)

    def run(
        self, inputs: Mapping[str, NDArray[Any]], arithmetic: Arithmetic | str = Arithmetic.FP32
    ) -> dict[str, NDArray[Any]]:
        """The outputs by name: float32, int64 or bool.

        Raises InvalidRequest for an input that is missing, unknown or of a shape it doesn't take.
        """
        values: dict[int, Tensor] = {}
        for _ in self._execute(inputs, Arithmetic(arithmetic), values):
            pass
        return {value.name: self._output(value, values).numpy() for value in self.program.outputs}

    def trace(
        self, inputs: Mapping[str, NDArray[Any]], arithmetic: Arithmetic | str = Arithmetic.FP32
    ) -> Iterator[Step]:
        """The run, one step at a time; a step's values are dropped when they are no longer needed."""
        return self._execute(inputs, Arithmetic(arithmetic), {})

    def weight(self, key: int) -> Tensor | str:
        """A constant or an unpacked weight, as a tensor."""
        if key in self.program.constants:
            return self._weights.constant(self.program.constants[key])
        found = self._weights.find(key)
        return self._unpack(key) if found is None else found

    def unpacked(self) -> dict[str, Tensor]:
        """The weights that constexpr operations make, by the results' names."""
        made = {
            key: result.name
            for key, each in self._makers.items()
            for result in each.results
            if result.key == key
        }
        return {name: _tensor(self.weight(key)) for key, name in made.items()}

    def _execute(
        self, inputs: Mapping[str, NDArray[Any]], arithmetic: Arithmetic, values: dict[int, Tensor]
    ) -> Iterator[Step]:
        values.update(self._bind(inputs, arithmetic))
        dropped = 0
        for place, instruction in enumerate(self._steps):
            with torch.inference_mode():
                results = self._results(instruction, arithmetic, values)
            values.update(
                (value.key, result) for value, result in zip(instruction.results, results, strict=True)
            )
            yield Step(instruction, results)
            for key in self._last_uses.get(place, ()):
                dropped += _bytes(values.pop(key, None))
            if dropped > GIVEN_BACK_AFTER:
                give_back_freed()
                dropped = 0

    def _results(
        self, instruction: Instruction, arithmetic: Arithmetic, values: Mapping[int, Tensor]
    ) -> tuple[Tensor, ...]:
        arguments = {name: self._operand(keys, values) for name, keys in instruction.arguments.items()}
        results = _call(instruction, arguments)
        kept = zip(results, instruction.results, strict=True)
        return tuple(arithmetic.keep(result, value.dtype) for result, value in kept)

    def _operand(self, keys: int | tuple[int, ...], values: Mapping[int, Tensor]) -> Operand:
        if isinstance(keys, tuple):
            return tuple(_tensor(self._operand(key, values)) for key in keys)
        found = values.get(keys)
        return self.weight(keys) if found is None else found

    def _unpack(self, key: int) -> Tensor:
        """Runs the constexpr operation that makes a weight, rounded to its type as a device keeps it."""
        maker = self._makers[key]
        arguments = {name: self._operand(keys, {}) for name, keys in maker.arguments.items()}
        with torch.inference_mode():
            made = zip(maker.results, _call(maker, arguments), strict=True)
            found = {value.key: Arithmetic.FP16.keep(result, value.dtype) for value, result in made}
        self._weights.keep(key, found[key])
        return found[key]

    def _output(self, value: Value, values: Mapping[int, Tensor]) -> Tensor:
        return values[value.key] if value.key in values else _tensor(self.weight(value.key))

    def _bind(self, inputs: Mapping[str, NDArray[Any]], arithmetic: Arithmetic) -> dict[int, Tensor]:
        expected = self.program.inputs
        if set(inputs) != set(expected):
            raise InvalidRequest(
                f"{self.program.title} was given the inputs {_listed(inputs)}.",
                f"Give it exactly {_listed(expected)}.",
            )
        for name, array in inputs.items():
            self._check_shape(expected[name], np.shape(array))
        return {
            expected[name].key: arithmetic.keep(to_tensor(array), expected[name].dtype)
            for name, array in inputs.items()
        }

    def _check_shape(self, value: Value, shape: tuple[int, ...]) -> None:
        allowed = self.program.allowed_shapes.get(value.name, (value.shape,))
        if not any(_fits(shape, each) for each in allowed):
            raise InvalidRequest(
                f"The input {value.name} of {self.program.title} can't have the shape {shape}.",
                f"It takes {' or '.join(_shape_words(each) for each in allowed)}.",
            )


def check_supported(program: Program) -> None:
    """Raises UnsupportedOperation for the first operation, or argument of one, that the interpreter lacks."""
    for instruction in program.instructions:
        function = OPERATIONS.get(instruction.kind)
        if function is None:
            raise UnsupportedOperation(program.title, instruction.kind, instruction.name)
        surplus = set(instruction.arguments) - set(inspect.signature(function).parameters)
        if surplus:
            raise UnsupportedOperation(
                program.title, f"{instruction.kind}({_listed(surplus)})", instruction.name
            )


def _call(instruction: Instruction, arguments: Mapping[str, Operand]) -> tuple[Tensor, ...]:
    try:
        found = OPERATIONS[instruction.kind](**arguments)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise InternalError(
            f"The layer {instruction.name} ({instruction.kind}) can't be computed.",
            "Convert the model again; if it stays, report it with this model's name.",
            f"{instruction.kind} of {_shapes(arguments)}: {error}",
        ) from error
    return found if isinstance(found, tuple) else (found,)


def _last_uses(steps: Sequence[Instruction], outputs: set[int]) -> dict[int, tuple[int, ...]]:
    """Which values can go after which step: those whose last use it is, and results that nobody uses."""
    last: dict[int, int] = {}
    for place, step in enumerate(steps):
        last.update((result.key, place) for result in step.results)
        last.update((key, place) for key in step.keys)
    ends: dict[int, tuple[int, ...]] = {}
    for key, place in last.items():
        if key not in outputs:
            ends[place] = (*ends.get(place, ()), key)
    return ends


def _bytes(value: Tensor | None) -> int:
    return 0 if value is None else value.nbytes


def _tensor(operand: Operand) -> Tensor:
    assert isinstance(operand, Tensor)
    return operand


def _fits(shape: tuple[int, ...], allowed: Sequence[int | None]) -> bool:
    same_rank = len(shape) == len(allowed)
    return same_rank and all(size == want or want is None for size, want in zip(shape, allowed, strict=True))


def _shape_words(shape: Sequence[int | None]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape) or "a single number"


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "(none)"


def _shapes(arguments: Mapping[str, Operand]) -> str:
    return ", ".join(
        f"{name}: {list(value.shape)}" for name, value in arguments.items() if isinstance(value, Tensor)
    )
