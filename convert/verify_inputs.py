"""Real inputs for checking a converted model: what its networks get while prompts become pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backends.core.contract import PictureReady, Request, Stages
from backends.core.coreml_features import added_features, time_features
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.pipeline import generate
from backends.core.registry import get_backend
from backends.core.tokenizers import load_tokenizer

Arrays = Mapping[str, NDArray[Any]]
PROMPTS: Final = ("a fox in the snow", "a red bicycle against a white wall, watercolour", "")
STEPS: Final = 6
_KEPT_STEPS: Final = 3


@dataclass
class Recorder:
    """Stages that remember what the denoiser and the decoder were given, and what the decoder made."""

    stages: Any
    denoised: list[tuple[Tensor, float, dict[str, Tensor]]] = field(default_factory=list[Any])
    decoded: list[tuple[Tensor, Tensor]] = field(default_factory=list[Any])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stages, name)

    def denoise(self, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]) -> Tensor:
        self.denoised.append((latents.clone(), timestep, dict(conditioning)))
        return self.stages.denoise(latents, timestep, conditioning)

    def decode(self, latents: Tensor) -> Tensor:
        image: Tensor = self.stages.decode(latents)
        self.decoded.append((latents.clone(), image))
        return image


def record(
    model: Path, size: tuple[int, int], prompts: tuple[str, ...] = PROMPTS, steps: int = STEPS
) -> dict[str, list[Arrays]]:
    """Each network's inputs, by the names in a Core ML folder, while a prompt becomes a picture in torch.

    The picture is of the first prompt, made on the CPU by the model's own sampler; the denoiser's inputs are
    those of the first, a middle and the last step. All arrays are float32, or int32 for token ids.
    """
    folder = open_folder(model)
    stages = get_backend("cpu_offload").open(model, {})
    try:
        recorder = _record(stages, prompts[0], size, steps)
    finally:
        stages.close()
    return {
        **{
            each.replace("tokenizer", "text_encoder"): [
                {"token_ids": _token_ids(folder, each, prompt)} for prompt in prompts
            ]
            for each in folder.tokenizers
        },
        "unet": [_unet_inputs(folder, *each) for each in _spread(recorder.denoised)],
        "vae_decoder": [
            {"latents": _array(latents / folder.facts.scaling_factor)} for latents, _ in recorder.decoded
        ],
        "vae_encoder": [{"image": _array(image.clamp(-1, 1))} for _, image in recorder.decoded],
    }


def fit_batch(array: NDArray[Any], batch: int) -> NDArray[Any]:
    """The array with this many rows: the last ones (of a guided pair: the prompt's), or the rows again."""
    return array[-batch:] if len(array) >= batch else np.concatenate([array] * batch)[:batch]


def _record(stages: Stages, prompt: str, size: tuple[int, int], steps: int) -> Recorder:
    recorder, defaults = Recorder(stages), stages.facts.defaults
    request = Request(
        prompt=prompt,
        width=size[0],
        height=size[1],
        steps=min(steps, defaults.steps),
        guidance_scale=defaults.guidance_scale,
        sampler=defaults.sampler,
        seed=1,
    )
    made = generate(request, cast(Stages, recorder), previews=False)
    assert any(isinstance(event, PictureReady) for event in made)
    return recorder


def _token_ids(folder: ModelFolder, part: str, prompt: str) -> NDArray[Any]:
    tokenizer = load_tokenizer(folder, part)
    limit = folder.facts.token_limit
    found = tokenizer(prompt, padding="max_length", max_length=limit, truncation=True, return_tensors="np")
    return np.asarray(found.input_ids, dtype=np.int32)


def _unet_inputs(
    folder: ModelFolder, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]
) -> Arrays:
    config = folder.configs["unet"]
    inputs = {
        "sample": _array(latents),
        "time_features": _array(time_features(config, timestep, len(latents))),
        "encoder_hidden_states": _array(conditioning["encoder_hidden_states"]),
    }
    if "time_ids" in conditioning:
        told = added_features(config, conditioning["text_embeds"], conditioning["time_ids"])
        inputs["added_features"] = _array(told)
    if "timestep_cond" in conditioning:
        inputs["guidance_features"] = _array(conditioning["timestep_cond"])
    return inputs


def _spread(items: list[Any]) -> list[Any]:
    """The first, a middle and the last of a list."""
    places = np.linspace(0, len(items) - 1, min(_KEPT_STEPS, len(items)))
    return [items[round(float(place))] for place in places]


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.to(torch.float32).numpy()
