"""Small random upscalers in each layout of names, made on the spot.

What spandrel 0.4.2 makes of them is in core/upscaled_by_spandrel.npz, written by
`python -m tests.upscaler_files` where it is installed (pip install --no-deps spandrel einops).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Weights = dict[str, Tensor]
FEATURES, GROWTH = 8, 32


def _conv(weights: Weights, name: str, outputs: int, inputs: int, gain: float = 1.0) -> None:
    weights[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3) * gain / (9 * inputs) ** 0.5
    weights[f"{name}.bias"] = torch.randn(outputs) * 0.02


def esrgan(ups: int = 2, shuffle: int = 1, blocks: int = 2, seed: int = 0) -> Weights:
    """BasicSR's names, as in Real-ESRGAN's files."""
    torch.manual_seed(seed)
    weights: Weights = {}
    _conv(weights, "conv_first", FEATURES, 3 * shuffle**2)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for number in range(5):
                outputs = FEATURES if number == 4 else GROWTH
                name = f"body.{block}.rdb{dense}.conv{number + 1}"
                _conv(weights, name, outputs, FEATURES + number * GROWTH)
    _conv(weights, "conv_body", FEATURES, FEATURES)
    for number in range(ups):
        _conv(weights, f"conv_up{number + 1}", FEATURES, FEATURES)
    _conv(weights, "conv_hr", FEATURES, FEATURES)
    _conv(weights, "conv_last", 3, FEATURES, gain=0.3)
    weights["conv_last.bias"] += 0.5
    return weights


def as_xinntao(weights: Weights) -> Weights:
    """The names of ESRGAN's own second layout."""
    pairs = (
        (r"^body\.", "RRDB_trunk."), (r"rdb", "RDB"), (r"conv_body", "trunk_conv"), (r"conv_up", "upconv"),
        (r"conv_hr", "HRconv"),
    )  # fmt: skip
    return _renamed(weights, pairs)


def as_old(weights: Weights) -> Weights:
    """The names of ESRGAN's first layout, in which layers have numbers."""
    blocks = 1 + max(int(match[1]) for name in weights if (match := re.match(r"body\.(\d+)", name)))
    ups = sum(name.startswith("conv_up") and name.endswith("weight") for name in weights)
    late = 2 + 3 * ups
    pairs = [
        (r"^conv_first", "model.0"), (r"^body\.(\d+)\.rdb(\d)\.conv(\d)", r"model.1.sub.\1.RDB\2.conv\3.0"),
        (r"^conv_body", f"model.1.sub.{blocks}"), (r"^conv_hr", f"model.{late}"),
        (r"^conv_last", f"model.{late + 2}"),
        *((rf"^conv_up{number}", f"model.{3 * number}") for number in range(1, ups + 1)),
    ]  # fmt: skip
    return _renamed(weights, tuple(pairs))


def compact(scale: int = 2, layers: int = 3, seed: int = 0) -> Weights:
    """Real-ESRGAN's compact network."""
    torch.manual_seed(seed)
    weights: Weights = {}
    _conv(weights, "body.0", FEATURES, 3)
    for number in range(layers + 1):
        weights[f"body.{2 * number + 1}.weight"] = torch.rand(FEATURES) * 0.5
        last = number == layers
        _conv(
            weights,
            f"body.{2 * number + 2}",
            3 * scale**2 if last else FEATURES,
            FEATURES,
            0.3 if last else 1,
        )
    return weights


def _renamed(weights: Weights, pairs: tuple[tuple[str, str], ...]) -> Weights:
    found: Weights = {}
    for name, tensor in weights.items():
        for pattern, other in pairs:
            name = re.sub(pattern, other, name)
        found[name] = tensor
    return found


KINDS: dict[str, Callable[[], Weights]] = {
    "esrgan x4": esrgan,
    "esrgan x2 unshuffled": lambda: esrgan(shuffle=2),
    "esrgan x1 unshuffled": lambda: esrgan(shuffle=4),
    "xinntao x4": lambda: as_xinntao(esrgan()),
    "old x4": lambda: as_old(esrgan()),
    "old x2": lambda: as_old(esrgan(ups=1)),
    "old x8": lambda: as_old(esrgan(ups=3, blocks=1)),
    "compact x2": compact,
    "compact x4": lambda: compact(scale=4),
}
GOLDEN = Path(__file__).parent / "core" / "upscaled_by_spandrel.npz"


def picture(height: int = 10, width: int = 7) -> Tensor:
    """(1, 3, h, w) in 0..1, of which neither side is a multiple of 4."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(5))


def write_golden() -> None:
    """What spandrel makes of `picture` with each of KINDS, in float16."""
    from backends.core.upscalers import import_spandrel

    loader, found = import_spandrel().ModelLoader(device=torch.device("cpu")), {}
    for name, make in KINDS.items():
        with torch.inference_mode():
            found[name] = loader.load_from_state_dict(make()).eval()(picture())[0].numpy().astype(np.float16)
    np.savez_compressed(GOLDEN, **found)


if __name__ == "__main__":
    write_golden()
