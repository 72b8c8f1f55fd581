"""SANA-Sprint: our pixels against diffusers' own pipelines, with small random weights."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.sana.pipeline_sana_sprint import SanaSprintPipeline
from diffusers.pipelines.sana.pipeline_sana_sprint_img2img import SanaSprintImg2ImgPipeline
from transformers.models.gemma2.modeling_gemma2 import Gemma2Model

from backends.core.contract import InvalidRequest, Stages
from backends.core.fit import Needs, predict
from backends.core.model_folder import open_folder
from backends.core.parts import load_plain
from backends.core.preview import fit as fit_preview
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.tiling import DecodeWay
from backends.core.torch_stages import TorchStages
from backends.families.sana import INSTRUCTION
from convert.import_model import Wish, import_model
from tests.families.reference import MINIMUM_DB, SEED, make, psnr, start_picture
from tests.tiny_sana import make_tiny_sana

SIZE = (96, 64)
LONG = "a panda at the beach, " * 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return make_tiny_sana(tmp_path_factory.mktemp("model") / "tiny-sana")


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    pipe: Any = SanaSprintPipeline.from_pretrained(str(folder))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def arguments(steps: int, guidance: float) -> dict[str, Any]:
    return {
        "num_inference_steps": steps,
        "intermediate_timesteps": 1.3 if steps == 2 else None,
        "guidance_scale": guidance,
        "generator": torch.Generator("cpu").manual_seed(SEED),
        "use_resolution_binning": False,
    }


def ours(stages: Stages, size: tuple[int, int], **wanted: Any) -> np.ndarray:
    return make(stages, size, sampler="lcm", **wanted)


@pytest.mark.parametrize(
    ("prompt", "steps", "guidance"), [("A Panda at the beach ", 2, 4.5), (LONG, 4, 1.0), ("", 1, 4.5)]
)
def test_text_to_image(stages: Stages, reference: Any, prompt: str, steps: int, guidance: float) -> None:
    expected = reference(prompt, width=SIZE[0], height=SIZE[1], **arguments(steps, guidance))
    made = ours(stages, SIZE, prompt=prompt, steps=steps, guidance_scale=guidance)
    assert psnr(made, np.asarray(expected.images[0])) >= MINIMUM_DB


@pytest.mark.parametrize(("strength", "steps"), [(0.5, 2), (0.6, 4), (1.0, 2)])
def test_image_to_image(stages: Stages, reference: Any, strength: float, steps: int) -> None:
    image: Any = SanaSprintImg2ImgPipeline(**reference.components)
    image.set_progress_bar_config(disable=True)
    start, wanted = start_picture(64), {"strength": strength, "prompt": "a panda at the beach"}
    expected = image(image=start, width=64, height=64, **wanted, **arguments(steps, 4.5))
    made = ours(stages, (64, 64), start=start, steps=steps, guidance_scale=4.5, **wanted)
    assert psnr(made, np.asarray(expected.images[0])) >= MINIMUM_DB


def test_in_bfloat16_the_language_model_is_transformers_own(folder: Path) -> None:
    """Its frequencies of places stay in float32: at the 500th token a rounded one is radians off."""
    ours = load_plain(open_folder(folder), "text_encoder", torch.device("cpu"), torch.bfloat16)
    theirs: Any = Gemma2Model.from_pretrained(str(folder / "text_encoder"), dtype=torch.bfloat16)
    ids = torch.arange(500)[None] % 60
    with torch.inference_mode():
        found, expected = ours(ids).last_hidden_state, theirs(ids).last_hidden_state
    assert torch.equal(found, expected)


def test_the_instruction_is_the_authors_own() -> None:
    parameters = inspect.signature(SanaSprintPipeline.__call__).parameters
    assert "\n".join(parameters["complex_human_instruction"].default) == INSTRUCTION


def test_what_is_read_and_what_is_cut(stages: Stages) -> None:
    whole = stages.encode_text("a (dog:1.2)", 0)
    assert (whole.tokens, whole.cut) == (("a", "d", "o", "g"), ())
    assert whole.tensors["encoder_attention_mask"].sum() == 1 + len(whole.tokens)
    long = stages.encode_text("x" * 310, 0)
    assert (len(long.tokens), len(long.cut)) == (299, 11)
    assert long.tensors["encoder_hidden_states"].shape[1] == 300


def test_guidance_and_text_matter(stages: Stages) -> None:
    plain = ours(stages, SIZE, steps=2)
    assert not np.array_equal(plain, ours(stages, SIZE, steps=2, guidance_scale=9.0))
    assert not np.array_equal(plain, ours(stages, SIZE, steps=2, prompt="a horse"))


def test_a_budget_changes_nothing(folder: Path, stages: Stages) -> None:
    streaming = get_backend("cpu_offload").open(folder, {"memory": "1GB"})
    assert np.array_equal(ours(streaming, SIZE, steps=2), ours(stages, SIZE, steps=2))
    streaming.close()


def test_other_samplers_and_odd_sizes_are_refused(stages: Stages) -> None:
    with pytest.raises(InvalidRequest, match="Euler is not for") as samplers:
        make(stages, SIZE)
    assert samplers.value.action == "Use LCM."
    with pytest.raises(InvalidRequest, match="multiples of 32, and 72 x 64 is not"):
        ours(stages, (72, 64))


def test_a_tile_is_decoded_by_itself(stages: Stages) -> None:
    """Two of 8 x 8 latents below each other, of which 2 rows are blended, as diffusers does it; at the right
    the last 2 columns are one more."""
    vae = stages.network("vae")  # type: ignore[attr-defined]
    latents = torch.randn(1, 8, 12, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        first = DecodeWay("at once").decode(vae, latents[:, :, :8])
        second = DecodeWay("at once").decode(vae, latents[:, :, 6:])
        tiled = DecodeWay("in tiles", 8).decode(vae, latents)
    assert tiled.shape == (1, 3, 384, 256)
    assert torch.allclose(tiled[:, :, :192, :192], first[:, :, :192, :192], atol=1e-5)
    assert torch.allclose(tiled[:, :, 256:, :192], second[:, :, 64:, :192], atol=1e-5)


def test_tiles_are_as_many_pixels_as_of_other_models(folder: Path, stages: Stages) -> None:
    """Ways to decode say their tiles in latents of 8 pixels, and those of this family have 32."""
    placement = replace(stages._placement, decode=(DecodeWay("in tiles", 32),))  # type: ignore[attr-defined]
    tiled = TorchStages(open_folder(folder), placement)
    latents = torch.randn(1, 8, 12, 8, generator=torch.Generator().manual_seed(0))
    vae = stages.network("vae")  # type: ignore[attr-defined]
    expected = DecodeWay("in tiles", 8).decode(vae, latents / stages.facts.scaling_factor)
    assert torch.allclose(tiled.decode(latents), expected, atol=1e-5)
    assert not torch.allclose(stages.decode(latents), expected, atol=1e-2)


def test_the_preview_is_near_the_decoder(stages: Stages) -> None:
    show = fit_preview(stages.decode, 8)
    assert show.matrix.shape == (8, 3)
    assert float(show.matrix.abs().max()) > 0


def test_a_folder_is_imported_with_all_its_parts(folder: Path, tmp_path: Path) -> None:
    imported = import_model(Wish(source=folder, models=tmp_path))
    model = open_folder(imported)
    model.check_files()
    assert model.facts.family == "sana"
    assert model.facts.defaults.steps == 2
    assert model.networks == open_folder(folder).networks


def test_whether_it_fits_is_known(folder: Path) -> None:
    model = open_folder(folder)
    footprint = get_backend("cpu_offload").footprint  # type: ignore[attr-defined]
    fit = predict(model, footprint, SIZE, free=8 * 2**30, batch=1)
    files = [path for part in model.networks for path in model.weight_files(part)]
    assert fit.weights == pytest.approx(sum(path.stat().st_size for path in files), rel=0.1)
    assert fit.stages["vae"] > fit.stages["text_encoder"]
    needs = Needs(model, footprint)
    assert needs.decode((1024, 1024), needs.tile_side(32)) < needs.decode((1024, 1024), None) / 2
