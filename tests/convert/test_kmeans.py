"""The clusters of k-means on a line against all there could be."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from convert.kmeans import cluster, histogram
from convert.palettize import quantise


def least_error(values: np.ndarray, counts: np.ndarray, tables: int) -> float:
    """By trying every partition."""

    def error(edges: tuple[int, ...]) -> float:
        found = 0.0
        for start, end in zip((0, *edges), (*edges, len(values)), strict=True):
            part, often = values[start:end], counts[start:end]
            found += float((often * (part - np.average(part, weights=often)) ** 2).sum())
        return found

    return min(error(edges) for edges in combinations(range(1, len(values)), tables - 1))


@pytest.mark.parametrize("tables", [2, 3, 4, 9])
def test_no_partition_errs_less(tables: int) -> None:
    chance = np.random.default_rng(tables)
    values, counts = np.sort(chance.standard_cauchy(13)), chance.integers(1, 9, 13).astype(float)
    centres, labels = cluster(values, counts, tables)
    error = float((counts * (values - centres[labels]) ** 2).sum())
    assert len(centres) == tables
    assert error == pytest.approx(least_error(values, counts, tables))


def test_few_numbers_are_kept_as_they_are() -> None:
    values, counts, places = histogram(np.array([[2.0, -1.0], [2.0, 0.5]]))
    assert values.tolist() == [-1, 0.5, 2]
    assert counts.tolist() == [1, 1, 2]
    assert values[places].tolist() == [2, -1, 2, 0.5]
    assert cluster(values, counts, 4)[0].tolist() == values.tolist()


@pytest.mark.parametrize(("bits", "least"), [(4, 20.0), (6, 31.5), (8, 43.0)])
def test_a_normal_array_is_as_close_as_theory_has_it(bits: int, least: float) -> None:
    """Lloyd and Max: 20.2 dB with 16 centres, 31.9 with 64, 43.9 with 256."""
    weight = torch.randn(1, 100_000, generator=torch.Generator().manual_seed(1))
    found = quantise(weight, bits)
    assert len(found.unique()) <= 2**bits
    assert 10 * float(((weight**2).mean() / ((found - weight) ** 2).mean()).log10()) > least


def test_numbers_far_out_get_their_own_centres() -> None:
    """Where most weights are small and few are large, quantiles leave the large ones without a centre."""
    weight = torch.randn(1, 5000, generator=torch.Generator().manual_seed(1)) * 0.01
    weight[0, ::1000] = torch.tensor([3.0, -4.0, 5.0, -6.0, 7.0])
    assert float((quantise(weight, 6) - weight).abs().max()) < 0.01
