"""Twenty of the two hundred downloads of `python -m tests.interrupted_downloads`."""

from __future__ import annotations

import sys

import pytest

from tests.interrupted_downloads import run


@pytest.mark.skipif(sys.platform == "win32", reason="the processes are made by a fork server")
def test_no_wrong_file_and_at_most_a_part_twice() -> None:
    figures = run(20, seed=1, most_kills=1)
    assert figures.wrong == []
    assert figures.downloads == 20
    assert figures.worst <= 1
