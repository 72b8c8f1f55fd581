"""FLUX.2 klein: our pixels against diffusers' own pipeline, with small random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline, compute_empirical_mu

from backends.core import preview, references
from backends.core.contract import InvalidRequest, Notice, ReferenceRefused, Request, Stages
from backends.core.fit import predict
from backends.core.model_folder import open_folder
from backends.core.pipeline import generate
from backends.core.quiet import quiet
from backends.core.references import reference_pixels
from backends.core.registry import get_backend
from backends.core.torch_stages import TorchStages
from convert.import_model import Wish, import_model
from tests.families.reference import MINIMUM_DB, SEED, STEPS, make, png_bytes, psnr, start_picture
from tests.tiny_flux2 import make_tiny_flux2

SIZE = (96, 64)
PROMPT = "a panda at the beach"
of_one = pytest.mark.parametrize("folder", ["base"], indirect=True)
"""For what the distilled model has in common with the other."""


@pytest.fixture(scope="module", params=["distilled", "base"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    path = tmp_path_factory.mktemp("model") / "tiny-klein"
    return make_tiny_flux2(path, distilled=request.param == "distilled")


@pytest.fixture(scope="module")
def stages(folder: Path) -> Iterator[Stages]:
    opened = get_backend("cpu_offload").open(folder, {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    pipe: Any = Flux2KleinPipeline.from_pretrained(str(folder), low_cpu_mem_usage=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def theirs(pipe: Any, **wanted: Any) -> np.ndarray:
    settings: dict[str, Any] = {"width": SIZE[0], "height": SIZE[1], "num_inference_steps": STEPS}
    generator = torch.Generator("cpu").manual_seed(SEED)
    return np.asarray(pipe(prompt=PROMPT, generator=generator, **(settings | wanted)).images[0])


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_text_to_image(stages: Stages, reference: Any, guidance: float) -> None:
    """A distilled model ignores the guidance scale; diffusers' negative prompt is always empty."""
    expected = theirs(reference, guidance_scale=guidance)
    ours = make(stages, SIZE, prompt=PROMPT, negative_prompt="", guidance_scale=guidance)
    assert psnr(ours, expected) >= MINIMUM_DB
    other = make(stages, SIZE, prompt="a boat", negative_prompt="", guidance_scale=guidance)
    assert psnr(other, expected) < MINIMUM_DB - 10


def test_that_guidance_is_not_used_is_said(stages: Stages) -> None:
    wanted: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "sampler": "euler", "seed": 1}
    request = Request(prompt=PROMPT, guidance_scale=4.0, **wanted)
    told = [event for event in generate(request, stages, previews=False) if isinstance(event, Notice)]
    ignored = [event for event in told if "its scale is not used" in event.message]
    assert len(ignored) == (0 if stages.facts.takes_guidance else 1)


@of_one
def test_a_prompt_that_is_too_long_is_cut_where_diffusers_cuts_it(stages: Stages, reference: Any) -> None:
    text = "a panda at the beach, " * 40
    reading = stages.encode_text(text, 0)
    expected = reference.encode_prompt(text)[0]
    assert torch.allclose(reading.tensors["encoder_hidden_states"], expected, atol=1e-4)
    assert len(reading.tokens) + len(reading.cut) == len(text)
    assert len(reading.tokens) < 512


@torch.inference_mode()
def by_hand(pipe: Any, start: Any, strength: float) -> np.ndarray:
    """Image to image with the parts of diffusers' pipeline, which has none: without guidance."""
    side, generator = start.size[0], torch.Generator("cpu").manual_seed(SEED)
    hidden, text_ids = pipe.encode_prompt(PROMPT)
    posterior = pipe.vae.encode(pipe.image_processor.preprocess(start)).latent_dist
    mean, deviation = (pipe._patchify_latents(each) for each in (posterior.mean, posterior.std))
    norm = pipe.vae.bn
    middle, spread = (
        each.view(1, -1, 1, 1) for each in (norm.running_mean, (norm.running_var + norm.eps).sqrt())
    )
    clean = (mean + deviation * torch.randn(mean.shape, generator=generator) - middle) / spread
    noise = torch.randn(mean.shape, generator=generator)
    mu = compute_empirical_mu(noise[0, 0].numel(), STEPS)
    pipe.scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / STEPS, STEPS), mu=mu)
    skipped = int(STEPS - STEPS * strength)
    pipe.scheduler.set_begin_index(skipped)
    timesteps = pipe.scheduler.timesteps[skipped:]
    latents = pipe._pack_latents(pipe.scheduler.scale_noise(clean, timesteps[:1], noise))
    ids = pipe._prepare_latent_ids(noise)
    for timestep in timesteps:
        predicted = pipe.transformer(
            latents, hidden, timestep[None] / 1000, img_ids=ids, txt_ids=text_ids, return_dict=False
        )[0]
        latents = pipe.scheduler.step(predicted, timestep, latents, return_dict=False)[0]
    places = pipe._unpack_latents_with_ids(latents, ids, side // 16, side // 16) * spread + middle
    image = pipe.vae.decode(pipe._unpatchify_latents(places), return_dict=False)[0]
    return np.asarray(pipe.image_processor.postprocess(image)[0])


@of_one
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_image_to_image(stages: Stages, reference: Any, strength: float) -> None:
    start = start_picture(64)
    expected = by_hand(reference, start, strength)
    ours = make(stages, (64, 64), start=start, prompt=PROMPT, strength=strength, guidance_scale=1.0)
    assert psnr(ours, expected) >= MINIMUM_DB


def test_reference_pictures(stages: Stages, reference: Any) -> None:
    """One of sides that are no multiples of 16, and one of another shape; the place made is of a third."""
    first, second = start_picture(84), start_picture(128).crop((0, 0, 128, 64))
    expected = theirs(reference, image=[first, second], guidance_scale=4.0)
    ours = make(
        stages,
        SIZE,
        prompt=PROMPT,
        negative_prompt="",
        guidance_scale=4.0,
        references=(png_bytes(first), png_bytes(second)),
    )
    assert psnr(ours, expected) >= MINIMUM_DB
    assert psnr(ours, theirs(reference, guidance_scale=4.0)) < MINIMUM_DB - 10


@of_one
def test_reference_pictures_count_as_memory(folder: Path, stages: Stages) -> None:
    plain: Any = stages
    few, many = (plain.denoising_bytes((64, 64 + pictures * 512 * 512 // 64))[0] for pictures in (0, 4))
    assert many > 3 * few
    placement = replace(plain._placement, free_bytes=lambda: many - 1)
    tight, picture = TorchStages(open_folder(folder), placement), png_bytes(start_picture(512))
    request = Request(
        width=64, height=64, steps=1, guidance_scale=1.0, sampler="euler", seed=1, references=(picture,) * 4
    )
    with pytest.raises(ReferenceRefused, match="With these reference pictures"):
        references.read(request, tight)
    assert len(references.read(replace(request, references=(picture,)), tight)) == 1
    tight.close()


@of_one
def test_large_reference_pictures_are_made_smaller_as_diffusers_does_it(reference: Any) -> None:
    picture = start_picture(1200).crop((0, 0, 1200, 1000))
    smaller = reference.image_processor._resize_to_target_area(picture, 1024 * 1024)
    width, height = (side // 16 * 16 for side in smaller.size)
    expected = reference.image_processor.preprocess(smaller, height=height, width=width, resize_mode="crop")
    assert torch.equal(reference_pixels(png_bytes(picture), 16), expected)


def test_reference_pictures_of_odd_shapes_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="can't be 640 x 64"):
        reference_pixels(png_bytes(start_picture(640).crop((0, 0, 640, 64))), 16)
    with pytest.raises(InvalidRequest, match="5 reference pictures are too many"):
        Request(
            width=64, height=64, steps=4, guidance_scale=1.0, sampler="euler", seed=1, references=(b"",) * 5
        )


@of_one
def test_a_budget_changes_nothing(folder: Path, stages: Stages) -> None:
    """With weights that stream, the language model's too, the picture is the same, bit for bit."""
    streaming = get_backend("cpu_offload").open(folder, {"memory": "1GB"})
    assert np.array_equal(make(streaming, SIZE), make(stages, SIZE))
    streaming.close()


@of_one
def test_each_of_the_packed_places_has_its_pixel_in_the_preview(stages: Stages) -> None:
    picture = preview.of(stages)(torch.randn(stages.facts.latent_shape(*SIZE)))
    assert (picture.width, picture.height) == (SIZE[0] // 8, SIZE[1] // 8)
    assert len(set(picture.rgb)) > 8


@of_one
def test_odd_sizes_are_refused(stages: Stages) -> None:
    with pytest.raises(InvalidRequest, match="multiples of 16, and 72 x 64 is not"):
        make(stages, (72, 64))


def test_a_folder_is_imported_with_all_its_parts(folder: Path, tmp_path: Path) -> None:
    imported = import_model(Wish(source=folder, models=tmp_path))
    model = open_folder(imported)
    model.check_files()
    facts, original = model.facts, open_folder(folder).facts
    assert (facts.family, facts.defaults) == ("flux2", original.defaults)
    assert facts.takes_guidance == original.takes_guidance == (facts.defaults.steps == 50)
    assert model.networks == ("text_encoder", "transformer", "vae")


@of_one
def test_whether_it_fits_is_known(folder: Path) -> None:
    model = open_folder(folder)
    footprint = get_backend("cpu_offload").footprint  # type: ignore[attr-defined]
    fit = predict(model, footprint, SIZE, free=8 * 2**30)
    files = [path for part in model.networks for path in model.weight_files(part)]
    assert fit.weights == pytest.approx(sum(path.stat().st_size for path in files), rel=0.1)
    larger = predict(model, footprint, (2 * SIZE[0], 2 * SIZE[1]), free=8 * 2**30)
    assert larger.stages["vae"] > 2 * fit.stages["vae"] - fit.weights - footprint.libraries
