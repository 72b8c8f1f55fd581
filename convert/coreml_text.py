"""CLIP's text encoders as Core ML is given them, and as torch has them: token_ids (1, T) -> plain arrays.

A model with one encoder reads it after the last norm, one with two before it and also as one vector for the
whole text. No array is looked up by a token's place, which the Neural Engine can't: of the projected text,
every place is given, and who calls it takes the one of the end mark.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

from convert.attention import masked

MOST_SKIPPED: Final = 11
"""The most text encoder layers that a request may skip (see contract.Request)."""


class _Clip(nn.Module):
    """What every form of the encoder has: the model, its inner part, and its states layer by layer."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.skips = min(_layers(model), MOST_SKIPPED)
        self.deepest = min(_layers(model) - 1, MOST_SKIPPED)

    @property
    def inner(self) -> Any:
        return getattr(self.model, "text_model", self.model)

    def states(self, token_ids: Tensor) -> list[Tensor]:
        """The embeddings, and what each layer makes, by transformers' own forward."""
        return list(self.inner(token_ids.long(), output_hidden_states=True).hidden_states)

    def normed(self, state: Tensor) -> Tensor:
        return self.inner.final_layer_norm(state)


class _Rewritten(_Clip):
    """The causal mask is -10000, as -inf is no number in fp16 once it is added to."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        tokens = int(model.config.max_position_embeddings)
        self.register_buffer("mask", torch.full((tokens, tokens), -1e4).triu(1), persistent=False)

    def states(self, token_ids: Tensor) -> list[Tensor]:
        embeddings = self.inner.embeddings
        hidden = embeddings.token_embedding(token_ids.long()) + embeddings.position_embedding.weight
        states = [hidden]
        for layer in self.inner.encoder.layers:
            states.append(self._layer(layer, states[-1]))
        return states

    def _layer(self, layer: Any, hidden: Tensor) -> Tensor:
        normed, attention = layer.layer_norm1(hidden), layer.self_attn
        q, k, v = attention.q_proj(normed), attention.k_proj(normed), attention.v_proj(normed)
        mask: Any = self.mask
        seen = masked(q, k, v, int(attention.num_heads), mask)
        hidden = hidden + attention.out_proj(seen)
        return hidden + layer.mlp(layer.layer_norm2(hidden))


class PlainTextNetwork(_Clip):
    """-> (1, T, C) after the last norm, one for each clip skip; torch's arithmetic."""

    def forward(self, token_ids: Tensor) -> tuple[Tensor, ...]:
        states = self.states(token_ids)
        return tuple(self.normed(states[-1 - skip]) for skip in range(self.skips + 1))


class TextNetwork(_Rewritten, PlainTextNetwork):
    """As PlainTextNetwork, rewritten."""


class PlainDeepTextNetwork(_Clip):
    """-> (1, T, C) before the last layer, one for each clip skip, without the norm; torch's arithmetic.

    With a projection also (1, T, P): each place after the last norm, projected. Without one, the last layer
    is of no use.
    """

    def forward(self, token_ids: Tensor) -> tuple[Tensor, ...]:
        states = self.states(token_ids)
        if _projects(self.model):
            projected = self.model.text_projection(self.normed(states.pop()))
            return *_last_first(states, self.deepest), projected
        return _last_first(states[: _layers(self.model)], self.deepest)


class DeepTextNetwork(_Rewritten, PlainDeepTextNetwork):
    """As PlainDeepTextNetwork, rewritten; a last layer that is of no use is dropped."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        if not _projects(model):
            self.inner.encoder.layers = self.inner.encoder.layers[:-1]


def outputs(kind: str, layers: int, *, projects: bool) -> tuple[str, ...]:
    """What an encoder gives, in order; `kind` is of coreml_networks.kind_of."""
    if kind == "text_encoder":
        return tuple(f"skip_{skip}" for skip in range(min(layers, MOST_SKIPPED) + 1))
    deep = tuple(f"deep_{skip}" for skip in range(min(layers - 1, MOST_SKIPPED) + 1))
    return (*deep, "projected") if projects else deep


def _last_first(states: list[Tensor], deepest: int) -> tuple[Tensor, ...]:
    return tuple(states[-1 - skip] for skip in range(deepest + 1))


def _layers(model: Any) -> int:
    return int(model.config.num_hidden_layers)


def _projects(model: Any) -> bool:
    return hasattr(model, "text_projection")
