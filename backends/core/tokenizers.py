"""A model folder's tokenizer: all that a backend needs of transformers when it has networks of its own."""

from __future__ import annotations

from typing import Any

from backends.core.contract import BrokenModel
from backends.core.model_folder import ModelFolder
from backends.core.streaming_files import class_named


def load_tokenizer(folder: ModelFolder, part: str = "tokenizer") -> Any:
    """Raises BrokenModel when its files do not fit together."""
    name = folder.class_name(part)
    loader = class_named(name)
    try:
        return loader.from_pretrained(str(folder.path / part), local_files_only=True)
    except MemoryError:
        raise
    except Exception as error:
        raise BrokenModel(
            f"The model's tokenizer in {folder.path} can't be loaded: its files do not fit together.",
            "Copy or download the model again.",
        ) from error
