"""What a single file is, from the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backends.core.contract import BrokenModel
from convert.source.header import Header

Shapes = Mapping[str, tuple[int, ...]]

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
_OTHERS = {
    "model.diffusion_model.joint_blocks.": "a Stable Diffusion 3 model",
    "model.diffusion_model.double_blocks.": "a FLUX model",
    "double_blocks.": "a FLUX model",
    "model.diffusion_model.cap_embedder.": "a Z-Image or Lumina model",
    "conditioner.embedders.": "a Stable Diffusion XL model",
    "model.diffusion_model.label_emb.": "a Stable Diffusion XL or upscaling model",
    "control_model.": "a ControlNet",
    "lora_unet_": "a LoRA",
    "lora_te": "a LoRA",
    "unet.down_blocks.": "a LoRA or a model's part in the diffusers layout",
    "emb_params": "a textual inversion",
    "embedder.": "an unCLIP model",
}
_CHANNELS = {5: "a depth model", 7: "an upscaling model", 8: "an editing model", 9: "an inpainting model"}


@dataclass(frozen=True)
class Kind:
    """`version` is 1 or 2 (which CLIP); `prediction` is None where the file doesn't say."""

    version: int
    parts: frozenset[str]
    prediction: str | None
    zero_snr: bool


def kind_of(name: str, header: Header) -> Kind:
    """Raises BrokenModel, saying what the file is, when it is nothing that can be imported."""
    shapes = header.shapes
    parts = frozenset(part for part, found in _parts(shapes).items() if found)
    for prefix, what in _OTHERS.items():
        if any(key.startswith(prefix) for key in shapes):
            raise BrokenModel(
                f"{name} is {what}, which this version can't import.",
                "Use a Stable Diffusion 1.x or 2.x model.",
            )
    if not parts:
        raise BrokenModel(
            f"{name} holds no model that is known here.", "Use a Stable Diffusion 1.x or 2.x model."
        )
    _refuse_variants(name, shapes)
    return Kind(_version(shapes), parts, _prediction(header), "ztsnr" in shapes)


def normal_name(key: str) -> str:
    """A tensor's name as the first Stable Diffusion files had it, for files that hold one part only."""
    if key.startswith(("encoder.down.", "encoder.mid.", "encoder.conv", "encoder.norm", "decoder.")):
        return VAE + key
    if key.startswith(("quant_conv.", "post_quant_conv.")):
        return VAE + key
    if key.startswith("text_model."):
        return CLIP + key
    old = CLIP + "text_model."
    if key.startswith(CLIP) and not key.startswith(old):
        return old + key.removeprefix(CLIP)
    return key


def _parts(shapes: Shapes) -> dict[str, bool]:
    return {
        "unet": UNET + "input_blocks.0.0.weight" in shapes,
        "vae": VAE + "decoder.conv_in.weight" in shapes,
        "text_encoder": any(key.endswith("token_embedding.weight") for key in shapes),
    }


def _refuse_variants(name: str, shapes: Shapes) -> None:
    channels = shapes.get(UNET + "input_blocks.0.0.weight", (0, 4))[1]
    if channels != 4:
        what = _CHANNELS.get(channels, "a model of an unknown kind")
        raise BrokenModel(
            f"{name} is {what}: its UNet takes {channels} channels, and this version runs those with 4.",
            "Use the plain version of the model.",
        )


def _version(shapes: Shapes) -> int:
    if any(key.startswith(OPEN_CLIP) for key in shapes):
        return 2
    flat = [len(shape) == 2 for key, shape in shapes.items() if key.endswith(".proj_in.weight")]
    return 2 if any(flat) else 1


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
