"""Every MIL operation the interpreter knows, by MIL's name.

An operation is a function whose parameters have MIL's names and whose results are tensors; floats come and go
in float32. Meanings: coremltools/converters/mil/mil/ops/defs (iOS15 to iOS18).
"""

from __future__ import annotations

from typing import Final

from convert.mil_reference.operations import (
    activation,
    attention,
    elementwise,
    gather,
    linear,
    normalization,
    reduction,
    resize,
    shape,
    slicing,
    weights,
)
from convert.mil_reference.operations.values import Operation

OPERATIONS: Final[dict[str, Operation]] = {
    **activation.OPERATIONS,
    **attention.OPERATIONS,
    **elementwise.OPERATIONS,
    **gather.OPERATIONS,
    **linear.OPERATIONS,
    **normalization.OPERATIONS,
    **reduction.OPERATIONS,
    **resize.OPERATIONS,
    **shape.OPERATIONS,
    **slicing.OPERATIONS,
    **weights.OPERATIONS,
}
