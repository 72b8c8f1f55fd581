"""Two runs compared: PSNR, and the first layer where rounding shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convert.mil_reference import Network, from_program
from convert.mil_reference.parity import drifts, first_beyond, psnr
from tests.convert.mil_cases import normal
from tests.convert.mil_programs import build_program


def network(build: Any, **inputs: np.ndarray[Any, Any]) -> Network:
    return Network(from_program(build_program(build, inputs, dtype="fp16")))


def test_psnr_is_the_largest_magnitude_over_the_root_mean_square_error() -> None:
    want = np.array([0.0, -2.0, 1.0, 0.0])
    assert psnr(want + 0.002, want) == pytest.approx(60.0)
    assert psnr(want, want) == math.inf
    assert psnr(np.array([0.0, -2.0, np.nan, 0.0]), want) == -math.inf


def cancelling(mb: Any, x: Any) -> Any:
    """A sum of large numbers that nearly cancel: fp16 keeps two digits of what is left."""
    scaled = mb.mul(x=x, y=np.float16(2), name="harmless")
    large = mb.add(x=scaled, y=np.float16(4096), name="large")
    back = mb.sub(x=large, y=np.float16(4096), name="cancels")
    return mb.relu(x=back, name="after")


def test_the_first_layer_that_rounding_spoils_is_named() -> None:
    x = normal(7, 5)
    found = first_beyond(network(cancelling, x=x), {"x": x}, bound=35)
    assert found is not None
    assert (found.layer, found.kind, found.overflows) == ("cancels", "sub", False)
    assert first_beyond(network(cancelling, x=x), {"x": x}, bound=-20) is None


def test_every_layer_has_its_error_and_its_largest_value() -> None:
    x = normal(7, 5)
    found = list(drifts(network(cancelling, x=x), {"x": x}))
    assert [each.layer for each in found] == ["harmless", "large", "cancels", "after"]
    assert found[0].psnr > 60
    assert found[1].largest == pytest.approx(4096 + 2 * x.max())


def test_overflow_is_told_from_rounding() -> None:
    x = np.full((3,), 300, np.float32)
    found = first_beyond(network(lambda mb, x: mb.square(x=x, name="squares"), x=x), {"x": x}, bound=35)
    assert found is not None
    assert found.overflows
    assert found.psnr == -math.inf
    assert found.largest == 90000
