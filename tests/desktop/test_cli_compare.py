"""`mezzotint compare`: one request, several backends, and decibels between their pictures."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

from backends.core.contract import Job
from desktop.cli import compare
from desktop.cli.compare_options import CompareOptions, Runner, parse_runners, read_request
from tests.desktop.cli_runner import Mezzotint
from tests.fakes import FakeEngine, FakeStages

REQUEST = {"prompt": "a cat", "model": "tiny", "steps": 2, "seed": 3}


def write(home: Path, **changes: object) -> str:
    path = home.parent / "request.json"
    path.write_text(json.dumps(REQUEST | changes))
    return str(path)


def test_decibels() -> None:
    assert math.isinf(compare.psnr(bytes(12), bytes(12)))
    assert compare.psnr(bytes([0] * 12), bytes([255] * 12)) == pytest.approx(0)
    assert compare.psnr(bytes([100] * 12), bytes([101] * 12)) == pytest.approx(48.13, abs=0.01)


def test_what_a_file_does_not_say_suits_the_model(home: Path) -> None:
    request, folder = read_request(Path(write(home, seed=9)))
    assert (request.prompt, request.width, request.height, request.steps, request.seed) == (
        "a cat",
        64,
        64,
        2,
        9,
    )
    assert folder.name == "tiny"


def test_runners_have_options() -> None:
    assert parse_runners("cpu_offload, mps:a=1:b=2") == [
        Runner("cpu_offload"),
        Runner("mps", {"a": "1", "b": "2"}),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"promt": "x"}, "Did you mean prompt"),
        ({"steps": "many"}, "must be a number"),
        ({"width": 63}, "63"),
        ({"prompt": 3}, "must be text"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(
    mezzotint: Mezzotint, home: Path, changes: dict[str, object], words: str
) -> None:
    ran = mezzotint("compare", write(home, **changes))
    assert ran.code == 2
    assert words in ran.err


def test_a_file_that_is_not_json_is_explained(mezzotint: Mezzotint, home: Path) -> None:
    (home.parent / "broken.json").write_text("{")
    ran = mezzotint("compare", str(home.parent / "broken.json"))
    assert ran.code == 2
    assert "can't be read as JSON" in ran.err


def test_one_backend_alone_is_nothing_to_compare(mezzotint: Mezzotint, home: Path) -> None:
    ran = mezzotint("compare", write(home))
    assert ran.code == 2
    assert "Fewer than two" in ran.err


def test_pictures_are_compared_with_the_first(mezzotint: Mezzotint, home: Path) -> None:
    ran = mezzotint("compare", write(home), "--backends", "fake,fake", "--json")
    first, second = json.loads(ran.out)["pictures"]
    assert ran.code == 0
    assert (first["same"], first["psnr"]) == (False, None)
    assert (second["same"], second["psnr"]) == (True, None)


def test_pictures_that_differ_get_decibels(
    mezzotint: Mezzotint, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second picture is made from another seed."""
    pipeline, seeds = ModuleType("backends.core.pipeline"), iter((3, 4))

    def generate(request: object, stages: FakeStages, *, search: tuple[Path, ...], previews: bool) -> object:
        from dataclasses import replace

        changed = replace(request, seed=next(seeds))  # type: ignore[type-var]
        return FakeEngine().make(Job(request=changed, model_folder=Path("nowhere")))

    pipeline.generate = generate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "backends.core.pipeline", pipeline)
    ran = mezzotint("compare", write(home), "--backends", "fake,fake")
    reference, other = ran.out.splitlines()
    assert "compared with this one" in reference
    assert 0 < float(other.split()[-2]) < 40
    assert other.endswith("dB")


def test_what_cannot_run_is_said_and_the_exit_code_tells(mezzotint: Mezzotint, home: Path) -> None:
    ran = mezzotint("compare", write(home), "--backends", "fake,unable,fake:no=1")
    assert ran.code == 1
    assert "It needs a card that isn't here. Buy one." in ran.out
    assert "has no option called 'no'" in ran.out


def test_the_command_line_has_it(home: Path) -> None:
    from desktop.cli.arguments import parse

    command, options = parse(["compare", "request.json", "--backends", "a,b"])
    assert command == "compare"
    assert options == CompareOptions(request="request.json", backends="a,b")
