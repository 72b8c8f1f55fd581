"""A conversion that is killed leaves nothing half made, and the next run goes on from what is finished."""

from __future__ import annotations

import pytest

from backends.core.quiet import quiet
from tests.kill_convert import kill_often


@pytest.mark.thorough
def test_three_kills() -> None:
    quiet()
    counts = kill_often(3, seed=4)
    assert counts["kills"] == 3
    assert counts["lost"] == 0
    assert counts["conversions"] >= 1
    assert counts["made twice"] <= counts["kills"]
