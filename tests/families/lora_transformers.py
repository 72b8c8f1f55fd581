"""The transformer families with LoRAs: a small model of each, opened by us and by diffusers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from backends.core.contract import Stages
from backends.core.lora_names_transformers import makers_names
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from tests.families.reference import SEED, make
from tests.tiny_flux2 import make_tiny_flux2
from tests.tiny_sana import make_tiny_sana
from tests.tiny_transformers import make_tiny_sd3
from tests.tiny_zimage import make_tiny_zimage

PROMPT = "a panda at the beach"
SIZE = (96, 64)
RANK = 3
STRONG = 0.5
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Kind:
    """How a family is made and called. `layers` are some of its transformer's, by our names; `together` some
    by the maker's, of which the first is queries, keys and values."""

    make: Callable[[Path], Path]
    pipeline: str
    layers: tuple[str, ...]
    together: tuple[str, ...]
    ours: Mapping[str, Any] = field(default_factory=dict[str, Any])
    theirs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    texts: tuple[str, ...] = ()
    reader: tuple[str, str, str] = ("text_encoder", "model.layers.0.self_attn.q_proj", "lora_te_")
    """Of what is no CLIP: the part, a layer, and what kohya's scripts would put before its name."""
    lokr: str = "diffusion_model."
    """What stands before our names of the layers in a LoKr that diffusers reads."""


TEXT_LAYERS = ("encoder.layers.0.self_attn.q_proj", "encoder.layers.1.mlp.fc1")
KINDS = {
    "sd3": Kind(
        make_tiny_sd3,
        "stable_diffusion_3.pipeline_stable_diffusion_3.StableDiffusion3Pipeline",
        (
            "transformer_blocks.0.attn.to_q",
            "transformer_blocks.0.attn.add_k_proj",
            "transformer_blocks.0.attn2.to_out.0",
            "transformer_blocks.1.ff.net.0.proj",
            "transformer_blocks.1.norm1.linear",
            "pos_embed.proj",
            "proj_out",
        ),
        (
            "joint_blocks.0.x_block.attn.qkv",
            "joint_blocks.0.context_block.attn.qkv",
            "joint_blocks.0.x_block.attn2.proj",
            "joint_blocks.1.context_block.adaLN_modulation.1",
            "final_layer.adaLN_modulation.1",
        ),
        {"guidance_scale": 4.5},
        {"guidance_scale": 4.5, "negative_prompt": "snow"},
        texts=("text_encoder", "text_encoder_2"),
        reader=("text_encoder_3", "encoder.block.0.layer.0.SelfAttention.q", "lora_te3_"),
    ),
    "flux2": Kind(
        make_tiny_flux2,
        "flux2.pipeline_flux2_klein.Flux2KleinPipeline",
        (
            "transformer_blocks.0.attn.to_q",
            "transformer_blocks.0.attn.to_add_out",
            "transformer_blocks.0.ff_context.linear_in",
            "single_transformer_blocks.1.attn.to_qkv_mlp_proj",
            "single_transformer_blocks.1.attn.to_out",
            "x_embedder",
        ),
        (
            "double_blocks.0.img_attn.qkv",
            "double_blocks.0.txt_attn.qkv",
            "double_blocks.0.img_mlp.0",
            "single_blocks.0.linear1",
            "single_blocks.1.linear2",
            "img_in",
        ),
        {"guidance_scale": 1.0, "negative_prompt": ""},
        {"guidance_scale": 1.0},
        lokr="lycoris_",
    ),
    "zimage": Kind(
        make_tiny_zimage,
        "z_image.pipeline_z_image.ZImagePipeline",
        (
            "layers.0.attention.to_q",
            "layers.1.attention.to_out.0",
            "layers.1.feed_forward.w2",
            "layers.0.adaLN_modulation.0",
            "noise_refiner.0.attention.to_k",
            "context_refiner.0.attention.to_v",
        ),
        (
            "layers.0.attention.qkv",
            "layers.1.attention.out",
            "noise_refiner.0.attention.qkv",
            "context_refiner.0.feed_forward.w1",
        ),
        {"guidance_scale": 1.0},
        {"guidance_scale": 0.0, "negative_prompt": "snow"},
        reader=("text_encoder", "layers.0.self_attn.q_proj", "lora_te_"),
    ),
    "sana": Kind(
        make_tiny_sana,
        "sana.pipeline_sana_sprint.SanaSprintPipeline",
        (
            "transformer_blocks.0.attn1.to_q",
            "transformer_blocks.0.attn2.to_k",
            "transformer_blocks.1.attn2.to_out.0",
            "transformer_blocks.1.ff.conv_inverted",
            "caption_projection.linear_1",
            "proj_out",
        ),
        ("blocks.0.attn.qkv", "blocks.0.cross_attn.kv_linear", "blocks.1.mlp.point_conv.conv"),
        {"guidance_scale": 4.5, "sampler": "lcm", "steps": 2},
        {
            "guidance_scale": 4.5, "num_inference_steps": 2, "intermediate_timesteps": 1.3,
            "use_resolution_binning": False,
        },
        reader=("text_encoder", "layers.0.self_attn.q_proj", "lora_te1_"),
    ),
}  # fmt: skip


@dataclass
class Pair:
    """One model opened by us and by diffusers, and a folder with LoRAs in "loras"."""

    kind: Kind
    folder: Path
    home: Path
    stages: Stages
    pipe: Any

    def file(self, name: str) -> Path:
        return self.home / "loras" / f"{name}.safetensors"

    def ours(self, tags: str = "", stages: Stages | None = None) -> np.ndarray:
        prompt = f"{PROMPT} {tags}"
        return make(stages or self.stages, SIZE, search=(self.home,), prompt=prompt, **self.kind.ours)

    def theirs(self) -> np.ndarray:
        wanted = {"num_inference_steps": 4, **self.kind.theirs}
        generator = torch.Generator("cpu").manual_seed(SEED)
        made = self.pipe(prompt=PROMPT, width=SIZE[0], height=SIZE[1], generator=generator, **wanted)
        return np.asarray(made.images[0])

    def by_diffusers(self, **weights: float) -> np.ndarray:
        """Their picture with these LoRAs, each read by diffusers and applied by peft."""
        for name in weights:
            self.pipe.load_lora_weights(str(self.file(name)), adapter_name=name)
        self.pipe.set_adapters(list(weights), list(weights.values()))
        try:
            return self.theirs()
        finally:
            self.pipe.unload_lora_weights()

    def module(self, part: str) -> Any:
        return getattr(self.pipe, part)

    def shape(self, layer: str, part: str = "transformer") -> torch.Size:
        """Of a layer's weight, by our name or by the maker's."""
        weights = {
            name.removeprefix("text_model."): each for name, each in self.module(part).named_parameters()
        }
        if f"{layer}.weight" in weights:
            return weights[f"{layer}.weight"].shape
        return self.makers_weights()[f"{layer}.weight"].shape

    def makers_weights(self) -> Tensors:
        """The transformer's parameters as its maker keeps them."""
        own = dict(self.module("transformer").named_parameters())
        layers = {name.rpartition(".")[0] for name in own if name.endswith(".weight")}
        found = dict(own)
        for name, place in makers_names(type(self.module("transformer")).__name__, layers).items():
            for end in ("weight", "bias"):
                pieces = [(own.get(f"{piece.layer}.{end}"), piece) for piece in place]
                if all(tensor is not None for tensor, _ in pieces):
                    found[f"{name}.{end}"] = torch.cat([t.chunk(p.of)[p.number] for t, p in pieces])  # pyright: ignore
                    for piece in place if f"{name}.{end}" != f"{place[0].layer}.{end}" else ():
                        found.pop(f"{piece.layer}.{end}", None)
        return {name: tensor.detach().clone() for name, tensor in found.items()}

    @contextmanager
    def with_weights(self, weights: Tensors) -> Iterator[None]:
        """The transformer with these, until the end."""
        network = self.module("transformer")
        before = {name: each.clone() for name, each in network.state_dict().items()}
        try:
            network.load_state_dict(weights, strict=False)
            yield
        finally:
            network.load_state_dict(before)


def open_pair(kind: Kind, home: Path) -> Pair:
    quiet()
    folder = kind.make(home / "models" / "tiny")
    module, _, name = f"diffusers.pipelines.{kind.pipeline}".rpartition(".")
    pipe = getattr(importlib.import_module(module), name).from_pretrained(str(folder))
    pipe.set_progress_bar_config(disable=True)
    (home / "loras").mkdir()
    return Pair(kind, folder, home, get_backend("cpu_offload").open(folder, {}), pipe)


def pairs(
    shapes: Mapping[str, torch.Size], seed: int, strong: float = STRONG
) -> dict[str, tuple[Tensor, Tensor]]:
    """A random (down, up) for each layer's weight."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return strong * torch.randn(*shape, generator=generator)

    return {
        name: (random(RANK, *shape[1:]), random(shape[0], RANK, *(1,) * (len(shape) - 2)))
        for name, shape in shapes.items()
    }


def save(
    file: Path,
    changes: Mapping[str, tuple[Tensor, Tensor]],
    *,
    prefix: str,
    ends: str = "A B",
    alpha: float = 0,
) -> None:
    """`ends`: "A B" as peft, "down up" as kohya's scripts. Underscores where the prefix ends with one."""
    down, up = (f"lora_{end}.weight" for end in ends.split())
    tensors: Tensors = {}
    for name, (first, second) in changes.items():
        stem = prefix + (name.replace(".", "_") if prefix.endswith("_") else name)
        tensors |= {f"{stem}.{down}": first, f"{stem}.{up}": second}
        tensors |= {f"{stem}.alpha": torch.tensor(alpha)} if alpha else {}
    save_file(tensors, file)


def product(change: tuple[Tensor, Tensor], shape: Iterable[int]) -> Tensor:
    """up @ down as a weight of this shape."""
    down, up = change
    return (up.flatten(1) @ down.flatten(1)).reshape(*shape)
