"""A transformers language model as families call it: its hidden states, never its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class LanguageModelEncoder:
    """A transformers language model as the contract's LanguageEncoder; `model` brings it when it is used.

    Each token sees itself and those before it. The mask that says so is always written out: left to torch,
    Apple's GPU lets later tokens through in half precision (pytorch#195910).
    """

    def __init__(self, model: Callable[[], Any], device: torch.device) -> None:
        self._bring, self._device = model, device

    def __call__(self, token_ids: Tensor, attention_mask: Tensor | None, clip_skip: int) -> Tensor:
        return self._run(token_ids, attention_mask).last_hidden_state.float().cpu()

    def layers(self, token_ids: Tensor, attention_mask: Tensor | None, which: Sequence[int]) -> Tensor:
        hidden = self._run(token_ids, attention_mask, output_hidden_states=True).hidden_states
        return torch.cat([hidden[number] for number in which], dim=-1).float().cpu()

    def _run(self, token_ids: Tensor, attention_mask: Tensor | None, **settings: Any) -> Any:
        model = self._bring()
        ids = token_ids.to(self._device)
        seen = torch.ones_like(ids) if attention_mask is None else attention_mask.to(self._device)
        mask = causal_mask(seen, model.dtype)
        return model(input_ids=ids, attention_mask=mask, use_cache=False, **settings)


def causal_mask(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """(B, L), 0 where padding is -> (B, 1, L, L) to be added to attention's scores."""
    length = seen.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=seen.device).tril()
    allowed = earlier & seen.bool()[:, None, None, :]
    scores = torch.zeros(allowed.shape, dtype=dtype, device=seen.device)
    return scores.masked_fill(~allowed, torch.finfo(dtype).min)
