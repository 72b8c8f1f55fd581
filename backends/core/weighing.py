"""Whether a picture would fit into memory, asked of the worker, which is warm, before anything is opened."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import cast

from backends.core.contract import Backend
from backends.core.fit import FITS, STREAMS, TOO_LARGE, Footprint, Needs
from backends.core.memory import available_bytes, resident_bytes
from backends.core.model_folder import ModelFolder, open_folder
from backends.core.worker_messages import Weigh, Weighed


def weigh(asked: Weigh) -> Weighed:
    """A prediction; without one where the backend's networks are not torch's. Raises a MezzotintError."""
    from backends.core.registry import get_backend

    backend = get_backend(asked.backend, asked.model_folder)
    footprint = cast(Footprint | None, getattr(backend, "footprint", None))
    if footprint is None:
        return Weighed(asked.key)
    needs = _known(asked.model_folder).held_as(footprint)
    batch, free = _batch(asked), _free(backend)
    need = max(needs.stages(asked.size, batch).values())
    least = needs.least(asked.size, batch) if footprint.streams else need
    verdict = FITS if need <= free else STREAMS if least <= free else TOO_LARGE
    return Weighed(asked.key, verdict, need, free)


@functools.lru_cache(maxsize=2)
def _folder(path: Path) -> ModelFolder:
    return open_folder(path)


@functools.lru_cache(maxsize=2)
def _known(path: Path) -> Needs:
    """What the ledger found stays: a network of SD 1.5's size takes half a second the first time."""
    return Needs(_folder(path), Footprint(linear={}, elsewhere={}, number={}))


def _batch(asked: Weigh) -> int:
    facts = _folder(asked.model_folder).facts
    return 2 if asked.guided and facts.takes_guidance and not facts.guidance_embedding else 1


def _free(backend: Backend) -> int:
    """What this process has taken already counts as free: the prediction holds all of it."""
    free = getattr(backend, "free_bytes", None)
    return int(free()) if free is not None else available_bytes() + resident_bytes()
