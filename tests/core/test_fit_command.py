"""`mezzotint fit` and `mezzotint bench`, as a person runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.core.fit import Needs
from backends.core.registry import get_backend
from desktop.cli import app
from desktop.cli import fit as fit_command
from desktop.cli.bench import ratio
from desktop.cli.bench_model import make_configuration
from desktop.downloads.recommended import find_recommended

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mezzotint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(app, "_be_offline_and_quiet", lambda: None)  # it is for a whole process

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app.run_command(list(words))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_fit_says_what_each_installed_model_needs(mezzotint: Run) -> None:
    code, out, _ = mezzotint("fit", "--backend", "cpu_offload")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("starter on ")]
    assert "128 x 128" in line
    assert "as it is" in line


def test_fit_needs_no_weights(mezzotint: Run, tmp_path: Path) -> None:
    """Before a download there are only the configuration files."""
    folder = make_configuration(tmp_path / "sd15")
    code, out, _ = mezzotint("fit", str(folder), "--backend", "cpu_offload", "--size", "8192x8192", "--json")
    (told,) = json.loads(out)["fits"]
    assert code == 1
    assert told["fit"]["verdict"] == "too large"
    assert told["fit"]["disk"] == 4 * 1_066_235_307
    assert told["fit"]["action"].startswith("Try ")


def test_an_unknown_backend_is_refused(mezzotint: Run) -> None:
    for command in ("fit", "bench"):
        code, _, err = mezzotint(command, "--backend", "abacus")
        assert code == 2
        assert "abacus" in err


def test_bench_measures_and_says_on_what(mezzotint: Run) -> None:
    words = ("bench", "--backend", "cpu_offload", "--size", "64x64", "--steps", "2", "--json")
    code, out, _ = mezzotint(*words)
    told: dict[str, Any] = json.loads(out)
    assert code == 0
    (row,) = told["rows"]
    measured = row["measured"]
    assert all(measured[name] > 0 for name in ("load", "encode", "first_step", "step", "decode", "peak"))
    assert measured["provenance"]["backend"] == "cpu_offload"
    assert told["made_on"]["versions"]["torch"]
    assert told["made_on"]["processor"]


def test_what_cannot_run_here_is_left_blank(mezzotint: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from backends import cpu_offload

    monkeypatch.setattr(cpu_offload.CpuOffload, "probe", lambda self: "There is no processor: buy one.")
    code, out, _ = mezzotint("bench", "--backend", "cpu_offload")
    assert code == 1
    assert "not measured. There is no processor" in out


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    assert ratio([(1.0, 2.0), (3.0, 1.0), (1.0, 1.0)]) == 1.0


@pytest.mark.parametrize(
    ("gigabytes", "both"), [pytest.param(64, True, marks=pytest.mark.thorough), (16, False)]
)
def test_a_refiner_stays_beside_it_where_there_is_room(
    mezzotint: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: int, both: bool
) -> None:
    """By the published configurations, before any download: 2.6 and 2.3 billion weights in the UNets."""
    found = [find_recommended(name) for name in ("sdxl", "sdxl-refiner")]
    base, refiner = (each.describe_in(tmp_path / each.name) for each in found if each)
    monkeypatch.setattr(fit_command, "available_bytes", lambda: gigabytes * 10**9)
    words = ("fit", str(base.path), "--refiner", str(refiner.path), "--backend", "cpu_offload")
    _, out, _ = mezzotint(*words, "--size", "512x512", "--json")
    (told,) = json.loads(out)["fits"]
    assert told["refiner"]["both_stay"] is both
    _, out, _ = mezzotint(*words, "--size", "512x512")
    assert ("both stay in memory" in out, "take turns" in out) == (both, not both)
    needs = Needs(refiner, get_backend("cpu_offload").footprint)  # type: ignore[attr-defined]
    assert needs.weights("unet") == pytest.approx(4 * 2.27e9, rel=0.02)
    assert told["refiner"]["need"] > needs.weights("unet") + needs.weights("vae")
