"""Values on real inputs that fp16 can't hold: what overflows here is black or noise on the Neural Engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from numpy.typing import NDArray
from torch import Tensor

from convert.lint_neural_engine_rules import FORMAT, Effect, Finding
from convert.mil_reference import FP16_MAX, Network, Step

MARGIN: Final = 0.5
"""The share of fp16's range from which on a value is reported: another prompt may be a little larger."""


def lint_values(network: Network, inputs: Mapping[str, NDArray[Any]]) -> Iterator[Finding]:
    """Layers whose values, in fp32 arithmetic on these inputs, fp16 can't hold or nearly can't."""
    for step in network.trace(inputs):
        if step.instruction.results[0].dtype == "fp16" and (finding := _range(step)):
            yield finding


def _range(step: Step) -> Finding | None:
    largest = max(_largest(result) for result in step.results)
    if largest <= MARGIN * FP16_MAX:
        return None
    beyond = largest > FP16_MAX
    why = f"its values reach {largest:.3g}; fp16 ends at {FP16_MAX:g}."
    remedy = (
        "Convert this network in fp32, or use a version of the model that was fixed for fp16."
        if beyond
        else "Check it with other prompts."
    )
    effect = Effect.WRONG if beyond else Effect.RISK
    return Finding("range", effect, step.instruction.name, why, remedy, FORMAT)


def _largest(result: Tensor) -> float:
    """The largest magnitude; NaN counts as infinite."""
    if not result.is_floating_point() or not result.numel():
        return 0.0
    found = float(result.abs().max())
    return found if found == found else float("inf")
