"""What a single file is, from the names and shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backends.core.contract import BrokenModel
from convert.source.header import Header

Shapes = Mapping[str, tuple[int, ...]]

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
CLIP_XL, OPEN_CLIP_XL = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
CLIP_L_3, CLIP_G_3 = "text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer."
OPEN_CLIP_REFINER = "conditioner.embedders.0.model."
"""SDXL's refiner has its second text encoder only."""
REFINER = "XL refiner"
_BIG_G = 1280
"""The width of SDXL's second text encoder; no other one of these models is as wide."""
_OTHERS = {
    "model.diffusion_model.double_blocks.": "a FLUX model",
    "double_blocks.": "a FLUX model",
    "model.diffusion_model.cap_embedder.": "a Lumina model",
    "cap_embedder.": "a Lumina model",
    "model.diffusion_model.label_emb.weight": "an upscaling model",
    "attention_y_norm.": "a Sana model without Sprint",
    "model.diffusion_model.attention_y_norm.": "a Sana model without Sprint",
    "control_model.": "a ControlNet",
    "lora_unet_": "a LoRA",
    "lora_te": "a LoRA",
    "unet.down_blocks.": "a LoRA or a model's part in the diffusers layout",
    "emb_params": "a textual inversion",
    "embedder.": "an unCLIP model",
    "blk.": "a language model, and not Qwen3",
    "model.layers.": "a language model, and not Qwen3",
    "encoder.project_in.": "SANA's autoencoder alone",
}
_OF_UNETS = ("input_blocks.", "middle_block.", "output_blocks.", "time_embed.", "label_emb.", "out.")
_OF_TRANSFORMERS = (
    "joint_blocks.", "pos_embed", "x_embedder.proj.", "y_embedder.", "t_embedder.", "context_embedder.",
    "final_layer.",
)  # fmt: skip
"""Stable Diffusion 3's."""
_CHANNELS = {5: "a depth model", 7: "an upscaling model", 8: "an editing model", 9: "an inpainting model"}
_TOLD_DEPTH = 5
_USE = "Use a Stable Diffusion 1.x, 2.x, 3 or XL model."


@dataclass(frozen=True)
class Kind:
    """`version` is "1.x", "2.x", "3", "XL" or REFINER; `prediction` is None where the file doesn't say."""

    version: str
    parts: frozenset[str]
    prediction: str | None
    zero_snr: bool


def kind_of(name: str, header: Header) -> Kind:
    """Raises BrokenModel, saying what the file is, when it is nothing that can be imported."""
    shapes = header.shapes
    for prefix, what in _OTHERS.items():
        if any(key.startswith(prefix) for key in shapes):
            raise BrokenModel(f"{name} is {what}, which this version can't import.", _USE)
    version = _version(shapes)
    parts = frozenset(part for part, found in _parts(shapes).items() if found)
    if not parts:
        raise BrokenModel(f"{name} holds no model that is known here.", _USE)
    return Kind(version, parts, _prediction(header), "ztsnr" in shapes)


def takes_depth(shapes: Shapes) -> bool:
    """Whether its UNet takes latents and one channel of depth."""
    return _taken(shapes) == _TOLD_DEPTH


def holds_midas(shapes: Shapes) -> bool:
    """Whether the file holds the depth network of Stability's model: MiDaS, by the names of its makers."""
    return any(key.startswith("depth_model.") for key in shapes)


def _taken(shapes: Shapes) -> int:
    return shapes.get(UNET + "input_blocks.0.0.weight", (0, 4))[1]


def variant(shapes: Shapes) -> str | None:
    """ "an inpainting model: its UNet takes 9 channels", or None for a plain one."""
    channels = _taken(shapes)
    if channels == 4:
        return None
    return f"{_CHANNELS.get(channels, 'a model of an unknown kind')}: its UNet takes {channels} channels"


def guess_prediction(name: str, version: str) -> tuple[str, str]:
    """For a file that doesn't say: what it most likely predicts, and why that is thought.

    Of version 2 those for 768 pixels predict v, and those for 512 epsilon, as does what was distilled
    from them (SD-Turbo); their published names tell them apart.
    """
    if version != "2.x":
        return "epsilon", f"files of version {version} that predict anything else say so"
    if found := re.search(r"turbo|512|base", name.casefold()):
        return "epsilon", f"its name holds {found[0]!r}"
    return "v_prediction", "most files of version 2.x do"


def normal_name(key: str) -> str:
    """A tensor's name as the first Stable Diffusion files had it, for files that hold one part only."""
    if key.startswith(("encoder.down", "encoder.mid", "encoder.conv", "encoder.norm", "decoder.")):
        return VAE + key
    if key.startswith(("quant_conv.", "post_quant_conv.")):
        return VAE + key
    if key.startswith(("text_model.", "text_projection.")):
        return CLIP + key
    if key.startswith(_OF_UNETS) or key.startswith(_OF_TRANSFORMERS):
        return UNET + key
    for stem in (CLIP, CLIP_XL):
        if key.startswith(stem) and not key.startswith((stem + "text_model.", stem + "text_projection.")):
            return f"{stem}text_model.{key.removeprefix(stem)}"
    return key


def _parts(shapes: Shapes) -> dict[str, bool]:
    embeddings = "text_model.embeddings.token_embedding.weight"
    if _version(shapes) == "3":
        return {
            "transformer": UNET + "joint_blocks.0.x_block.attn.qkv.weight" in shapes,
            "vae": VAE + "decoder.conv_in.weight" in shapes,
            "text_encoder": CLIP_L_3 + embeddings in shapes,
            "text_encoder_2": CLIP_G_3 + embeddings in shapes,
        }
    alone = shapes.get(CLIP + "text_model.embeddings.token_embedding.weight", (0, 0))[1]
    first = (CLIP_XL + "text_model.embeddings.token_embedding.weight", OPEN_CLIP + "token_embedding.weight")
    return {
        "unet": UNET + "input_blocks.0.0.weight" in shapes,
        "vae": VAE + "decoder.conv_in.weight" in shapes,
        "text_encoder": 0 < alone < _BIG_G or any(key in shapes for key in first),
        "text_encoder_2": alone >= _BIG_G or second_text(shapes) + "token_embedding.weight" in shapes,
    }


def second_text(shapes: Shapes) -> str:
    """What the names of SDXL's second text encoder begin with in this file."""
    refiner = any(key.startswith(OPEN_CLIP_REFINER) for key in shapes)
    return OPEN_CLIP_REFINER if refiner else OPEN_CLIP_XL


def _is_refiner(shapes: Shapes) -> bool:
    """By its text encoder or, where the UNet came alone, by a fourth level, which no other of XL's has."""
    told = UNET + "label_emb.0.0.weight" in shapes and UNET + "input_blocks.9.0.op.weight" in shapes
    return told or second_text(shapes) == OPEN_CLIP_REFINER


def _version(shapes: Shapes) -> str:
    if any(key.startswith(UNET + "joint_blocks.") for key in shapes):
        return "3"
    if _is_refiner(shapes):
        return REFINER
    if UNET + "label_emb.0.0.weight" in shapes or any(key.startswith(OPEN_CLIP_XL) for key in shapes):
        return "XL"
    if any(key.startswith(OPEN_CLIP) for key in shapes):
        return "2.x"
    flat = [len(shape) == 2 for key, shape in shapes.items() if key.endswith(".proj_in.weight")]
    return "2.x" if any(flat) else "1.x"


def _prediction(header: Header) -> str | None:
    told = {key.lower(): value.lower() for key, value in header.metadata.items()}
    said = told.get("modelspec.prediction_type") or told.get("prediction_type", "")
    if (
        "v_pred" in header.shapes
        or said in ("v", "v_prediction")
        or told.get("ss_v_parameterization") == "true"
    ):
        return "v_prediction"
    return "epsilon" if said in ("epsilon", "eps") else None
