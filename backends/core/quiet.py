"""Keeps the libraries' progress bars and remarks away from people: what they must know, we say."""

from __future__ import annotations

import importlib
import logging
import warnings
from typing import Any


def quiet() -> None:
    """Silences diffusers, transformers, bitsandbytes and Python warnings in this process."""
    warnings.simplefilter("ignore")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # first: diffusers imports it
    for library in ("diffusers", "transformers"):
        own: Any = importlib.import_module(f"{library}.utils.logging")
        own.set_verbosity_error()
        own.disable_progress_bar()
