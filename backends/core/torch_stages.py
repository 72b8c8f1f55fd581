"""What the torch backends share: load a model folder, place its networks, run its stages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from backends.core import autoencoders, controlnet, fallback, latent_space, lora, prompt_embeddings, vae_fit
from backends.core import vae as vae_files
from backends.core.clip_encoder import ClipEncoder
from backends.core.contract import Conditioning, InvalidRequest, ModelFacts, OutOfMemory, TextEncoder
from backends.core.environment import out_of_memory
from backends.core.fallback import Attempt
from backends.core.fit import Needs, Size, size_that_fits
from backends.core.language_models import is_language_model
from backends.core.llm_encoder import LanguageModelEncoder
from backends.core.memory import in_words
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.parts import Parts
from backends.core.placement import Placement
from backends.core.prompt_embeddings import WordReader
from backends.core.quiet import quiet
from backends.core.streaming import Streamed
from backends.core.streaming_files import CLASSES
from backends.core.tiling import DecodeWay, ways_for
from backends.core.tokenizers import load_tokenizer
from backends.core.vae_tile import AUTOMATIC, chosen


class TorchStages:
    """The contract's Stages on one torch device. Arrays in and out are float32 on the CPU."""

    def __init__(self, folder: ModelFolder, placement: Placement) -> None:
        pixels = autoencoders.scale(folder.configs["vae"])
        placement = replace(placement, decode=tuple(way.scaled(pixels) for way in placement.decode))
        self._own = self._folder = folder
        self._placement = placement
        self._facts, self._needs = folder.facts, Needs(folder, placement.footprint)
        self._remarks = placement.remarks
        self._tokenizers: list[Any] = [load_tokenizer(folder, part) for part in folder.tokenizers]
        self._held: Parts | None = self._first_parts()
        self._loras: tuple[tuple[Path, float], ...] = ()
        self._controls = controlnet.ControlNets(folder, placement)
        self.use_embeddings({})
        self._provenance = _provenance(folder, placement)

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    @property
    def provenance(self) -> Mapping[str, str]:
        return self._provenance

    def check_size(self, width: int, height: int) -> None:
        check_sides(self._facts, width, height)
        self._placement.before_picture()
        free = self._placement.free_bytes()
        if _generous_bytes(self._folder.configs["vae"], width, height) < free:
            return
        if (need := self._least((width, height))) > free:
            raise self._too_large((width, height), need, free)

    def denoising_bytes(self, size: Size) -> tuple[int, int]:
        """What the denoiser's arrays take without guidance for a picture of this size, and what is free."""
        return self._needs.arrays(self._folder.denoiser, size, 1), self._placement.free_bytes()

    def _too_large(self, size: Size, need: int, free: int) -> OutOfMemory:
        what = size_that_fits(size, self._least, free) or "a smaller model"
        told = f"A picture of {size[0]} x {size[1]} needs about {in_words(need)} of memory"
        return OutOfMemory(f"{told}; {in_words(free)} is free.", f"Use {what}, or close other programs.")

    def _least(self, size: Size) -> int:
        """Bytes for arrays of the smallest way to make a picture of this size."""
        tile = min((way.tile for way in self._placement.decode if way.tile), default=None)
        return max(self._needs.arrays(self._folder.denoiser, size, 2), self._needs.decode(size, tile))

    @property
    def _encoders(self) -> list[str]:
        return [part for part in self._folder.networks if part.startswith("text_encoder")]

    def use_loras(self, loras: tuple[tuple[Path, float], ...]) -> None:
        """From now on the weights are with these LoRAs, each this strong. Raises InvalidRequest."""
        if loras == self._loras:
            return
        added = lora.additions(self._folder, loras)
        self._let_go()
        self._folder, self._loras = replace(self._folder, additions=added), loras
        for sentence in lora.left_out(self._folder, loras):
            fallback.say(self._remarks, sentence)
        self._held = self._first_parts()

    def use_vae(self, file: Path | None) -> None:
        """From now on this VAE stands in for the model's own; None: its own. Raises InvalidRequest."""
        if file == self.decoder:
            return
        changed = replace(vae_files.replaced(self._own, file), additions=self._folder.additions)
        self._let_go()
        self._folder, self._facts = changed, changed.facts
        self._needs = Needs(changed, self._placement.footprint)
        if sentence := vae_fit.doubt(self._own, file):
            fallback.say(self._remarks, sentence)
        self._held = self._first_parts()

    @property
    def decoder(self) -> Path | None:
        """The VAE that stands in for the model's own, if any."""
        return self._folder.borrowed.path if self._folder.borrowed else None

    def use_controls(self, files: tuple[Path, ...]) -> None:
        """From now on these ControlNets are at hand, numbered in this order. Raises InvalidRequest."""
        self._controls.use(files)

    def rest(self) -> None:
        """Gives the weights back until they are used again."""
        self._controls.rest()
        self._let_go()

    def bytes_beside(self) -> int:
        """What another model could take now, beside what this one holds."""
        beside = self._placement.beside_bytes
        return self._placement.free_bytes() if beside is None else beside()

    def use_embeddings(self, files: Mapping[str, Path]) -> None:
        """From now on these words stand for the vectors in their files. Raises InvalidRequest."""
        self._vectors = [
            prompt_embeddings.read(files if width else {}, part, width)
            for part in self._encoders
            for width in [self._folder.family.embedding_width(part, self._folder.configs[part])]
        ]

    @torch.inference_mode()
    def encode_text(self, text: str, clip_skip: int) -> Conditioning:
        encoders = [self._encoder(*pair) for pair in zip(self._encoders, self._vectors, strict=True)]
        readers = [WordReader(*pair) for pair in zip(self._tokenizers, self._vectors, strict=True)]
        return self._folder.family.encode_text(encoders, readers, text, clip_skip)

    def _encoder(self, part: str, vectors: prompt_embeddings.Vectors) -> TextEncoder:
        bring = partial(self._use, part, (1, self._facts.token_limit))
        if is_language_model(self._folder, part):
            return LanguageModelEncoder(bring, self._placement.device)
        return ClipEncoder(bring, self._placement.device, vectors.rows)

    @torch.inference_mode()
    def encode_image(self, image: Tensor) -> tuple[Tensor, Tensor]:
        height, width = image.shape[-2:]
        vae = self._use("vae", self._facts.latent_shape(width, height))
        mean, deviation = autoencoders.moments(vae, self._to(image, self._placement.vae_dtype))
        latents = latent_space.from_encoder(self._facts, vae, mean.float(), deviation.float())
        return latents[0].cpu(), latents[1].cpu()

    @torch.inference_mode()
    def denoise(self, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]) -> Tensor:
        predict = partial(self._predict, latents, timestep, conditioning)
        return self._first_that_fits([Attempt(predict), self._streaming(predict)], latents)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        image = self._decode(latents, self._placement.vae_dtype)
        what = fallback.spoiled(image)
        if what and self._placement.vae_dtype != torch.float32:
            fallback.say(self._remarks, fallback.full_precision(what, self._placement.vae_dtype))
            self._parts.reload("vae", torch.float32)
            image = self._decode(latents, torch.float32)
            self._parts.reload("vae", self._placement.vae_dtype)
        self._placement.after_picture()
        return image

    def network(self, part: str) -> Any:
        """The module of a part ("text_encoder", "unet", "vae"), for hooks that look inside."""
        return self._parts.module(self._folder.denoiser if part == "unet" else part)

    def take_remarks(self) -> list[str]:
        """What was said since the last time, for the person waiting."""
        said = list(self._remarks)
        self._remarks.clear()
        return said

    def close(self) -> None:
        self._controls.use(())
        self._let_go()

    def _predict(self, latents: Tensor, timestep: float, conditioning: Mapping[str, Tensor]) -> Tensor:
        dtype, network = self._placement.unet_dtype, self._use(self._folder.denoiser, tuple(latents.shape))
        plain, told = controlnet.split(conditioning)
        inputs: dict[str, Any] = {name: self._to(tensor, dtype) for name, tensor in plain.items()}
        controls = {number: (self._to(picture, dtype), weight) for number, (picture, weight) in told.items()}
        time = torch.tensor(timestep, dtype=torch.float32, device=self._placement.device)
        given, networks = self._to(latents, dtype), self._controls.in_order()
        inputs |= controlnet.residuals(networks, controls, given, time, inputs)
        return self._folder.family.predict(network, given, time, inputs).float().cpu()

    def _decode(self, latents: Tensor, dtype: torch.dtype) -> Tensor:
        """By the first way that memory is predicted to suffice for, and by the next when it does not."""
        attempts: list[Attempt] = []
        for way in self._ways_that_fit(latents):
            sentence = "" if way.tile is None or way.wanted else fallback.SMALLER_TILES.format(way=way.words)
            attempts.append(Attempt(partial(self._decode_by, way, latents, dtype), sentence))
        return self._first_that_fits([*attempts, self._streaming(attempts[-1].run)], latents)

    def _first_that_fits(self, attempts: list[Attempt], latents: Tensor) -> Tensor:
        """Raises OutOfMemory, with a smaller size, when even the last attempt does not fit."""
        try:
            return fallback.first_that_fits(attempts, self._remarks)
        except (MemoryError, RuntimeError) as error:
            if out_of_memory(error) is None:
                raise
            size = self._size(latents)
            need = self._least(size)
            raise self._too_large(size, need, min(self._placement.free_bytes(), need // 2)) from error

    def _streaming(self, run: Callable[[], Tensor]) -> Attempt:
        """The same once more, with weights that stream; nothing else stays on the device."""

        def with_all_the_room() -> Tensor:
            self._let_go()
            self._held = self._without_room()
            return run()

        return Attempt(with_all_the_room, fallback.STREAMED)

    def _size(self, latents: Tensor) -> Size:
        scale = self._facts.latent_scale
        return latents.shape[-1] * scale, latents.shape[-2] * scale

    def _decode_by(self, way: DecodeWay, latents: Tensor, dtype: torch.dtype) -> Tensor:
        patch = self._facts.latent_patch
        covered = way.covers(*(side * patch for side in latents.shape[-2:]))
        vae = self._use("vae", (*latents.shape[:2], *(side // patch for side in covered)))
        plain = latent_space.for_decoder(self._facts, vae, self._to(latents, torch.float32))
        return way.decode(vae, plain.to(dtype)).float().cpu()

    def _ways_that_fit(self, latents: Tensor) -> list[DecodeWay]:
        """Never none: the last way is tried even where it is predicted to fail."""
        size, free = self._size(latents), self._placement.free_bytes()
        ways = list(self._placement.decode)
        if _generous_bytes(self._folder.configs["vae"], *size) < free:
            return ways
        while len(ways) > 1 and self._needs.decode(size, ways[0].tile) > free:
            ways.pop(0)
        return ways

    def _use(self, part: str, shape: tuple[int, ...]) -> Any:
        return self._parts.use(part, shape)

    @property
    def _parts(self) -> Parts:
        if self._held is None:
            self._held = self._first_parts()
        return self._held

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _first_parts(self) -> Parts:
        try:
            return self._placement.parts(self._folder, self._placement)
        except (MemoryError, RuntimeError) as error:
            if out_of_memory(error) is None:
                raise
        fallback.forget()
        fallback.say(self._remarks, fallback.STREAMED)
        return self._without_room()

    def _without_room(self) -> Parts:
        to = self._placement
        return Streamed(self._folder, to.device, to.dtypes, lambda part, shape: 0, to.attention)

    def _to(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        return tensor.to(self._placement.device, dtype).contiguous()


def check_sides(facts: ModelFacts, width: int, height: int) -> None:
    """Raises InvalidRequest when the model can't make sides like these."""
    step = facts.size_step
    if width % step or height % step:
        near = " x ".join(str(max(64, round(side / step) * step)) for side in (width, height))
        raise InvalidRequest(
            f"The sides of this model's pictures are multiples of {step}, and {width} x {height} is not.",
            f"Use {near}.",
        )


def open_stages(path: Path, placement: Placement, vae_tile: str | None = None) -> TorchStages:
    """Checks the folder and loads it. `vae_tile` is a choice of that option, if any.

    Raises BrokenModel, InvalidRequest or OutOfMemory.
    """
    choice, folder = chosen(vae_tile), open_folder(path)
    if choice != AUTOMATIC:
        facts = folder.facts
        ways = ways_for(choice, placement.decode, facts.latent_scale // facts.latent_patch)
        placement = replace(placement, decode=ways, vae_tile=choice)
    folder.check_files()
    import_classes()
    try:
        return TorchStages(folder, placement)
    except MemoryError as error:
        raise OutOfMemory(
            f"There is not enough memory for the model {folder.facts.name}.",
            "Close other programs, or choose a smaller model.",
        ) from error


def import_classes() -> None:
    """Imports what opening a model will need, which takes seconds: the worker does it while it waits."""
    for module in CLASSES.values():
        importlib.import_module(module)
    quiet()


def _provenance(folder: ModelFolder, placement: Placement) -> dict[str, str]:
    libraries = {name: version(name) for name in ("torch", "diffusers", "transformers", "mezzotint")}
    return {
        "backend": placement.backend,
        "device": str(placement.device),
        "precision": placement.precision,
        "model": folder.facts.name,
        "model_hash": folder.model_hash(),
        **libraries,
        **({"vae_tile": placement.vae_tile} if placement.vae_tile else {}),
    }


def _generous_bytes(vae: Mapping[str, Any], width: int, height: int) -> int:
    """More than decoding needs, without asking the ledger: a dozen arrays of its widest layer at full size.

    Decoding needs more than a denoising step at every size.
    """
    return int(12 * 4 * max(autoencoders.widths(vae)) * width * height)
