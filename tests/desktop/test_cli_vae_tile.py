"""`--vae-tile`: what reaches the backend, also from the recipe of a picture to repeat."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.contract import InvalidRequest, Picture
from desktop.cli.arguments import parse
from desktop.cli.generate_options import GenerateOptions
from desktop.cli.plan import make_plan
from desktop.library.pictures import encode_picture
from desktop.library.record import Record


def options_of(*words: str) -> dict[str, str]:
    _, options = parse(["generate", "x", *words])
    assert isinstance(options, GenerateOptions)
    return dict(make_plan(options).backend_options)


@pytest.mark.parametrize(("said", "meant"), [("512", "512"), ("off", "at once"), ("auto", "automatic")])
def test_it_reaches_the_backend(home: Path, said: str, meant: str) -> None:
    assert options_of("--vae-tile", said) == {"vae_tile": meant}
    assert options_of("--vae-tile", said, "--memory", "2GB") == {"vae_tile": meant, "memory": "2GB"}


def test_nothing_said_is_nothing_asked(home: Path) -> None:
    assert options_of() == {}


def test_like_repeats_it_unless_told_otherwise(home: Path, tmp_path: Path) -> None:
    made = Record(prompt="x", provenance={"backend": "cpu_offload", "vae_tile": "256"})
    path = tmp_path / "made.png"
    path.write_bytes(encode_picture(Picture(1, 1, b"abc"), made))
    assert options_of("--like", str(path)) == {"vae_tile": "256"}
    assert options_of("--like", str(path), "--vae-tile", "auto") == {"vae_tile": "automatic"}


def test_other_values_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="way to develop called '500'"):
        parse(["generate", "x", "--vae-tile", "500"])
