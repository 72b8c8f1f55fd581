"""What else conditions a UNet: pooled text, sizes, a guidance scale. Rewritten ones against diffusers'."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from convert.coreml_networks import build, plain
from tests.coreml_models import outputs


def test_added_and_guidance_conditioning_go_through() -> None:
    """SDXL's UNet takes pooled text and sizes, a distilled one the guidance scale."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    network: Any = UNet2DConditionModel
    unet: Any = network(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        attention_head_dim=(4, 8),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
        time_cond_proj_dim=12,
        cross_attention_dim=24,
        norm_num_groups=8,
    ).eval()
    inputs = {
        "sample": torch.randn(2, 4, 8, 8),
        "time": torch.randn(2, 32),
        "text": torch.randn(2, 7, 24),
        "added": torch.randn(2, 64),
        "guidance": torch.randn(2, 12),
    }
    wanted = outputs(plain(unet, "unet"), inputs)
    for attention in ("fused", "split-einsum"):
        torch.testing.assert_close(
            outputs(build(unet, "unet", attention), inputs), wanted, atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("attention", ["original", "split-einsum"])
def test_text_as_a_whole_conditions_every_block(attention: str) -> None:
    """The starter's UNet pools the text itself; diffusers' own forward is what it must equal."""
    unet, inputs = _unet(addition_embed_type="text", addition_embed_type_num_heads=4), _unet_inputs()
    with torch.no_grad():
        unet.get_time_embed = lambda **_: inputs["time"]
        wanted = unet(inputs["sample"], 0, inputs["text"], return_dict=False)[0]
        del unet.get_time_embed
        other = unet.add_embedding(inputs["text"])
    assert float(other.abs().max()) > 0.1
    torch.testing.assert_close(outputs(plain(unet, "unet"), inputs), wanted)
    torch.testing.assert_close(outputs(build(unet, "unet", attention), inputs), wanted, atol=1e-5, rtol=1e-4)


def test_a_unet_that_is_conditioned_otherwise_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="conditioned in a way"):
        build(_unet(num_class_embeds=3), "unet", "original")


def _unet(**rest: Any) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    network: Any = UNet2DConditionModel
    return network(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=24,
        norm_num_groups=8,
        **rest,
    ).eval()


def _unet_inputs() -> dict[str, Tensor]:
    return {
        "sample": torch.randn(2, 4, 8, 8),
        "time": torch.randn(2, 32),
        "text": torch.randn(2, 7, 24),
    }
