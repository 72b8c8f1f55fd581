"""Reads an .mlpackage into a Program, through coremltools' public loading; works on Linux.

The one file that knows coremltools' objects.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Generator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any, cast

import numpy as np

from backends.core.contract import BackendUnavailable, BrokenModel, unknown
from convert.mil_reference.program import Constant, Instruction, Program, Shape, Value, plain

_REPAIR = "Convert the model again."


def read_package(path: Path, function: str | None = None) -> Program:
    """The program in a package; of a multifunction package the named function, or its default one.

    Raises BrokenModel for a package that is missing, cut short or no ML program, InvalidRequest for
    a function that it lacks, BackendUnavailable where coremltools is not installed.
    """
    coremltools = import_coremltools()
    if not path.is_dir():
        raise BrokenModel(f"There is no Core ML package at {path}.", _REPAIR)
    with _damage(path):
        model = coremltools.models.MLModel(str(path), skip_model_load=True)
        return from_model(model, path.name, function)


def from_model(model: Any, title: str = "model", function: str | None = None) -> Program:
    """The program of a coremltools.models.MLModel."""
    spec = model.get_spec()
    if spec.WhichOneof("Type") != "mlProgram":
        raise BrokenModel(f"{title} holds a {spec.WhichOneof('Type')}, not an ML program.", _REPAIR)
    names = tuple(sorted(spec.mlProgram.functions))  # a protobuf map has no order
    chosen = _choose(names, function, spec.description.defaultFunctionName)
    for other in set(names) - {chosen}:
        del spec.mlProgram.functions[other]
    program = _load(spec, model.weights_dir)
    shapes = _enumerated(spec.description, chosen)
    return from_program(program, title, chosen, shapes, names if len(names) > 1 else ())


def from_program(
    program: Any,
    title: str = "program",
    function: str = "main",
    shapes: dict[str, tuple[tuple[int, ...], ...]] | None = None,
    functions: tuple[str, ...] = (),
) -> Program:
    """The function of a coremltools MIL program in memory."""
    reader = _Reader()
    body = program.functions[function]
    inputs = {name: reader.value(var) for name, var in body.inputs.items()}
    instructions = [found for op in body.operations if (found := reader.instruction(op))]
    outputs = tuple(reader.value(var) for var in body.outputs)
    return Program(
        title, function, inputs, outputs, reader.constants, tuple(instructions), shapes or {}, functions
    )


def import_coremltools() -> Any:
    """coremltools, without what it prints about parts that only a Mac has.

    Raises BackendUnavailable where it is not installed.
    """
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    try:
        return importlib.import_module("coremltools")
    except ImportError as error:
        raise BackendUnavailable(
            f"Core ML models can't be read: {error}.", 'Install it: pip install "mezzotint[coreml]".'
        ) from error


class _Reader:
    """Turns coremltools' variables into values with keys of our own."""

    def __init__(self) -> None:
        self.constants: dict[int, Constant] = {}
        self._values: dict[Any, Value] = {}

    def value(self, var: Any) -> Value:
        found = self._values.get(var)
        if found is None:
            found = self._new(var)
            self._values[var] = found
        return found

    def instruction(self, op: Any) -> Instruction | None:
        """None for a constant, which is kept."""
        if op.op_type == "const":
            self.value(op.outputs[0])
            return None
        given = {name: var for name, var in op.inputs.items() if var is not None}
        arguments = {name: self._key(var) for name, var in given.items()}
        return Instruction(op.op_type, op.name, arguments, tuple(self.value(var) for var in op.outputs))

    def _key(self, var: Any) -> int | tuple[int, ...]:
        if isinstance(var, list | tuple):
            return tuple(self.value(each).key for each in cast(list[Any], var))
        return self.value(var).key

    def _new(self, var: Any) -> Value:
        key = len(self._values)
        constant = var.op is not None and var.op.op_type == "const"
        value = Value(key, var.name, _dtype(var), _shape(var))
        if constant:
            data = var.val if isinstance(var.val, str) else plain(np.asarray(var.val))
            self.constants[key] = Constant(key, value.name, value.dtype, value.shape, data)
        return value


def _dtype(var: Any) -> str:
    types = import_coremltools().converters.mil.mil.types
    return str(types.builtin_to_string(var.dtype))


def _shape(var: Any) -> Shape:
    return tuple(int(size) if isinstance(size, Integral) else None for size in var.shape or ())


def _choose(names: tuple[str, ...], wanted: str | None, default: str) -> str:
    chosen = wanted or default or ("main" if "main" in names else names[0])
    if chosen not in names:
        raise unknown("function", chosen, names)
    return chosen


def _load(spec: Any, weights: str | None) -> Any:
    milproto: Any = importlib.import_module("coremltools.converters.mil.frontend.milproto.load")
    return milproto.load(spec, spec.specificationVersion, weights or "")


def _enumerated(description: Any, function: str) -> dict[str, tuple[tuple[int, ...], ...]]:
    named = [each for each in description.functions if each.name == function]
    inputs = (named[0] if named else description).input
    found: dict[str, tuple[tuple[int, ...], ...]] = {}
    for feature in inputs:
        shapes = feature.type.multiArrayType.enumeratedShapes.shapes
        if shapes:
            found[feature.name] = tuple(tuple(int(size) for size in each.shape) for each in shapes)
    return found


@contextmanager
def _damage(path: Path) -> Generator[None]:
    """coremltools and its native readers fail in many ways on a damaged package: one sentence for all."""
    from google.protobuf.message import DecodeError

    try:
        yield
    except (DecodeError, RuntimeError, ValueError, KeyError, OSError, TypeError, AssertionError) as error:
        raise BrokenModel(f"{path.name} is damaged or incomplete ({_first_line(error)}).", _REPAIR) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
