"""Every operation the MIL interpreter claims, against torch in float64 (or plain Python), on odd shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from convert.mil_reference import OPERATIONS, Network, UnsupportedOperation, from_program
from tests.convert.mil_cases import ACTIVATIONS, ELEMENTWISE, LINEAR, Case
from tests.convert.mil_cases_shapes import MOVING
from tests.convert.mil_cases_weights import compressed
from tests.convert.mil_programs import build_program

CASES = [*ELEMENTWISE, *ACTIVATIONS, *LINEAR, *MOVING, *compressed()]


def run_case(case: Case) -> list[np.ndarray[Any, Any]]:
    named = {f"x{place}": array for place, array in enumerate(case.inputs)}
    program = from_program(build_program(case.build, named, case.opset))
    assert case.kind in {instruction.kind for instruction in program.instructions}
    return list(Network(program).run(named).values())


def wanted(case: Case) -> list[torch.Tensor]:
    exact = [torch.as_tensor(x.astype(np.float64 if x.dtype.kind == "f" else np.int64)) for x in case.inputs]
    made = case.expect(*exact)
    return list(made) if isinstance(made, tuple) else [made]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {case.opset} {case.note}".strip())
def test_operation_agrees_with_torch(case: Case) -> None:
    for got, want in zip(run_case(case), wanted(case), strict=True):
        assert got.shape == tuple(want.shape)
        np.testing.assert_allclose(got, want.numpy(), rtol=2e-5, atol=1e-5)


def test_every_claimed_operation_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(OPERATIONS)


def test_operation_it_lacks_is_named_with_its_layer() -> None:
    x = np.zeros((3, 5), np.float32)
    program = from_program(build_program(lambda mb, x: mb.atanh(x=x, name="odd_layer"), {"x": x}))
    with pytest.raises(UnsupportedOperation, match=r"atanh in the layer odd_layer.*lacks.*Convert"):
        Network(program)
