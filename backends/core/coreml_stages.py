"""The contract's Stages on Core ML's networks: NumPy in, NumPy out, and torch only for the samplers' sake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backends.core import coreml_features
from backends.core.chunks import first_chunk
from backends.core.contract import Conditioning, ModelFacts
from backends.core.coreml_folder import ConvertedModel, Size
from backends.core.coreml_runtime import Network, Runtime
from backends.core.preview import LinearPreview
from backends.core.tokenizers import load_tokenizer

_NAMES = {"timestep_cond": "guidance_features"}
"""What the pipeline calls a conditioning tensor, and what the UNet's door is called."""
_OLD_END = 2
"""What old configurations hold for the end mark, which then is the highest token there is (transformers)."""


class CoreMLStages:
    """See the module's docstring. Networks are loaded when they are first used."""

    def __init__(self, model: ConvertedModel, runtime: Runtime, backend: str) -> None:
        self._model, self._runtime = model, runtime
        parts = [part for part in model.folder.networks if part.startswith("text_encoder")]
        self._tokenizers: list[Any] = [load_tokenizer(model.folder, each) for each in model.folder.tokenizers]
        self._encoders = [_Encoder(partial(self._run, part), model.folder.configs[part]) for part in parts]
        self._networks: dict[tuple[str, str | None], Network] = {}
        self._size: Size = model.sizes[0]
        self._provenance = _provenance(model, runtime, backend)

    @property
    def facts(self) -> ModelFacts:
        return self._model.folder.facts

    @property
    def provenance(self) -> Mapping[str, str]:
        return self._provenance

    @property
    def known_preview(self) -> LinearPreview:
        """Fitted when the model was converted, as its decoder takes whole pictures only."""
        told = self._model.preview
        return LinearPreview(torch.tensor(told["matrix"]), torch.tensor(told["bias"]))

    def check_size(self, width: int, height: int) -> None:
        """Raises InvalidRequest for a size that the model was not converted for."""
        self._model.check_size(width, height)
        self._size = (width, height)

    def encode_text(self, text: str, clip_skip: int) -> Conditioning:
        family, limit = self._model.folder.family, self.facts.token_limit
        return first_chunk(family.encode_text(self._encoders, self._tokenizers, text, clip_skip), limit)

    def encode_image(self, image: Tensor) -> tuple[Tensor, Tensor]:
        moments = self._run("vae_encoder", {"image": image})["moments"]
        mean, log_variance = moments.chunk(2, dim=1)
        return mean, (0.5 * log_variance.clamp(-30.0, 20.0)).exp()

    def denoise(self, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]) -> Tensor:
        """The UNet takes a fixed number of latents: fewer are filled up, more go one after the other."""
        batch, wanted = self._model.guidance_batch, len(latents)
        inputs = {"sample": latents} | {
            name: tensor.expand(wanted, *tensor.shape[1:])
            for name, tensor in self._named(conditioning).items()
        }
        features = coreml_features.time_features(self._config, timestep, batch)
        parts: list[Tensor] = []
        for start in range(0, wanted, batch):
            piece = {name: _filled(each[start : start + batch], batch) for name, each in inputs.items()}
            parts.append(self._run("unet", piece | {"time_features": features})["prediction"])
        return torch.cat(parts)[:wanted]

    def decode(self, latents: Tensor) -> Tensor:
        return self._run("vae_decoder", {"latents": latents / self.facts.scaling_factor})["image"]

    def close(self) -> None:
        self._networks.clear()
        self._runtime.close()

    @property
    def _config(self) -> Mapping[str, Any]:
        return self._model.folder.configs["unet"]

    def _named(self, conditioning: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By the names of the UNet's door: sizes and the text as a whole are one array there."""
        given = {_NAMES.get(name, name): tensor for name, tensor in conditioning.items()}
        if "time_ids" in given:
            pooled, sizes = given.pop("text_embeds"), given.pop("time_ids")
            given["added_features"] = coreml_features.added_features(self._config, pooled, sizes)
        return given

    def _run(self, name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        arrays = {key: _array(tensor) for key, tensor in inputs.items()}
        found = self._network(name)(arrays)
        return {key: torch.as_tensor(np.asarray(each, dtype=np.float32)) for key, each in found.items()}

    def _network(self, name: str) -> Network:
        key = (name, self._model.function(name, self._size))
        if key not in self._networks:
            self._networks[key] = Network(self._runtime, self._model.paths(name), key[1])
        return self._networks[key]


class _Encoder:
    """A converted text encoder as the contract's DeepTextEncoder."""

    def __init__(self, run: Callable[[Mapping[str, Tensor]], dict[str, Tensor]], config: Any) -> None:
        self._run, self._end = run, int(config.get("eos_token_id", _OLD_END))

    def __call__(self, token_ids: Tensor, attention_mask: Tensor | None, clip_skip: int) -> Tensor:
        return _layer("skip", self._outputs(token_ids), clip_skip)

    def penultimate(self, token_ids: Tensor, clip_skip: int) -> tuple[Tensor, Tensor | None]:
        found = self._outputs(token_ids)
        projected = found.get("projected")
        pooled = None if projected is None else projected[:, self._end_of(token_ids)]
        return _layer("deep", found, clip_skip), pooled

    def _outputs(self, token_ids: Tensor) -> dict[str, Tensor]:
        return self._run({"token_ids": token_ids.to(torch.int32)})

    def _end_of(self, token_ids: Tensor) -> int:
        """The place of the first end mark, as transformers finds it."""
        marks = token_ids[0] if self._end == _OLD_END else (token_ids[0] == self._end).int()
        return int(marks.argmax())


def _layer(kind: str, found: Mapping[str, Tensor], skipped: int) -> Tensor:
    """As many layers before the last as asked for, or as far as the encoder gives them."""
    deepest = sum(name.startswith(f"{kind}_") for name in found) - 1
    return found[f"{kind}_{min(skipped, deepest)}"]


def _filled(piece: Tensor, batch: int) -> Tensor:
    """The last latents repeated until there are as many as the UNet takes."""
    return (
        piece
        if len(piece) == batch
        else torch.cat([piece, piece[-1:].expand(batch - len(piece), *piece.shape[1:])])
    )


def _array(tensor: Tensor) -> Any:
    """coremltools takes float32 and int32, and rounds to fp16 itself where the package wants that."""
    return tensor.contiguous().numpy()


def _provenance(model: ConvertedModel, runtime: Runtime, backend: str) -> dict[str, str]:
    libraries = {name: version(name) for name in runtime.libraries}
    return {
        "backend": backend,
        "device": runtime.name,
        "precision": "float16" if model.bits == 16 else f"float16, weights of {model.bits} bits",
        "model": model.name,
        "model_hash": model.hash,
        **libraries,
    }
