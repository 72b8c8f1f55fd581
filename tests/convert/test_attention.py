"""Every way of attending against torch's own, with odd shapes and with the token counts of real pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from convert import attention
from convert.attention import COLUMNS, QUERY_CHUNK, ROWS, Attend, in_rows, rows_to_columns

EVERY_WAY = {**ROWS, **{name: in_rows(attend) for name, attend in COLUMNS.items()}}


def torchs(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    def split(x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

    seen = functional.scaled_dot_product_attention(split(queries), split(keys), split(values))
    return seen.transpose(1, 2).flatten(2)


def arrays(batch: int, queries: int, keys: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(queries)
    return (
        torch.randn(batch, queries, width),
        torch.randn(batch, keys, width),
        torch.randn(batch, keys, width),
    )


@pytest.mark.parametrize("attend", EVERY_WAY.values(), ids=EVERY_WAY)
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (7, 13), (64, 77), (576, 576), (600, 5)])
def test_it_equals_torchs(attend: Attend, queries: int, keys: int) -> None:
    q, k, v = arrays(2, queries, keys, 15)
    torch.testing.assert_close(attend(q, k, v, 3), torchs(q, k, v, 3), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("tokens", [576, 2304, 4096])
def test_chunks_keep_every_token(tokens: int) -> None:
    """24 x 24, 48 x 48 (a picture of 384 and of 768 pixels) and 64 x 64."""
    q, k, v = arrays(1, tokens, 9, 4)
    found = in_rows(attention.split_einsum_chunked)(q, k, v, 1)
    assert found.shape == q.shape
    torch.testing.assert_close(found, torchs(q, k, v, 1), atol=1e-5, rtol=1e-4)


def naive(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Chunks as others publish them: their number rounded down, so that the tail is dropped."""
    chunks = range(q.shape[3] // QUERY_CHUNK)
    return torch.cat(
        [
            attention.split_einsum(q[..., i * QUERY_CHUNK : (i + 1) * QUERY_CHUNK], k, v, heads)
            for i in chunks
        ],
        dim=3,
    )


@pytest.mark.parametrize(("tokens", "left"), [(576, 512), (2304, 2048), (4096, 4096)])
def test_the_naive_chunks_drop_the_tail(tokens: int, left: int) -> None:
    q, k, v = (rows_to_columns(each) for each in arrays(1, tokens, 9, 4))
    assert naive(q, k, v, 1).shape[3] == left
    assert attention.split_einsum_chunked(q, k, v, 1).shape[3] == tokens


def test_a_causal_mask_of_minus_ten_thousand_hides_the_future() -> None:
    q, k, v = arrays(1, 11, 11, 8)
    mask = torch.full((11, 11), -1e4).triu(1)
    expected = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(attention.masked(q, k, v, 1, mask), expected, atol=1e-6, rtol=1e-5)
