"""The ledger counts what is alive: against sums done by hand, and against the real allocator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from backends.core.ledger import FakeNetwork, Ledger

MEGA = 2**20


class Chain(nn.Module):
    """Three arrays of 1 MB in a row, of which two are alive at once; views and in-place steps are free."""

    def forward(self, x: Tensor) -> Tensor:
        x = x * 2
        x = x.view(-1) + 1
        x.relu_()
        return x[:10].reshape(2, 5)


class Hoard(nn.Module):
    """Keeps everything it makes."""

    def forward(self, x: Tensor) -> Tensor:
        made = [x + number for number in range(5)]
        return made[0]


def peak_of(module: nn.Module) -> int:
    return FakeNetwork(module).peak(lambda net, zeros: net(zeros(MEGA // 4))).bytes


def test_arrays_are_counted_while_they_live() -> None:
    assert peak_of(Chain()) == 3 * MEGA  # the input belongs to the run, then two in turn
    assert peak_of(Hoard()) == 6 * MEGA


def test_weights_do_not_count_and_take_no_memory() -> None:
    layer = nn.Linear(1, 1, bias=False)
    layer.weight = nn.Parameter(torch.empty(10**6, 10**6, device="meta"), requires_grad=False)
    layer.in_features = layer.out_features = 10**6
    found = FakeNetwork(layer).peak(lambda net, zeros: net(zeros(1, 10**6)))
    assert found.bytes == 2 * 4 * 10**6
    assert "mm" in found.operation or "linear" in found.operation


def test_the_ledger_agrees_with_real_arrays() -> None:
    def work(x: Any) -> Any:
        y = torch.nn.functional.conv2d(x, torch.zeros(8, 8, 3, 3), padding=1)
        z = torch.nn.functional.silu(y)
        del y
        return (z + x).sum()

    with Ledger() as real:
        work(torch.zeros(1, 8, 32, 32))
    with FakeTensorMode(), Ledger() as fake:
        work(torch.zeros(1, 8, 32, 32))
    assert real.peak == fake.peak
    assert real.peak.bytes > 3 * 8 * 32 * 32 * 4
    assert fake.live <= 4
