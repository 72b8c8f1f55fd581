"""Upscalers: our networks against spandrel's numbers, tiles against the whole, and files that are none."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from backends.core import upscale, upscalers
from backends.core.contract import InvalidRequest
from backends.core.upscale import TileDone, places
from backends.core.upscaler_networks import Network, network_of
from tests.families.reference import psnr
from tests.upscaler_files import GOLDEN, KINDS, compact, esrgan, picture

Pixels = NDArray[np.uint8]


def network(name: str) -> Network:
    found = network_of(KINDS[name]())
    assert found is not None
    return found


def pixels(height: int, width: int) -> Pixels:
    """Coarse squares and a ramp, so that tiles have something to disagree about."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    large = coarse.repeat(8, 0).repeat(8, 1)[:height, :width]
    return ((large + np.linspace(0, 90, width)[None, :, None]) / 346 * 255).astype(np.uint8)


def whole(pixels: Pixels, by: Network) -> Pixels:
    with torch.inference_mode():
        picture = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
        return (by(picture)[0].clamp(0, 1).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def tiled(pixels: Pixels, by: Network, tile: int) -> tuple[Pixels, list[TileDone]]:
    told, making = list[TileDone](), upscale.enlarge(pixels, by, tile)
    while True:
        try:
            told.append(next(making))
        except StopIteration as end:
            return end.value, told


@pytest.mark.parametrize("name", KINDS)
def test_as_spandrel_does_it(name: str) -> None:
    expected = np.load(GOLDEN)[name].astype(np.float32)
    with torch.inference_mode():
        ours = network(name)(picture())[0].clamp(0, 1).numpy()
    assert ours.shape == expected.shape == (3, 10 * network(name).scale, 7 * network(name).scale)
    assert expected.std() > 0.01
    assert np.abs(ours - expected).max() < 6e-4  # float16's own


@pytest.mark.parametrize(
    ("kind", "tile"), [("compact x2", 64), ("esrgan x4", 96), ("esrgan x2 unshuffled", 96)]
)
def test_tiles_make_the_whole_pictures_pixels(kind: str, tile: int) -> None:
    given = pixels(104, 181)
    by = network(kind)
    ours, told = tiled(given, by, tile)
    assert len(told) > 3
    assert told[-1] == TileDone(len(told), len(told))
    assert psnr(ours, whole(given, by)) >= 45


def test_a_picture_within_a_tile_is_the_networks_own() -> None:
    by = network("compact x2")
    ours, told = tiled(pixels(40, 50), by, 64)
    assert told == [TileDone(1, 1)]
    assert (ours == whole(pixels(40, 50), by)).all()


@pytest.mark.parametrize("side", [1, 63, 64, 65, 97, 128, 500, 1023])
def test_tiles_cover_everything_and_share_enough(side: int) -> None:
    starts = places(side, 64)
    assert starts[0] == 0
    assert max(0, side - 64) <= starts[-1] < max(0, side - 64) + 4
    assert not any(start % 4 for start in starts)
    assert all(32 <= before + 64 - after < 64 for before, after in pairwise(starts))


class Counting:
    """Twice as large, and counts."""

    scale, calls, largest = 2, 0, 0

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.largest = max(self.largest, picture.shape[-2] * picture.shape[-1])
        return picture.repeat_interleave(2, -1).repeat_interleave(2, -2)

    def to(self, device: str) -> Counting:
        return self


def test_tiles_bound_what_the_network_sees() -> None:
    by, given = Counting(), pixels(300, 220)
    ours, told = tiled(given, by, 96)
    assert (by.calls, by.largest) == (len(told), 96 * 96)
    assert (ours == given.repeat(2, 0).repeat(2, 1)).all()


def test_closing_it_stops_after_the_tile() -> None:
    by = Counting()
    making = upscale.enlarge(pixels(300, 220), by, 64)
    next(making)
    making.close()
    assert by.calls == 1


def test_too_large_is_said_before_the_work() -> None:
    by = Counting()
    with pytest.raises(InvalidRequest, match="12000 x 12000"):
        next(upscale.enlarge(np.zeros((6000, 6000, 3), np.uint8), by))
    assert by.calls == 0


def test_half_precision_files_are_read(tmp_path: Path) -> None:
    save_file({name: tensor.half() for name, tensor in compact().items()}, tmp_path / "half.safetensors")
    opened = upscalers.open_upscaler(tmp_path / "half.safetensors")
    with torch.inference_mode():
        found, full = opened(picture()), network("compact x2")(picture())
    assert found.dtype == torch.float32
    assert float((found - full).abs().max()) < 0.01


def test_other_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidRequest, match="damaged"):
        upscalers.open_upscaler(path)
    wrong = esrgan()
    wrong["conv_body.weight"] = torch.zeros(8, 9, 3, 3)
    save_file(wrong, path)
    monkeypatch.setitem(sys.modules, "einops", None)
    with pytest.raises(InvalidRequest, match=r"only spandrel reads.*pip install --no-deps"):
        upscalers.open_upscaler(path)


def test_sizes_that_a_name_claims_fill_no_memory() -> None:
    weights = esrgan(blocks=1)
    weights["body.4000000.rdb1.conv1.bias"] = torch.zeros(32)
    assert network_of(weights) is None
    assert network_of({"body.999999998.weight": torch.zeros(12, 8, 3, 3)}) is None


def test_spandrel_is_imported_without_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that takes what spandrel takes; the stand-in is gone when it is imported."""
    (tmp_path / "spandrel.py").write_text(
        "from torchvision.transforms.functional import InterpolationMode, normalize, rotate\nFOUND = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    before = {name: module for name, module in sys.modules.items() if name.startswith("torchvision")}
    assert upscalers.import_spandrel().FOUND
    assert before == {name: module for name, module in sys.modules.items() if name.startswith("torchvision")}
    del sys.modules["spandrel"]
