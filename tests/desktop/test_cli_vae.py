"""A VAE in place of the model's own, from the command line to the PNG and back, with a small real model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from backends.core.model_folder import sha256
from desktop.cli.compare_options import CompareOptions
from desktop.cli.generate_options import GenerateOptions
from desktop.cli.plan import make_plan
from desktop.library.database import Library
from desktop.library.jobs import add_job, all_jobs
from desktop.library.parameters import read_parameters, write_parameters
from desktop.library.record import Record, from_json, to_json
from tests.core.test_vae import FILE, other_vae
from tests.desktop.test_cli_lora import Run, pixels, recorded, run, small  # noqa: F401  fixtures
from tests.fakes import fake_job
from tests.library.conftest import library  # noqa: F401  a fixture

# ruff: noqa: F811  fixtures are imported


@pytest.fixture
def soft(home: Path) -> Path:
    """A VAE in our own folder, called "soft"."""
    weights = load_file(other_vae(home / "elsewhere" / "soft"))
    (home / "vae").mkdir()
    save_file(weights, home / "vae" / "soft.safetensors")
    return home / "vae" / "soft.safetensors"


def test_by_name_by_file_by_folder_and_again(run: Run, home: Path, soft: Path) -> None:
    plain = run("a fox", "--steps", "2")
    by_name = run("a fox", "--steps", "2", "--vae", "soft")
    assert pixels(by_name) != pixels(plain)
    record = recorded(by_name)
    assert (record.vae, record.provenance["vae_hash"]) == ("soft", sha256(soft))
    text = Image.open(by_name.path).text["parameters"]  # type: ignore[attr-defined]
    assert f"VAE hash: {sha256(soft)[:10]}, VAE: soft.safetensors" in text
    assert pixels(run("--like", str(by_name.path))) == pixels(by_name)
    assert pixels(run("--like", str(by_name.path), "--vae", "model")) == pixels(plain)
    folder = run("a fox", "--steps", "2", "--vae", str(home / "elsewhere" / "soft"))
    assert pixels(folder) == pixels(by_name)
    shutil.copy(soft, home / "mine.safetensors")
    by_file = run("a fox", "--steps", "2", "--vae", str(home / "mine.safetensors"))
    assert pixels(by_file) == pixels(by_name)
    assert recorded(by_file).vae == "mine"
    assert recorded(plain).vae is None


def test_what_is_not_there(run: Run, home: Path, soft: Path) -> None:
    near = run("a fox", "--vae", "sofd")
    assert (near.code, "soft" in near.err) == (2, True)
    gone = run("a fox", "--vae", "gone.safetensors")
    assert gone.code == 2
    assert "There is no VAE gone.safetensors." in gone.err
    (home / "old.pt").write_bytes(b"pickle")
    assert "is a pickle" in run("a fox", "--vae", str(home / "old.pt")).err


def test_the_recipe_keeps_it_both_ways() -> None:
    record = Record(prompt="a fox", steps=2, seed=7, sampler="euler", width=64, height=64, vae="soft, new",
                    guidance_scale=7.0, provenance={"vae_hash": "0123456789abcdef"})  # fmt: skip
    assert from_json(to_json(record)).vae == "soft, new"
    again = read_parameters(write_parameters(record))
    assert again.vae == "soft, new"
    assert again.provenance["vae_hash"] == "0123456789"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("vae-ft-mse-840000-ema-pruned.safetensors", "vae-ft-mse-840000-ema-pruned"),
        ("kl-f8-anime2.ckpt", "kl-f8-anime2"),
        ("anything.vae.pt", "anything"),
        ("sub/orangemix.vae.pt", "orangemix"),
        ("Automatic", None),
        ("None", None),
    ],
)
def test_others_names_for_it(told: str, name: str | None) -> None:
    settings = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, VAE hash: 735e4c3a44"
    assert read_parameters(f"a fox\n{settings}, VAE: {told}").vae == name


def test_comfyui_loads_it_beside_the_checkpoint(tmp_path: Path) -> None:
    from desktop.library.foreign_graphs import comfyui

    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd.safetensors"}},
        "2": {"class_type": "VAELoader", "inputs": {"vae_name": "vae-ft-mse.safetensors"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["1", 1]}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {
            "class_type": "KSampler",
            "inputs": {"seed": 7, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal",
                       "denoise": 1.0, "model": ["1", 0], "positive": ["3", 0], "negative": ["4", 0],
                       "latent_image": ["5", 0]},
        },
        "7": {"class_type": "VAEDecode", "inputs": {"samples": ["6", 0], "vae": ["2", 0]}},
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "a"}},
    }  # fmt: skip
    found = comfyui({"prompt": json.dumps(graph)})
    assert found is not None
    _, record, extras = found
    assert (record.vae, record.steps) == ("vae-ft-mse", 20)
    assert not any("VAELoader" in each for each in extras)


def test_the_queue_keeps_it(library: Library) -> None:
    job = fake_job()
    job = replace(job, request=replace(job.request, vae="soft"))
    add_job(library, job)
    (kept,) = all_jobs(library)
    assert kept.job is not None
    assert kept.job.request.vae == "soft"


def test_plans_of_plots_and_comparisons_have_it(run: Run, home: Path, soft: Path) -> None:
    plan = make_plan(GenerateOptions(prompt="a fox", model="small", vae=str(soft)))
    assert plan.request.vae == "soft"
    assert soft in plan.search
    assert CompareOptions(request="a.json", vae="soft").vae == "soft"
    assert (home / "elsewhere" / "soft" / FILE).is_file()
