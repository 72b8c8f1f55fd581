"""A transformers CLIP text model as families call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from backends.core.prompt_embeddings import standing_for


class ClipEncoder:
    """A transformers CLIP text model as the contract's DeepTextEncoder; `model` brings it when it is used.

    `rows` are the vectors of words from files (prompt_embeddings.py).
    """

    def __init__(self, model: Callable[[], Any], device: torch.device, rows: Tensor) -> None:
        self._bring, self._device, self._rows = model, device, rows

    def __call__(self, token_ids: Tensor, attention_mask: Tensor | None, clip_skip: int) -> Tensor:
        model = self._bring()
        mask = attention_mask if getattr(model.config, "use_attention_mask", False) else None
        output = self._run(
            model,
            token_ids,
            attention_mask=None if mask is None else mask.to(self._device),
            output_hidden_states=clip_skip > 0,
        )
        return self._chosen_layer(model, output, clip_skip).float().cpu()

    def penultimate(self, token_ids: Tensor, clip_skip: int) -> tuple[Tensor, Tensor | None]:
        output = self._run(self._bring(), token_ids, output_hidden_states=True)
        layers, projected = output.hidden_states, getattr(output, "text_embeds", None)
        layer = layers[max(-len(layers), -(clip_skip + 2))].float().cpu()
        return layer, None if projected is None else projected.float().cpu()

    def _run(self, model: Any, token_ids: Tensor, **settings: Any) -> Any:
        with standing_for(model.get_input_embeddings(), token_ids, self._rows) as ids:
            return model(ids.to(self._device), **settings)

    def _chosen_layer(self, model: Any, output: Any, clip_skip: int) -> Tensor:
        if clip_skip == 0:
            return output.last_hidden_state
        layers = output.hidden_states
        inner = getattr(model, "text_model", model)
        return inner.final_layer_norm(layers[max(-len(layers), -(clip_skip + 1))])
