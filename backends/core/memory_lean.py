"""The same networks on the CPU with less memory in flight and faster kernels.

Layers of a diffusers module are given these classes in place of their own (`make_lean`). What changes:

* Convolutions and linear layers go to oneDNN with channels-last arrays. Measured on Zen 4, one core:
  a linear layer takes 0.73 to 0.96 of the time of torch's own (MKL); a convolution of 1280 channels at
  16 x 16 takes 124 ms with its weight packed in oneDNN's order against 163 ms, at 8 x 8 30 against 60.
  oneDNN gives the same bits for a packed weight and a plain one, so what memory allows to
  pack changes the time and not the picture.
* A convolution of few places for its channels (8 x 8 at SD 1.5's size) is one matrix
  product with the weight as the file has it. On two cores, 1280 channels at 16 x 16: 45 ms, where oneDNN
  takes 34 with a packed weight and 82 with a plain one; at 8 x 8 15, 15 and 75. So these need no packing:
  with 1.5 GB a step of SD 1.5 takes 1.2 of an unlimited one, not 1.4, and the first step half as long.
* Activations are computed in place where nobody else holds the array, the two halves of a gated
  feed-forward layer are never one array, and an enlarged array is never whole: it is convolved as strips
  of it are made (the same bits again). Decoding 512 x 512 holds 0.67 GB of arrays in place of 1.07.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers.models.activations import GEGLU
from diffusers.models.autoencoders.vae import Decoder
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_blocks import UpDecoderBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

_OPS: Any = torch.ops.mkldnn
_STRIP_BYTES = 16 * 2**20
_MOST_STRIPS = 64
_PLACES_SHARE = 8  # channels a place: with fewer, oneDNN is faster


def _places(conv: nn.Conv2d, input_shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of what a convolution makes of an input of this shape."""
    sizes = zip(input_shape[-2:], conv.padding, conv.dilation, conv.kernel_size, conv.stride, strict=True)
    down, across = (
        (side + 2 * int(pad) - step * (width - 1) - 1) // stride + 1
        for side, pad, step, width, stride in sizes
    )
    return down, across


def is_a_product(conv: nn.Conv2d, input_shape: tuple[int, ...]) -> bool:
    """Whether a convolution of few places is made as one matrix product.

    oneDNN would first copy the weight into its own order, which takes longer than the arithmetic.
    """
    if conv.kernel_size == (1, 1) or conv.groups != 1 or len(input_shape) != 4:
        return False
    return _PLACES_SHARE * input_shape[0] * prod(_places(conv, input_shape)) <= conv.out_channels


def onednn_works() -> bool:
    """Whether this build of torch has oneDNN's fused operators (x86-64 builds do)."""
    return torch.backends.mkldnn.is_available() and hasattr(_OPS, "_convolution_pointwise")


class LeanConv2d(nn.Conv2d):
    """nn.Conv2d by oneDNN, channels last. The weight may be packed (`pack_weight`)."""

    def forward(self, input: Tensor) -> Tensor:
        if is_a_product(self, tuple(input.shape)):
            return self._product(input)
        return self.convolve(input, self.padding)

    def _product(self, input: Tensor) -> Tensor:
        """Each place's window of the input as a row, times the weight as it is stored."""
        places = _places(self, tuple(input.shape))
        sizes: Any = (self.kernel_size, self.dilation, self.padding, self.stride)
        windows = F.unfold(input.contiguous(), *sizes).transpose(1, 2)
        rows = F.linear(windows, self.weight.flatten(1), self.bias)
        return rows.view(len(input), *places, self.out_channels).permute(0, 3, 1, 2)

    def convolve(self, input: Tensor, padding: Any) -> Tensor:
        return _OPS._convolution_pointwise(
            input.contiguous(memory_format=torch.channels_last),
            self.weight,
            self.bias,
            padding,
            self.stride,
            self.dilation,
            self.groups,
            "none",
            [],
            "",
        )


class LeanLinear(nn.Linear):
    """nn.Linear by oneDNN."""

    def forward(self, input: Tensor) -> Tensor:
        return _linear(input, self.weight, self.bias, "none")


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None, after: str) -> Tensor:
    method = "none" if after == "gelu" else ""
    return _OPS._linear_pointwise(input.contiguous(), weight, bias, after, [], method)


class LeanGEGLU(GEGLU):
    """Gated GELU (Shazeer 2020, arXiv:2002.05202) without the array that holds value and gate."""

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self.proj(hidden_states)


class _LeanGated(nn.Linear):
    """The projection of a GEGLU: the first half of its outputs times GELU of the second."""

    def forward(self, input: Tensor) -> Tensor:
        half = self.out_features // 2
        weight, bias = self.weight, cast(Tensor | None, self.bias)
        hidden = _linear(input, weight[:half], None if bias is None else bias[:half], "none")
        return hidden.mul_(_linear(input, weight[half:], None if bias is None else bias[half:], "gelu"))


class LeanResnet(ResnetBlock2D):
    """diffusers' plain residual block, with SiLU and both sums in place."""

    def forward(self, input_tensor: Tensor, temb: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
        hidden = self.conv1(F.silu(self.norm1(input_tensor), inplace=True))
        if temb is not None and self.time_emb_proj is not None:
            hidden += self.time_emb_proj(F.silu(temb))[:, :, None, None]
        hidden = F.silu(self.norm2(hidden), inplace=True)
        hidden = self.conv2(hidden)
        shortcut: Any = self.conv_shortcut
        return hidden.add_(input_tensor if shortcut is None else shortcut(input_tensor))


class LeanUpsample(Upsample2D):
    """Nearest-neighbour enlargement and a 3 x 3 convolution, strip by strip."""

    def forward(self, hidden_states: Tensor, output_size: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        return cast(nn.Module, self.conv)(hidden_states, output_size)


class _EnlargingConv2d(LeanConv2d):
    """The convolution of a LeanUpsample: 3 x 3, padded by 1, of the input enlarged by 2 or to a size."""

    def forward(self, input: Tensor, size: Any = None) -> Tensor:
        if size is not None:
            return super().forward(F.interpolate(input, size=size, mode="nearest"))
        count, channels, height, width = input.shape
        shape = (count, self.out_channels, 2 * height, 2 * width)
        output = torch.empty(shape, dtype=input.dtype, device=input.device, memory_format=torch.channels_last)
        fitting = _STRIP_BYTES // (count * channels * 4 * width * input.element_size())
        rows = max(1, fitting, height // _MOST_STRIPS)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            strip = _enlarged_rows(input, top, bottom)
            output[:, :, 2 * top : 2 * bottom] = self.convolve(strip, [0, 1])
        return output


def _enlarged_rows(input: Tensor, top: int, bottom: int) -> Tensor:
    """Rows 2 top - 1 to 2 bottom of the input enlarged by 2; rows outside it are zero."""
    above, below = max(top - 1, 0), min(bottom + 1, input.shape[2])
    strip = F.interpolate(input[:, :, above:below], scale_factor=2.0, mode="nearest")
    first, last = 2 * top - 1 - 2 * above, 2 * bottom + 1 - 2 * above
    inside = strip[:, :, max(first, 0) : last]
    return F.pad(inside, (0, 0, max(-first, 0), max(last - strip.shape[2], 0)))


class LeanDecoder(Decoder):
    """diffusers' decoder, holding no array longer than the next layer needs it."""

    def forward(self, sample: Tensor, latent_embeds: Tensor | None = None) -> Tensor:
        sample = self.mid_block(self.conv_in(sample), latent_embeds)
        for layer in _layers(self):
            sample = layer(sample)
        sample = F.silu(self.conv_norm_out(sample), inplace=True)
        return self.conv_out(sample)


def _layers(decoder: Decoder) -> Iterator[nn.Module]:
    for block in decoder.up_blocks:
        yield from cast(UpDecoderBlock2D, block).resnets
        yield from cast(UpDecoderBlock2D, block).upsamplers or ()


def _is_plain(block: Any) -> bool:
    return (
        block.upsample is None
        and block.downsample is None
        and (block.time_embedding_norm == "default" or block.time_emb_proj is None)
        and not block.skip_time_act
        and block.output_scale_factor == 1.0
        and isinstance(block.nonlinearity, nn.SiLU)
    )


def _is_plain_upsample(layer: Upsample2D) -> bool:
    conv = getattr(layer, "conv", None)
    plain = layer.norm is None and not layer.use_conv_transpose and layer.interpolate
    return plain and type(conv) is LeanConv2d and conv.kernel_size == (3, 3) and conv.padding == (1, 1)


def _is_plain_decoder(decoder: Decoder) -> bool:
    if not all(type(block) is UpDecoderBlock2D for block in decoder.up_blocks):
        return False
    lean = all(type(layer) in (LeanResnet, LeanUpsample) for layer in _layers(decoder))
    return lean and isinstance(decoder.conv_norm_out, nn.GroupNorm)


def make_lean(module: nn.Module) -> None:
    """Changes the classes of the layers that have a leaner one. The numbers differ in the last bits only."""
    for child in module.modules():
        if type(child) is nn.Conv2d and child.padding_mode == "zeros" and not isinstance(child.padding, str):
            child.__class__ = LeanConv2d
        elif type(child) is nn.Linear:
            child.__class__ = LeanLinear
        elif type(child) is ResnetBlock2D and _is_plain(child):
            child.__class__ = LeanResnet
    for child in module.modules():
        if type(child) is GEGLU:
            child.__class__ = LeanGEGLU
            child.proj.__class__ = _LeanGated
        elif type(child) is Upsample2D and _is_plain_upsample(child):
            child.__class__ = LeanUpsample
            cast(nn.Module, child.conv).__class__ = _EnlargingConv2d
    for child in module.modules():
        if type(child) is Decoder and _is_plain_decoder(child):
            child.__class__ = LeanDecoder


def packs(module: nn.Module) -> bool:
    """Whether this layer may be faster with a packed weight: convolutions that are more than a matrix."""
    return isinstance(module, LeanConv2d) and module.kernel_size != (1, 1)


def packs_for(module: nn.Module, input_shape: tuple[int, ...]) -> bool:
    """Whether this layer is faster with a packed weight for an input of this shape."""
    return packs(module) and not is_a_product(cast(nn.Conv2d, module), input_shape)


def pack_weight(module: nn.Module, weight: Tensor, input_shape: tuple[int, ...]) -> Tensor:
    """The weight in the order that oneDNN wants for an input of this shape; as large as before."""
    conv = cast(LeanConv2d, module)
    return _OPS._reorder_convolution_weight(
        weight, conv.padding, conv.stride, conv.dilation, conv.groups, list(input_shape)
    )
