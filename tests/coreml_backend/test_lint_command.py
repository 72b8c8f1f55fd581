"""`python -m convert.lint_neural_engine` on a folder that was converted for the Neural Engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convert import lint_neural_engine

LINE = re.compile(r"(wrong|at risk|falls back|slow): [^:]+: .+\. .+\. \[.+\]")


def test_each_finding_is_a_line_with_layer_reason_remedy_and_source(
    converted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lint_neural_engine.main([str(converted), "--all"]) == 1
    *findings, last = capsys.readouterr().out.splitlines()
    assert last.startswith("Untested on hardware")
    assert all(LINE.fullmatch(line) for line in findings)
    assert [line for line in findings if line.startswith("falls back")] == [
        line for line in findings if "gather runs on the CPU" in line
    ]
    assert not [line for line in findings if line.startswith("wrong")]


def test_a_folder_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_neural_engine.main([str(tmp_path)]) == 1
    assert "not a model converted to Core ML" in capsys.readouterr().err
