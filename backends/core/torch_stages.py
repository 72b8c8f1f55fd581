"""What the torch backends share: load a model folder, place its networks, run its stages."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from backends.core.contract import BrokenModel, Conditioning, ModelFacts, OutOfMemory
from backends.core.low_rank import merge
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.quiet import quiet

_CLASSES = {
    "CLIPTextModel": "transformers.models.clip.modeling_clip",
    "CLIPTokenizer": "transformers.models.clip.tokenization_clip",
    "UNet2DConditionModel": "diffusers.models.unets.unet_2d_condition",
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
}
"""The classes a model folder may name, and where they are. Nothing else is ever imported for it."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the networks run, and in which precision each computes."""

    backend: str
    device: torch.device
    text_dtype: torch.dtype = torch.float32
    unet_dtype: torch.dtype = torch.float32
    vae_dtype: torch.dtype = torch.float32
    free_bytes: Callable[[], int]

    @property
    def precision(self) -> str:
        """For the record: "float32", or one word a network where they differ."""
        names = [str(d).removeprefix("torch.") for d in (self.text_dtype, self.unet_dtype, self.vae_dtype)]
        return names[0] if len(set(names)) == 1 else f"text {names[0]}, unet {names[1]}, vae {names[2]}"


class ClipEncoder:
    """A transformers CLIPTextModel as the contract's TextEncoder."""

    def __init__(self, model: Any, device: torch.device) -> None:
        self._model = model
        self._device = device

    def __call__(self, token_ids: Tensor, attention_mask: Tensor | None, clip_skip: int) -> Tensor:
        mask = attention_mask if getattr(self._model.config, "use_attention_mask", False) else None
        output = self._model(
            token_ids.to(self._device),
            attention_mask=None if mask is None else mask.to(self._device),
            output_hidden_states=clip_skip > 0,
        )
        return self._chosen_layer(output, clip_skip).float().cpu()

    def _chosen_layer(self, output: Any, clip_skip: int) -> Tensor:
        if clip_skip == 0:
            return output.last_hidden_state
        layers = output.hidden_states
        inner = getattr(self._model, "text_model", self._model)
        return inner.final_layer_norm(layers[max(-len(layers), -(clip_skip + 1))])


class TorchStages:
    """The contract's Stages on one torch device. Arrays in and out are float32 on the CPU."""

    def __init__(self, folder: ModelFolder, placement: Placement) -> None:
        self._placement = placement
        self._family = folder.family
        self._vae_config = folder.configs["vae"]
        self._facts = folder.facts
        self._tokenizers: list[Any] = [load_part(folder, "tokenizer", torch.float32)]
        text_encoder = self._load(folder, "text_encoder", placement.text_dtype)
        self._encoders = [ClipEncoder(text_encoder, placement.device)]
        self._unet: Any = self._load(folder, "unet", placement.unet_dtype)
        self._vae: Any = self._load(folder, "vae", placement.vae_dtype)
        self._provenance = _provenance(folder, placement)

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    @property
    def provenance(self) -> Mapping[str, str]:
        return self._provenance

    def check_size(self, width: int, height: int) -> None:
        need, free = _decode_bytes(self._vae_config, width, height), self._placement.free_bytes()
        if need > free:
            raise OutOfMemory(
                f"A picture of {width} x {height} needs about {_gb(need)} of memory; {_gb(free)} is free.",
                _smaller_size(width, height, free / need),
            )

    @torch.inference_mode()
    def encode_text(self, text: str, clip_skip: int) -> Conditioning:
        return self._family.encode_text(self._encoders, self._tokenizers, text, clip_skip)

    @torch.inference_mode()
    def encode_image(self, image: Tensor) -> tuple[Tensor, Tensor]:
        posterior = self._vae.encode(self._to(image, self._placement.vae_dtype)).latent_dist
        return posterior.mean.float().cpu(), posterior.std.float().cpu()

    @torch.inference_mode()
    def denoise(self, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]) -> Tensor:
        dtype = self._placement.unet_dtype
        inputs = {name: self._to(tensor, dtype) for name, tensor in conditioning.items()}
        time = torch.tensor(timestep, dtype=torch.float32, device=self._placement.device)
        return self._unet(self._to(latents, dtype), time, return_dict=False, **inputs)[0].float().cpu()

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        scaled = self._to(latents / self._facts.scaling_factor, self._placement.vae_dtype)
        return self._vae.decode(scaled, return_dict=False)[0].float().cpu()

    def close(self) -> None:
        self._encoders, self._unet, self._vae = [], None, None
        gc.collect()

    def _load(self, folder: ModelFolder, part: str, dtype: torch.dtype) -> Any:
        return load_part(folder, part, dtype).eval().requires_grad_(False).to(self._placement.device)

    def _to(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        return tensor.to(self._placement.device, dtype).contiguous()


def open_stages(path: Path, placement: Placement) -> TorchStages:
    """Checks the folder and loads it. Raises BrokenModel or OutOfMemory."""
    folder = open_folder(path)
    folder.check_files()
    import_classes()
    try:
        return TorchStages(folder, placement)
    except MemoryError as error:
        raise OutOfMemory(
            f"There is not enough memory for the model {folder.facts.name}.",
            "Close other programs, or choose a smaller model.",
        ) from error


def load_part(folder: ModelFolder, part: str, dtype: torch.dtype) -> Any:
    """One part of a model folder, by the class that model_index.json names for it.

    Raises BrokenModel when the files do not fit that class.
    """
    name = folder.class_name(part)
    loader: Any = _class_named(name)
    options = {} if part == "tokenizer" else _weight_options(folder, part, dtype)
    try:
        loaded = loader.from_pretrained(str(folder.path / part), local_files_only=True, **options)
    except MemoryError:
        raise
    except Exception as error:
        raise BrokenModel(
            f"The model's {part} in {folder.path} can't be loaded as {name}: its files do not fit together.",
            "Copy or download the model again.",
        ) from error
    if part == "unet" and folder.change:
        merge(loaded, folder.change.path)
    return loaded


def _weight_options(folder: ModelFolder, part: str, dtype: torch.dtype) -> dict[str, Any]:
    options: dict[str, Any] = {"use_safetensors": True, "variant": folder.variant(part)}
    if part == "text_encoder":
        return options | {"dtype": dtype}
    return options | {"torch_dtype": dtype, "low_cpu_mem_usage": False}


def import_classes() -> None:
    """Imports what opening a model will need, which takes seconds: the worker does it while it waits."""
    for module in _CLASSES.values():
        importlib.import_module(module)
    quiet()


def _class_named(name: str) -> Any:
    # CLIPTokenizerFast was folded into CLIPTokenizer in transformers 5.
    name = name.removesuffix("Fast")
    if name not in _CLASSES:
        raise BrokenModel(f"The model needs {name}, which this version can't run.", "Use another model.")
    return getattr(importlib.import_module(_CLASSES[name]), name)


def _provenance(folder: ModelFolder, placement: Placement) -> dict[str, str]:
    libraries = {name: version(name) for name in ("torch", "diffusers", "transformers", "mezzotint")}
    return {
        "backend": placement.backend,
        "device": str(placement.device),
        "precision": placement.precision,
        "model": folder.facts.name,
        "model_hash": folder.model_hash(),
        **libraries,
    }


def _decode_bytes(vae: Mapping[str, Any], width: int, height: int) -> int:
    """The decoder's peak, about: its widest layers at full size, a few arrays of them alive at once.

    Decoding needs more than a denoising step at every size, so it is what decides.
    """
    widths = cast(list[int], vae["block_out_channels"])
    widest = max(channels / 4**level for level, channels in enumerate(_upsampled(widths)))
    return int(5 * 4 * widest * width * height)


def _upsampled(widths: list[int]) -> list[int]:
    """Channels at full size, half size, ...: an upsampled array still has the next deeper block's width."""
    return [max(pair) for pair in zip(widths, [*widths[1:], widths[-1]], strict=True)]


def _smaller_size(width: int, height: int, share: float) -> str:
    factor = (share * 0.9) ** 0.5
    w, h = (max(64, int(side * factor) // 64 * 64) for side in (width, height))
    return f"Use {w} x {h}, or close other programs."


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
