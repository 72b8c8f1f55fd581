"""An interpreter for Core ML's MIL programs: runs an .mlpackage with NumPy arrays on any system.

Its purpose is proof: what a converted network computes, in fp32 or with fp16's rounding, without a Mac.
"""

from __future__ import annotations

from pathlib import Path

from convert.mil_reference.arithmetic import FP16_MAX, Arithmetic
from convert.mil_reference.errors import UnsupportedOperation
from convert.mil_reference.machine import KEPT_WEIGHTS, Network, Step
from convert.mil_reference.operations import OPERATIONS
from convert.mil_reference.package import from_model, from_program, import_coremltools, read_package
from convert.mil_reference.program import Constant, Instruction, Program, Value

__all__ = [
    "FP16_MAX",
    "KEPT_WEIGHTS",
    "OPERATIONS",
    "Arithmetic",
    "Constant",
    "Instruction",
    "Network",
    "Program",
    "Step",
    "UnsupportedOperation",
    "Value",
    "from_model",
    "from_program",
    "import_coremltools",
    "load",
    "read_package",
]


def load(path: Path | str, function: str | None = None, kept_weights: int = KEPT_WEIGHTS) -> Network:
    """Opens an .mlpackage for running; `function` chooses one of a multifunction package.

    `kept_weights` is how many bytes of unpacked float32 weights may stay in memory between runs.
    Raises BrokenModel, InvalidRequest, BackendUnavailable or UnsupportedOperation.
    """
    return Network(read_package(Path(path), function), kept_weights)
