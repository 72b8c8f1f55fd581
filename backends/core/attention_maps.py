"""Where each word of the prompt mattered: the denoiser's cross-attention, gathered while it works.

Attention is averaged over heads, layers and steps, as DAAM does it (Tang et al. 2022, arXiv:2210.04885):
every layer's map is enlarged to the latents' size and cut off at 0, and the middle block is left out.
What the layers' query and key projections answer is read by hooks, so the attention processor that a
backend has chosen stays in place, and the picture is the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Size = tuple[int, int]


class AttentionMaps:
    """The mean attention that each token got at each place of latents of `size` (rows, columns).

    `tokens` says where in the conditioning each token is: the first after the start mark is at 1.
    """

    def __init__(self, tokens: Sequence[int], size: Size, shown: Size) -> None:
        self._tokens, self._size, self._shown = list(tokens), size, shown
        self._sum = torch.zeros(len(tokens), *shown)
        self._layers = 0

    @contextmanager
    def watching(self, unet: nn.Module) -> Generator[None]:
        """Adds the cross-attention of whatever this network is asked meanwhile."""
        layers = cross_attention(unet) if self._tokens else []
        handles = [handle for layer in layers for handle in self._hooks(layer)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def mean(self) -> Tensor | None:
        """(tokens, rows, columns) of shares of the attention, 0..1; None when nothing was seen."""
        return self._sum / self._layers if self._layers else None

    def _hooks(self, layer: Any) -> list[Any]:
        seen: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
            def hook(module: nn.Module, args: Any, output: Tensor) -> None:
                seen[name] = output
                if len(seen) == 2:
                    self._add(layer, seen.pop("query"), seen.pop("key"))

            return hook

        return [
            layer.to_q.register_forward_hook(keep("query")),
            layer.to_k.register_forward_hook(keep("key")),
        ]

    def _add(self, layer: Any, query: Tensor, key: Tensor) -> None:
        """(B, places, width) and (B, tokens, width): the batch's last row is the prompt's."""
        grid = _grid(query.shape[1], self._size)
        if grid is None:
            return
        shares = attention_shares(query[-1].float(), key[-1].float(), layer.heads, layer.scale)
        maps = shares[:, self._tokens].T.reshape(1, -1, *grid).cpu()
        resized = nn.functional.interpolate(maps, size=self._shown, mode="bicubic")
        self._sum = self._sum + resized[0].clamp(min=0)
        self._layers += 1


def attention_shares(query: Tensor, key: Tensor, heads: int, scale: float) -> Tensor:
    """softmax(q k^T) for (places, heads * d) and (tokens, heads * d), mean over heads: (places, tokens)."""
    total = torch.zeros(len(query), len(key), device=query.device)
    for q, k in zip(query.chunk(heads, -1), key.chunk(heads, -1), strict=True):
        total += (q @ k.T * scale).softmax(-1)
    return total / heads


def cross_attention(unet: Any) -> list[Any]:
    """The layers in which the picture looks at the text: those of the way down and the way up.

    A layer that changes its queries and keys once more after the projections can't be read like this.
    """
    modules: dict[str, Any] = dict(unet.named_modules())
    found = {name: module for name, module in modules.items() if _reads_text(module)}
    outer = [module for name, module in found.items() if not name.startswith("mid_block")]
    return outer or list(found.values())


def _reads_text(module: Any) -> bool:
    plain = getattr(module, "norm_q", None) is None and getattr(module, "norm_k", None) is None
    return bool(getattr(module, "is_cross_attention", False)) and hasattr(module, "to_q") and plain


def _grid(places: int, size: Size) -> Size | None:
    """The rows and columns of a layer with so many places: the latents', halved some times."""
    rows, columns = size
    while rows * columns > places:
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
    return (rows, columns) if rows * columns == places else None
