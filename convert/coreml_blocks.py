"""The UNet's transformers as the Neural Engine keeps them: (B, C, 1, S) from end to end, 1 x 1 convolutions.

The weights are the diffusers module's own, seen in another shape; the arithmetic is the same. So are the
paths of the layers (`transformer_blocks.0.ff.net.2`): what is known of a layer by its name fits either.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.nn import functional

from backends.core.contract import InvalidRequest
from convert.attention import Attend


class PointConv(nn.Module):
    """A linear layer, or a 1 x 1 convolution, on (B, C, H, W)."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        weight: Tensor = layer.weight.detach()
        self.weight = nn.Parameter(weight.reshape(*weight.shape[:2], 1, 1), requires_grad=False)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, 1, S). coremltools' fusion knows this way of writing it."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(norm.weight.detach().reshape(1, -1, 1, 1), requires_grad=False)
        self.bias = nn.Parameter(norm.bias.detach().reshape(1, -1, 1, 1), requires_grad=False)
        self.epsilon = float(norm.eps)

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=1, keepdim=True)
        deviation = ((centred * centred).mean(dim=1, keepdim=True) + self.epsilon).sqrt()
        return centred / deviation * self.weight + self.bias


class GroupNorm(nn.Module):
    """Group norm as one operation, an instance norm over each group's channels.

    coremltools writes torch's as a square and a mean, and in fp16 the squares of numbers beyond 256 overflow:
    the starter's decoder came out black by it.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight = nn.Parameter(norm.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(norm.bias.detach(), requires_grad=False)
        self.groups, self.epsilon = norm.num_groups, norm.eps

    def forward(self, x: Any) -> Tensor:
        """(B, C, ..., W) -> the same shape."""
        grouped = x.unflatten(1, (self.groups, -1)).flatten(2, -2)
        normed = functional.instance_norm(grouped, eps=self.epsilon).reshape(x.shape)
        rest = [1] * (x.ndim - 2)
        return normed * self.weight.reshape(1, -1, *rest) + self.bias.reshape(1, -1, *rest)


class ColumnAttention(nn.Module):
    """One attention layer of a diffusers transformer, in columns."""

    def __init__(self, layer: Any, attend: Attend) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (PointConv(each) for each in (layer.to_q, layer.to_k, layer.to_v))
        self.to_out = nn.ModuleList([PointConv(layer.to_out[0])])
        self._attend, self._heads = attend, int(layer.heads)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        seen = self._attend(self.to_q(x), self.to_k(context), self.to_v(context), self._heads)
        return self.to_out[0](seen)


class Gate(nn.Module):
    """Half of the channels by the GELU of the others (GEGLU, Shazeer 2020)."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.proj = PointConv(layer.proj)

    def forward(self, x: Tensor) -> Tensor:
        hidden, gate = self.proj(x).chunk(2, dim=1)
        return hidden * functional.gelu(gate)


class ColumnFeedForward(nn.Module):
    """A diffusers FeedForward with a gate; its second layer is a dropout, which does nothing here."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.net = nn.ModuleList([Gate(layer.net[0]), nn.Identity(), PointConv(layer.net[2])])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class ColumnBlock(nn.Module):
    """Self-attention, cross-attention and a gated feed-forward layer."""

    def __init__(self, block: Any, attend: Attend) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (ChannelNorm(n) for n in (block.norm1, block.norm2, block.norm3))
        self.attn1, self.attn2 = (ColumnAttention(each, attend) for each in (block.attn1, block.attn2))
        self.ff = ColumnFeedForward(block.ff)
        self.itself = not block.only_cross_attention

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        normed = self.norm1(x)
        x = x + self.attn1(normed, normed if self.itself else context)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class ColumnTransformer(nn.Module):
    """A diffusers Transformer2DModel on (B, C, H, W), with text as (B, C, 1, T)."""

    def __init__(self, model: Any, attend: Attend) -> None:
        super().__init__()
        self.norm = model.norm
        self.proj_in, self.proj_out = PointConv(model.proj_in), PointConv(model.proj_out)
        self.transformer_blocks = nn.ModuleList(
            ColumnBlock(block, attend) for block in model.transformer_blocks
        )

    def forward(self, x: Tensor, encoder_hidden_states: Tensor, **rest: Any) -> tuple[Tensor]:
        hidden = self.proj_in(self.norm(x)).flatten(2).unsqueeze(2)
        for block in self.transformer_blocks:
            hidden = block(hidden, encoder_hidden_states)
        return (x + self.proj_out(hidden.reshape(x.shape[0], -1, *x.shape[2:])),)


@torch.no_grad()
def use_columns(unet: Any, attend: Attend) -> None:
    """Puts a ColumnTransformer in the place of every transformer of a UNet.

    Raises InvalidRequest for a kind of transformer that we can't write that way.
    """
    found = [name for name, module in unet.named_modules() if isinstance(module, Transformer2DModel)]
    for name in found:
        model = unet.get_submodule(name)
        _check(model)
        unet.set_submodule(name, ColumnTransformer(model, attend))


@torch.no_grad()
def use_group_norms(module: Any) -> None:
    """Puts our GroupNorm in the place of every group norm of torch's."""
    for name, norm in list(module.named_modules()):
        if isinstance(norm, nn.GroupNorm):
            module.set_submodule(name, GroupNorm(norm))


def _check(model: Any) -> None:
    for block in model.transformer_blocks:
        if block.norm_type != "layer_norm" or type(block.ff.net[0]).__name__ != "GEGLU":
            raise InvalidRequest(
                "This UNet's transformers are of a kind that has no form for the Neural Engine.",
                "Convert it with --for gpu.",
            )
