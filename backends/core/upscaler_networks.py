"""The networks that most upscalers are: ESRGAN's RRDBNet (Wang et al. 2018, arXiv:1809.00219) in its three
layouts of names, with Real-ESRGAN's pixel unshuffling (arXiv:2107.10833), and its compact SRVGG.

Both take (1, C, h, w) in 0..1 and give (1, C, h * scale, w * scale).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE, _SHARE = 0.2, 0.2
_WHOLE = 4
"""Sides that are shuffled are made multiples of this, as spandrel does."""


class Network(Protocol):
    """An upscaler that is loaded."""

    scale: int

    def __call__(self, picture: Tensor) -> Tensor: ...

    def to(self, device: str) -> Network: ...


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        outputs = [growth] * 4 + [features]
        self.convs = nn.ModuleList(
            _conv(features + growth * number, out) for number, out in enumerate(outputs)
        )

    def forward(self, inner: Tensor) -> Tensor:
        seen = inner
        for conv in self.convs[:-1]:
            seen = torch.cat([seen, _leaky(conv(seen))], dim=1)
        return inner + _SHARE * self.convs[-1](seen)


class ResidualBlock(nn.Module):
    """Three dense blocks, and around them."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(*(DenseBlock(features, growth) for _ in range(3)))

    def forward(self, inner: Tensor) -> Tensor:
        return inner + _SHARE * self.dense(inner)


class RRDBNet(nn.Module):
    """Residual blocks in the small size, then twice as large as often as there are `ups`.

    With `shuffle` the picture is first made that much smaller and its channels as many more.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        features, growth = sizes["features"], sizes["growth"]
        self.shuffle = math.isqrt(sizes["inputs"] // sizes["outputs"])
        self.scale = 2 ** sizes["ups"] // self.shuffle
        self.first = _conv(sizes["inputs"], features)
        self.blocks = nn.Sequential(*(ResidualBlock(features, growth) for _ in range(sizes["blocks"])))
        self.body = _conv(features, features)
        self.ups = nn.ModuleList(_conv(features, features) for _ in range(sizes["ups"]))
        self.late, self.last = _conv(features, features), _conv(features, sizes["outputs"])

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        whole = _WHOLE if self.shuffle > 1 else 1
        missing = -width % whole, -height % whole
        if any(missing):
            picture = functional.pad(picture, (0, missing[0], 0, missing[1]), mode="reflect")
        inner = self.first(functional.pixel_unshuffle(picture, self.shuffle))
        inner = inner + self.body(self.blocks(inner))
        for up in self.ups:
            inner = _leaky(up(functional.interpolate(inner, scale_factor=2.0, mode="nearest")))
        larger = self.last(_leaky(self.late(inner)))
        return larger[..., : height * self.scale, : width * self.scale]


class Compact(nn.Module):
    """A row of convolutions; the last makes `scale` x `scale` pixels of each, added to the plain picture."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        features, self.scale = sizes["features"], sizes["scale"]
        layers: list[nn.Module] = [_conv(3, features), nn.PReLU(features)]
        for _ in range(sizes["layers"]):
            layers += [_conv(features, features), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, _conv(features, 3 * self.scale**2))

    def forward(self, picture: Tensor) -> Tensor:
        plain = functional.interpolate(picture, scale_factor=float(self.scale), mode="nearest")
        return functional.pixel_shuffle(self.body(picture), self.scale) + plain


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _leaky(tensor: Tensor) -> Tensor:
    return functional.leaky_relu(tensor, _SLOPE)


def network_of(weights: Mapping[str, Tensor]) -> Network | None:
    """The network that these weights are, loaded in float32; None for one of another kind."""
    return _rrdb_of(_plain_names(weights)) or _compact_of(weights)


_LAYOUTS: tuple[tuple[str, str], ...] = (
    (r"(?:conv_first|model\.0)\.", "first."),
    (
        r"(?:body|RRDB_trunk|model\.1\.sub)\.(\d+)\.(?:rdb|RDB)([123])\.conv([1-5])\.(?:0\.)?",
        "blocks.{0}.dense.{1-}.convs.{2-}.",
    ),
    (r"(?:conv_body|trunk_conv|model\.1\.sub\.\d+)\.", "body."),
    (r"(?:conv_up|upconv)(\d+)\.", "ups.{0-}."),
    (r"(?:conv_hr|HRconv)\.", "late."),
    (r"conv_last\.", "last."),
)
"""Names in files -> ours; {n} is the n-th number, {n-} one less."""


def _plain_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our names; nothing when any name is of another kind."""
    late = _numbered(weights)
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        for pattern, ours in (*late, *_LAYOUTS):
            match = re.fullmatch(f"{pattern}(weight|bias)", name)
            if match is not None:
                found[_filled(ours, match.groups()[:-1]) + match[match.lastindex or 0]] = tensor
                break
        else:
            return {}
    return found


def _numbered(weights: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """The oldest layout numbers its last layers: those that enlarge, then two more."""
    numbers = sorted(
        {int(match[1]) for name in weights if (match := re.match(r"model\.(\d+)\.", name))} - {0, 1}
    )
    ours = [*(f"ups.{number}." for number in range(len(numbers) - 2)), "late.", "last."]
    return [(rf"model\.{number}\.", name) for number, name in zip(numbers, ours, strict=False)]


def _filled(ours: str, numbers: tuple[str, ...]) -> str:
    for place, number in enumerate(numbers):
        ours = ours.replace(f"{{{place}}}", number).replace(f"{{{place}-}}", str(int(number) - 1))
    return ours


def _rrdb_of(weights: Mapping[str, Tensor]) -> Network | None:
    first, growth, last = (
        weights.get(f"{name}.weight") for name in ("first", "blocks.0.dense.0.convs.0", "last")
    )
    if first is None or growth is None or last is None or not first.ndim == growth.ndim == last.ndim == 4:
        return None
    inputs, outputs = first.shape[1], last.shape[0]
    if inputs not in (outputs, 4 * outputs, 16 * outputs):
        return None
    sizes = {
        "inputs": inputs,
        "outputs": outputs,
        "features": first.shape[0],
        "growth": growth.shape[0],
        "blocks": _counted(weights, r"blocks\.(\d+)\."),
        "ups": _counted(weights, r"ups\.(\d+)\."),
    }
    if len(weights) != 2 * (4 + sizes["ups"] + 15 * sizes["blocks"]):
        return None
    return _loaded(RRDBNet, sizes, weights)


def _compact_of(weights: Mapping[str, Tensor]) -> Network | None:
    count = _counted(weights, r"body\.(\d+)\.")
    first, last = weights.get("body.0.weight"), weights.get(f"body.{count - 1}.weight")
    if first is None or last is None or not first.ndim == last.ndim == 4 or first.shape[1] != 3:
        return None
    scale = math.isqrt(last.shape[0] // 3)
    if scale**2 * 3 != last.shape[0] or count % 2 == 0 or len(weights) != count + (count + 1) // 2:
        return None
    return _loaded(Compact, {"features": first.shape[0], "layers": (count - 3) // 2, "scale": scale}, weights)


def _counted(weights: Mapping[str, Tensor], pattern: str) -> int:
    return 1 + max((int(match[1]) for name in weights if (match := re.match(pattern, name))), default=-1)


def _loaded(kind: Any, sizes: Mapping[str, int], weights: Mapping[str, Tensor]) -> Network | None:
    """Built without memory, and filled with the file's tensors; None where they don't fit."""
    with torch.device("meta"):
        network = kind(sizes)
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()}:
        return None
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
    return network.eval().requires_grad_(False)
