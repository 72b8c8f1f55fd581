"""`mezzotint models` and `mezzotint doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.desktop.cli_runner import Mezzotint
from tests.fakes import write_model_configs


def test_doctor_says_what_can_run_and_what_to_do(mezzotint: Mezzotint, home: Path):
    out = mezzotint("doctor").out
    assert "can run here; this is the automatic choice" in out
    assert "can't run here. It needs a card that isn't here: buy one." in out
    assert str(home / "pictures") in out
    assert "torch 2." in out


def test_doctor_for_programs(mezzotint: Mezzotint, home: Path):
    found = json.loads(mezzotint("doctor", "--json").out)
    assert found["automatic_backend"] == "fake"
    assert [(backend["id"], backend["can_run"]) for backend in found["backends"]] == [
        ("fake", True),
        ("unable", False),
    ]
    assert found["folders"]["models"] == str(home / "models")


def test_broken_models_are_listed_with_the_reason(mezzotint: Mezzotint, home: Path):
    write_model_configs(home / "models" / "broken")
    (home / "models" / "broken" / "vae" / "config.json").unlink()
    assert "broken: can't be used. The model in" in mezzotint("models").out
    listed = {model["name"]: model for model in json.loads(mezzotint("models", "--json").out)["models"]}
    assert "lacks vae/config.json" in listed["broken"]["problem"]
    assert "lacks the weights" in listed["tiny"]["problem"]


def test_whole_models_are_listed_with_what_suits_them(mezzotint: Mezzotint, home: Path):
    folder = write_model_configs(home / "models" / "whole", "Whole One")
    for part, name in [
        ("text_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ]:
        (folder / part / f"{name}.safetensors").write_bytes(b"x")
    assert "whole: Whole One (sd1, 0 MB); 64 x 64, 5 steps of" in mezzotint("models").out


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["generate", "--help"], ["doctor", "--help"]], ids=str
)
def test_help_is_not_an_error(mezzotint: Mezzotint, words: list[str]):
    ran = mezzotint(*words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out
