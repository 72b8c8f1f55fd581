"""Keeps the libraries' progress bars and remarks away from people: what they must know, we say."""

from __future__ import annotations

import importlib
import warnings
from typing import Any


def quiet() -> None:
    """Silences diffusers, transformers and Python warnings in this process."""
    warnings.simplefilter("ignore")
    for library in ("diffusers", "transformers"):
        logging: Any = importlib.import_module(f"{library}.utils.logging")
        logging.set_verbosity_error()
        logging.disable_progress_bar()
