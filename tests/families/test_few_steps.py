"""Models that were distilled to a few steps: recognised, and the same pixels as diffusers' pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline

from backends.core import few_steps, flow
from backends.core.contract import Request
from backends.core.model_folder import read_facts
from backends.core.prompt_reading import Prompts
from backends.core.registry import get_backend
from backends.core.shelf import Shelf
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, scheduler_for
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_sdxl
from tests.tiny_transformers import make_tiny_sd3

TRAILING = {"timestep_spacing": "trailing"}
SD_TURBO: Any = EPSILON | TRAILING | {"_class_name": "EulerDiscreteScheduler"}
SDXL_TURBO: Any = EPSILON | TRAILING | {"_class_name": "EulerAncestralDiscreteScheduler"}
LCM: Any = EPSILON | {"_class_name": "LCMScheduler"}
MODELS: dict[str, tuple[Any, Any, Any, tuple[str, int, float]]] = {
    "plain": (make_tiny_model, StableDiffusionPipeline, SD_TURBO, ("euler", 4, 1.0)),
    "dreamshaper": (make_tiny_model, StableDiffusionPipeline, LCM, ("lcm", 4, 1.0)),
    "sdxl-turbo": (make_tiny_sdxl, StableDiffusionXLPipeline, SDXL_TURBO, ("euler_a", 4, 1.0)),
    "sdxl_lightning_2step": (make_tiny_sdxl, StableDiffusionXLPipeline, EPSILON, ("euler", 2, 1.0)),
    "Hyper-SDXL-8steps": (make_tiny_sdxl, StableDiffusionXLPipeline, EPSILON, ("ddim", 8, 1.0)),
    "models--x--realistic-lcm": (make_tiny_model, StableDiffusionPipeline, EPSILON, ("lcm", 4, 1.0)),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_defaults_make_the_picture_that_diffusers_makes(tmp_path: Path, name: str) -> None:
    maker, pipe_class, scheduler, wanted = MODELS[name]
    folder = maker(tmp_path / name, scheduler)
    facts = read_facts(folder)
    chosen = facts.defaults
    assert (chosen.sampler, chosen.steps, chosen.guidance_scale) == wanted
    pipe: Any = pipe_class.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    spacing = TRAILING if wanted[0] in ("euler", "euler_a", "ddim") else {}
    scheduler_for(pipe, wanted[0], **spacing)
    expected = pipe("a panda at the beach", width=64, height=64, **arguments(0.0, wanted[1]))
    stages = get_backend("cpu_offload").open(folder, {})
    settings = {"steps": chosen.steps, "guidance_scale": chosen.guidance_scale, "sampler": chosen.sampler}
    assert psnr(make(stages, (64, 64), **settings), np.asarray(expected.images[0])) >= MINIMUM_DB
    stages.close()


@pytest.mark.parametrize(
    ("name", "kind", "steps"),
    [
        ("stabilityai/sd-turbo", "turbo", 4),
        ("sd_xl_turbo_1.0_fp16", "turbo", 4),
        ("sdxl_lightning_8step_lora", "lightning", 8),
        ("DreamShaperXL_Lightning", "lightning", 4),
        ("lcm-lora-sdv1-5", "lcm", 4),
        ("LCM_Dreamshaper_v7", "lcm", 4),
        ("Hyper-SD15-2steps-lora", "hyper", 2),
        ("Hyper-SDXL-1step-lora", "tcd", 1),
        ("TCD-SDXL-LoRA", "tcd", 4),
    ],
)
def test_names_as_their_makers_give_them(name: str, kind: str, steps: int) -> None:
    found = few_steps.by_name(name)
    assert found is not None
    assert (found.kind, found.steps, found.guidance_scale) == (kind, steps, 1.0)


@pytest.mark.parametrize("name", ["v1-5-pruned", "turbocharged", "falcmodel", "hyperrealism", "50 steps"])
def test_other_names_say_nothing(name: str) -> None:
    assert few_steps.by_name(name) is None


def test_a_model_that_is_told_the_guidance(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "distilled", LCM)
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"time_cond_proj_dim": 32}))
    defaults = read_facts(folder).defaults
    assert (defaults.sampler, defaults.steps, defaults.guidance_scale) == ("lcm", 4, 8.0)


def test_what_our_manifest_says_counts_more(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "sd-turbo", SD_TURBO)
    (folder / "model.json").write_text(json.dumps({"defaults": {"steps": 1}}))
    defaults = read_facts(folder).defaults
    assert (defaults.steps, defaults.sampler, defaults.guidance_scale) == (1, "euler", 1.0)


@pytest.mark.parametrize(
    ("name", "steps", "guidance", "weight"),
    [
        ("Hyper-SD3-4steps-CFG-lora", 4, 3.0, 0.125),
        ("Hyper-SD3-8steps-CFG-lora", 8, 5.0, 0.125),
        ("Hyper-SD3-16steps-CFG-lora", 16, 7.0, 0.125),
        ("lora_sd3.5m_turbo_8steps", 8, 1.5, 1.0),
        ("lora_sd3.5m_4steps", 4, 1.5, 1.0),
        ("Z-Image-Fun-Lora-Distill-4-Steps-2603-ComfyUI", 4, 1.0, 1.0),
    ],
)
def test_loras_of_models_that_predict_a_flow(name: str, steps: int, guidance: float, weight: float) -> None:
    """They have one sampler, which the UNets' kinds would miss."""
    found = few_steps.of_loras([name], flow.SAMPLERS)
    assert found is not None
    assert (found.sampler, found.steps, found.guidance_scale) == ("euler", steps, guidance)
    assert few_steps.usual_weight(name) == found.weight == weight


@pytest.mark.parametrize(
    "name", ["zimage_turbo_ink", "lcm-lora-sdv1-5", "ink sd3.5m", "Hyper-SDXL-8steps-lora"]
)
def test_other_loras_say_nothing_of_such_models(name: str) -> None:
    assert few_steps.of_loras([name], flow.SAMPLERS) is None
    assert few_steps.usual_weight(name) == 1.0


def test_loras_that_keep_guidance() -> None:
    found = few_steps.of_loras(["Hyper-SDXL-12steps-CFG-lora"])
    assert found is not None
    assert (found.sampler, found.steps, found.guidance_scale) == ("ddim", 12, 5.0)


def test_what_such_a_lora_wants_is_said(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "Hyper-SD3-8steps-CFG-lora.safetensors").write_bytes(b"never read here")
    facts = read_facts(make_tiny_sd3(tmp_path / "sd3"))
    asked: dict[str, Any] = {"width": 64, "height": 64, "sampler": "euler", "seed": 1}
    told = {
        (steps, weight): list(
            Prompts(
                Request(prompt=f"x <lora:Hyper-SD3-8steps-CFG-lora:{weight}>", steps=steps,
                        guidance_scale=5.0, **asked),
                Shelf([tmp_path]),
            ).advice(facts)
        )
        for steps, weight in ((8, 0.125), (40, 0.125), (8, 1.0))
    }  # fmt: skip
    assert told[8, 0.125] == []
    assert "made for about 8 steps with a guidance of 5; this picture has 40 with 5" in told[40, 0.125][0]
    assert told[8, 1.0][0].endswith("is made to count 0.125; in this picture it counts 1.")
