"""Makes small MIL programs in memory and on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from convert.mil_reference import import_coremltools


def build_program(
    build: Callable[..., Any],
    inputs: dict[str, np.ndarray[Any, Any]],
    opset: str = "iOS15",
    dtype: str = "fp32",
) -> Any:
    """A coremltools program whose float inputs are of `dtype`; `build(mb, *inputs)` returns its outputs."""
    coremltools = import_coremltools()
    from coremltools.converters.mil.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program, types

    floats = {"fp32": types.fp32, "fp16": types.fp16}[dtype]
    placeholders = {
        name: mb.placeholder(
            shape=array.shape, dtype=floats if array.dtype.kind == "f" else types.int32, name=name
        )
        for name, array in inputs.items()
    }
    program = Program()
    with Function(placeholders, opset_version=getattr(coremltools.target, opset)) as function:
        made = build(mb, *(function.inputs[name] for name in inputs))
        function.set_outputs(list(made) if isinstance(made, list | tuple) else [made])
    program.add_function("main", function)
    return program


def save_program(program: Any, path: Path, opset: str = "iOS15") -> Path:
    """Writes the program as an .mlpackage, as a conversion does."""
    coremltools = import_coremltools()
    model = coremltools.convert(
        program, minimum_deployment_target=getattr(coremltools.target, opset), skip_model_load=True
    )
    model.save(str(path))
    return path
