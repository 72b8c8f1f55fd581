"""How far coremltools is with a network reaches us, and none of its own bars reach the terminal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convert.coremltools_progress import heard
from convert.mil_reference import import_coremltools


def test_its_steps_are_told_and_no_bar_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    coremltools, told = import_coremltools(), list[tuple[int, int]]()
    layer = torch.nn.Conv2d(3, 5, 1).eval()
    traced = torch.jit.trace(layer, torch.zeros(1, 3, 4, 4), check_trace=False)

    def convert() -> None:
        inputs = [coremltools.TensorType(name="x", shape=(1, 3, 4, 4), dtype=np.float32)]
        coremltools.convert(traced, inputs=inputs, convert_to="milinternal")

    with heard(lambda step, steps: told.append((step, steps))):
        convert()
    assert "passes" not in capfd.readouterr().err
    assert len(told) > 50
    assert all(0 <= step < steps for step, steps in told)
    convert()
    assert "passes" in capfd.readouterr().err
