"""Which text encoders are language models. They compute in bfloat16 where others compute in float16, which
some of their activations overflow."""

from __future__ import annotations

from backends.core.model_folder import ModelFolder

LANGUAGE_MODELS = ("Gemma2Model", "Qwen3Model", "Qwen3ForCausalLM")
"""By the name in model_index.json."""


def is_language_model(folder: ModelFolder, part: str) -> bool:
    return part.startswith("text_encoder") and folder.class_name(part) in LANGUAGE_MODELS


def reads_with_language_model(folder: ModelFolder) -> bool:
    """Whether any of a model's text encoders is one."""
    return any(is_language_model(folder, part) for part in folder.networks)
