"""LoRAs, choices and few-step settings from the command line to the PNG and back, with a small real model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from backends.core import pipeline
from backends.core.contract import Request, TextRead
from backends.core.registry import get_backend
from desktop.cli import app
from desktop.cli.bench_child import Task, measure
from desktop.library.foreign import read_recipe
from desktop.library.record import Record
from tests.desktop.cli_runner import Ran
from tests.tiny_models import EPSILON, make_tiny_model
from tests.tiny_transformers import make_tiny_sd3

LAYER = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "small", EPSILON)


@pytest.fixture
def run(home: Path, small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `mezzotint generate` with the small model in this home, two steps unless told otherwise."""
    monkeypatch.setattr(app, "_be_offline_and_quiet", lambda: None)
    shutil.copytree(small, home / "models" / "small")
    (home / "loras").mkdir()

    def generate(*words: str) -> Ran:
        chosen = {"--like", "--model"} & set(words)
        extra = [] if chosen else ["--model", "small", "--seed", "7"]
        code = app.run_command(["generate", *words, *extra, "--quiet"])
        shown = capsys.readouterr()
        return Ran(code, shown.out, shown.err, [])

    return generate


Run = Callable[..., Ran]


def write_lora(file: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    stem = f"lora_unet_{LAYER.replace('.', '_')}"
    down, up = torch.randn(4, 64), torch.randn(64, 4)
    save_file({f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}, file)
    return file


def recorded(ran: Ran) -> Record:
    return read_recipe(ran.path).record


def pixels(ran: Ran) -> bytes:
    return Image.open(ran.path).convert("RGB").tobytes()


def test_a_lora_is_in_the_picture_and_its_recipe(run: Run, home: Path) -> None:
    write_lora(home / "loras" / "ink.safetensors")
    plain, with_lora = run("a fox", "--steps", "2"), run("a fox", "--steps", "2", "--lora", "ink:0.8")
    assert pixels(plain) != pixels(with_lora)
    record = recorded(with_lora)
    assert record.prompt == "a fox <lora:ink:0.8>"
    assert record.provenance["additions"].startswith("ink: ")
    text = Image.open(with_lora.path).text["parameters"]  # type: ignore[attr-defined]
    assert text.startswith("a fox <lora:ink:0.8>\n")
    assert 'Lora hashes: "ink: ' in text or "Lora hashes: ink: " in text
    assert pixels(run("a fox <lora:ink:0.8>", "--steps", "2")) == pixels(with_lora)
    assert pixels(run("--like", str(with_lora.path))) == pixels(with_lora)
    assert pixels(run("--like", str(with_lora.path), "--lora", "ink:0")) == pixels(plain)


def test_another_file_of_that_name_is_noticed(run: Run, home: Path) -> None:
    write_lora(home / "loras" / "ink.safetensors")
    made = run("a fox", "--steps", "2", "--lora", "ink")
    write_lora(home / "loras" / "ink.safetensors", seed=1)
    again = run("--like", str(made.path))
    assert pixels(again) != pixels(made)
    assert "made with other LoRAs" in again.err


def test_a_lora_may_be_a_file_anywhere(run: Run, tmp_path: Path) -> None:
    file = write_lora(tmp_path / "else.safetensors")
    made = run("a fox", "--steps", "2", "--lora", f"{file}:0.5")
    assert recorded(made).prompt == "a fox <lora:else:0.5>"


def test_what_can_not_be_found_is_said(run: Run, home: Path) -> None:
    missing = run("a fox <lora:ink:1>", "--steps", "2")
    assert missing.code == 2
    assert "There is no LoRA called 'ink'." in missing.err
    assert str(home / "loras") in missing.err
    write_lora(home / "loras" / "ink.safetensors")
    assert "Did you mean ink?" in run("a fox", "--lora", "inkk").err
    assert "There is no LoRA nowhere.safetensors." in run("a fox", "--lora", "nowhere.safetensors").err
    assert "can't be read" in run("a fox", "--lora", "ink:99").err


def test_a_lora_for_few_steps_brings_its_settings(run: Run, home: Path) -> None:
    write_lora(home / "loras" / "Hyper-SD15-2steps-lora.safetensors")
    record = recorded(run("a fox", "--lora", "Hyper-SD15-2steps-lora"))
    assert (record.steps, record.guidance_scale, record.sampler) == (2, 1.0, "ddim")


def test_two_loras_for_a_transformer_are_kept_and_made_again(run: Run, home: Path) -> None:
    """SD 3, in the layouts of kohya's scripts and of peft; other weights, another picture."""
    make_tiny_sd3(home / "models" / "three")
    for name, stem, out in (
        ("ink", "lora_unet_joint_blocks_0_x_block_attn_qkv", 48),
        ("wash", "lora_unet_context_embedder", 16),
    ):
        down, up = torch.randn(4, 16 if name == "ink" else 72), torch.randn(out, 4)
        tensors = {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}
        save_file(tensors, home / "loras" / f"{name}.safetensors")
    asked = ("--model", "three", "--steps", "2", "--seed", "5", "--size", "64x64")
    made = run("a fox", *asked, "--lora", "ink:0.8", "--lora", "wash:-0.5")
    assert made.code == 0, made.err
    record = recorded(made)
    assert record.prompt == "a fox <lora:ink:0.8> <lora:wash:-0.5>"
    assert "ink: " in record.provenance["additions"]
    assert "wash: " in record.provenance["additions"]
    assert pixels(run("--like", made.out.strip())) == pixels(made)
    assert pixels(run("a fox", *asked, "--lora", "ink:0.1")) != pixels(made)
    assert pixels(run("a fox", *asked)) != pixels(made)


def test_a_choice_is_recorded_with_its_template(run: Run) -> None:
    made = run("a {red|blue|green|grey} fox", "--steps", "2", "--count", "3")
    records = [read_recipe(Path(line)).record for line in made.out.splitlines()]
    assert {record.template for record in records} == {"a {red|blue|green|grey} fox"}
    assert len({record.prompt for record in records}) > 1
    assert all("{" not in record.prompt for record in records)
    last = made.out.splitlines()[-1]
    assert pixels(run("--like", last)) == Image.open(last).convert("RGB").tobytes()


def test_compare_and_bench_take_loras_too(run: Run, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lora(home / "loras" / "ink.safetensors")
    request = home / "request.json"
    request.write_text(json.dumps({"prompt": "a fox", "model": "small", "steps": 1, "seed": 7}))
    runners = "cpu_offload,cpu_offload:memory=1GB"
    assert app.run_command(["compare", str(request), "--backends", runners, "--lora", "ink:0.8"]) == 0
    assert "problem" not in capsys.readouterr().out
    assert app.run_command(["compare", str(request), "--backends", runners, "--lora", "inkk"]) == 1
    assert "Did you mean ink?" in capsys.readouterr().out
    task = Task(runner="cpu_offload", folder=home / "models" / "small", width=64, height=64, steps=2)
    lora = (home / "loras" / "ink.safetensors", 0.8)
    figures = measure(replace(task, loras=(lora,)))
    assert figures.problem is None
    assert figures.step is not None
    assert app.run_command(["bench", "--model", "small", "--lora", "inkk"]) == 2
    assert app.run_command(["bench", "--lora", "ink", "--compare"]) == 2
    assert "without LoRAs" in capsys.readouterr().err


LONG = "a (red:1.3) fox in the snow, " + "very " * 80 + "small BREAK (an owl:0.7) above"


def test_weights_long_prompts_and_break_are_in_the_recipe_and_repeated(run: Run) -> None:
    made = run(LONG, "--negative", "(blur:1.4) BREAK rain", "--steps", "2")
    record = recorded(made)
    assert (record.prompt, record.negative_prompt) == (LONG, "(blur:1.4) BREAK rain")
    assert Image.open(made.path).text["parameters"].startswith(LONG)  # type: ignore[attr-defined]
    assert pixels(run("--like", str(made.path))) == pixels(made)
    for other in (LONG.replace("1.3", "1.2"), LONG.replace(" BREAK", ","), LONG.replace("very ", "", 1)):
        assert pixels(run("--like", str(made.path), other)) != pixels(made)


def test_tokens_are_told_with_their_weights_and_chunks(small: Path) -> None:
    request = Request(prompt=LONG, width=64, height=64, steps=1, guidance_scale=1, sampler="euler", seed=1)
    stages = get_backend("cpu_offload").open(small, {})
    events = pipeline.generate(request, stages, previews=False)
    (read,) = [event for event in events if isinstance(event, TextRead)]
    stages.close()
    assert {1.0, 1.3, 0.7} == set(read.weights)
    assert len(read.weights) == len(read.chunks) == len(read.tokens)
    assert sorted(set(read.chunks)) == list(range(max(read.chunks) + 1))
    last = [
        weight for weight, chunk in zip(read.weights, read.chunks, strict=True) if chunk == read.chunks[-1]
    ]
    assert last[0] == 0.7  # BREAK began the last one
