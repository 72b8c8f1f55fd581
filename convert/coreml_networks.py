"""A model's networks as Core ML is given them: plain arrays in, plain arrays out, nothing that isn't traced.

What each takes and gives is in docs/coreml.md. `reference` has the same doors and torch's own arithmetic, for
comparison; `build` rewrites attention and layouts as a recipe says. Both are float32 on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from backends.core.contract import InvalidRequest
from backends.core.coreml_features import time_features
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.parts import load_plain
from convert import coreml_text
from convert.attention import COLUMNS, Processor, rows_to_columns
from convert.coreml_blocks import use_columns, use_group_norms

PART_OF: Final[Mapping[str, str]] = {
    "text_encoder": "text_encoder",
    "text_encoder_2": "text_encoder_2",
    "unet": "unet",
    "vae_decoder": "vae",
    "vae_encoder": "vae",
}
"""The networks that models have, in the order they are made, and the part of the model folder each is in."""


class UnetNetwork(nn.Module):
    """sample (B, C, h, w), time_features (B, F), encoder_hidden_states (B, T, D) -> prediction, as sample.

    `added_features` (B, A) and `guidance_features` (B, G) where the UNet takes them. Sides are multiples of
    what the UNet halves them by.
    """

    def __init__(self, unet: Any) -> None:
        super().__init__()
        _check_conditioning(unet.config)
        self.unet = unet

    def forward(self, sample: Tensor, time: Tensor, text: Tensor, *rest: Tensor) -> Tensor:
        return self._from_embedding(sample, self._embedding(time, text, *rest), text)

    def _embedding(self, time: Tensor, text: Tensor, *rest: Tensor) -> Tensor:
        """What every residual block is given: the time, and what else conditions the whole picture."""
        unet, extra = self.unet, list(rest)
        kind = unet.config.addition_embed_type
        added = extra.pop(0) if kind == "text_time" else text
        embedding = unet.time_embedding(time, extra.pop(0) if unet.config.time_cond_proj_dim else None)
        return embedding if kind is None else embedding + unet.add_embedding(added)

    def _from_embedding(self, sample: Tensor, emb: Tensor, text: Tensor) -> Tensor:
        unet = self.unet
        hidden = unet.conv_in(2 * sample - 1 if unet.config.center_input_sample else sample)
        kept: tuple[Tensor, ...] = (hidden,)
        for block in unet.down_blocks:
            hidden, states = block(hidden_states=hidden, temb=emb, **_text(block, text))
            kept += tuple(states)
        if unet.mid_block is not None:
            hidden = unet.mid_block(hidden, emb, **_text(unet.mid_block, text))
        for block in unet.up_blocks:
            count = len(block.resnets)
            kept, states = kept[:-count], kept[-count:]
            hidden = block(
                hidden_states=hidden, temb=emb, res_hidden_states_tuple=states, **_text(block, text)
            )
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))


class ColumnUnetNetwork(UnetNetwork):
    """As UnetNetwork, where the UNet's transformers are ColumnTransformers."""

    def _from_embedding(self, sample: Tensor, emb: Tensor, text: Tensor) -> Tensor:
        return super()._from_embedding(sample, emb, rows_to_columns(text))


class PlainUnetNetwork(UnetNetwork):
    """As UnetNetwork, by diffusers' own forward: the features are put in the place of its sinusoids."""

    def forward(self, sample: Tensor, time: Tensor, text: Tensor, *rest: Tensor) -> Tensor:
        given, extra, unet = list(rest), dict[str, Any](), self.unet
        unet.get_time_embed = _answer(time)
        if unet.config.addition_embed_type == "text_time":
            unet.get_aug_embed = _answer(unet.add_embedding(given.pop(0)))
        if unet.config.time_cond_proj_dim:
            extra["timestep_cond"] = given.pop(0)
        return unet(sample, 0, text, return_dict=False, **extra)[0]


def _answer(value: Tensor) -> Callable[..., Tensor]:
    def answer(**_: object) -> Tensor:
        return value

    return answer


def _check_conditioning(config: Any) -> None:
    """Raises InvalidRequest for a UNet that is given more than time, text and what `door` names."""
    kind = config.addition_embed_type
    others = [key for key in ("class_embed_type", "num_class_embeds", "encoder_hid_dim") if config[key]]
    if kind not in (None, "text", "text_time") or others:
        raise InvalidRequest(
            f"This UNet is conditioned in a way that can't be converted ({', '.join([*others, str(kind)])}).",
            "Use the model on the CPU or the GPU.",
        )


class DecoderNetwork(nn.Module):
    """latents (1, C, h, w), divided by the scaling factor -> image (1, 3, H, W), about -1..1."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        vae = self.vae
        return vae.decoder(vae.post_quant_conv(latents) if vae.config.use_post_quant_conv else latents)


class EncoderNetwork(nn.Module):
    """image (1, 3, H, W) -> moments (1, 2C, h, w): the latents' mean and the logarithm of their variance."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, image: Tensor) -> Tensor:
        vae, moments = self.vae, self.vae.encoder(image)
        return vae.quant_conv(moments) if vae.config.use_quant_conv else moments


_PLAIN: Final[Mapping[str, type[nn.Module]]] = {
    "text_encoder": coreml_text.PlainTextNetwork,
    "deep_text_encoder": coreml_text.PlainDeepTextNetwork,
    "unet": PlainUnetNetwork,
    "vae_decoder": DecoderNetwork,
    "vae_encoder": EncoderNetwork,
}


_TEXTS: Final[Mapping[str, type[nn.Module]]] = {
    "text_encoder": coreml_text.TextNetwork,
    "deep_text_encoder": coreml_text.DeepTextNetwork,
}


def names(folder: ModelFolder) -> tuple[str, ...]:
    """A model's networks, in the order they are made."""
    return tuple(name for name, part in PART_OF.items() if part in folder.configs)


def kind_of(folder: ModelFolder, name: str) -> str:
    """A network's name; but an encoder that is one of two is a "deep_text_encoder"."""
    deep = "text_encoder_2" in folder.configs and name.startswith("text_encoder")
    return "deep_text_encoder" if deep else name


def reference(model: Path) -> dict[str, nn.Module]:
    """A model's networks with torch's own arithmetic, by name."""
    folder = open_folder(model)
    return {name: reference_network(folder, name) for name in names(folder)}


def reference_network(folder: ModelFolder, name: str) -> nn.Module:
    """One network with torch's own arithmetic."""
    return plain(load_part(folder, PART_OF[name]), kind_of(folder, name))


def plain(part: Any, kind: str) -> nn.Module:
    """A network with torch's own arithmetic, from its part's module."""
    return _PLAIN[kind](part).eval()


def build(part: Any, kind: str, attention: str) -> nn.Module:
    """A network from its part's module, which is changed, with attention written as a recipe says."""
    if kind in _TEXTS:
        return _TEXTS[kind](part).eval()
    use_group_norms(part)
    if kind != "unet":
        part.set_attn_processor(Processor(attention))
        return _PLAIN[kind](part).eval()
    if attention in COLUMNS:
        use_columns(part, COLUMNS[attention])
        return ColumnUnetNetwork(part).eval()
    part.set_attn_processor(Processor(attention))
    return UnetNetwork(part).eval()


def load_part(folder: ModelFolder, part: str) -> Any:
    """A part's own module in float32 on the CPU, with its weights."""
    return load_plain(folder, part, torch.device("cpu"), torch.float32)


@dataclass(frozen=True)
class Door:
    """The inputs of a network as example arrays by name, in order, and the names of its outputs."""

    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]


def door(folder: ModelFolder, name: str, size: tuple[int, int], batch: int = 1) -> Door:
    """What a network takes and gives for pictures of this size; `batch` is the UNet's. Numbers are random."""
    torch.default_generator.manual_seed(0)
    width, height = size
    latents = torch.randn(folder.facts.latent_shape(width, height))
    if name.startswith("text_encoder"):
        return _text_door(folder, name)
    if name == "unet":
        return _unet_door(folder, latents, batch)
    if name == "vae_decoder":
        return Door({"latents": latents}, ("image",))
    return Door({"image": torch.rand(1, 3, height, width) * 2 - 1}, ("moments",))


def _text_door(folder: ModelFolder, name: str) -> Door:
    config = folder.configs[name]
    tokens, vocabulary = int(config["max_position_embeddings"]), int(config["vocab_size"])
    ids = torch.randint(0, vocabulary, (1, tokens), dtype=torch.int32)
    projects = folder.class_name(name) == "CLIPTextModelWithProjection"
    layers = int(config["num_hidden_layers"])
    return Door({"token_ids": ids}, coreml_text.outputs(kind_of(folder, name), layers, projects=projects))


def _unet_door(folder: ModelFolder, latents: Tensor, batch: int) -> Door:
    config = folder.configs["unet"]
    text = torch.randn(batch, folder.facts.token_limit, int(config["cross_attention_dim"]))
    inputs = {
        "sample": torch.cat([latents] * batch),
        "time_features": time_features(config, 500.0, batch),
        "encoder_hidden_states": text,
    }
    if config.get("addition_embed_type") == "text_time":
        width = int(config["projection_class_embeddings_input_dim"])
        inputs["added_features"] = torch.randn(batch, width)
    if config.get("time_cond_proj_dim"):
        inputs["guidance_features"] = torch.randn(batch, int(config["time_cond_proj_dim"]))
    return Door(inputs, ("prediction",))


def halvings(config: Mapping[str, Any]) -> int:
    """How often a UNet halves its latents' sides."""
    blocks: Sequence[str] = config["block_out_channels"]
    return len(blocks) - 1


def _text(block: Any, text: Tensor) -> dict[str, Tensor]:
    return {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}
