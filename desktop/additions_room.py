"""What a prompt can name, for the window: the folders are read in a thread of their own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from backends.core.contract import MezzotintError
from desktop.errands import Errands
from desktop.model.additions import Found


class AdditionsLister:
    """It is the model's Lister. Of several questions the newest is answered."""

    def __init__(self, failed: Callable[[MezzotintError], None]) -> None:
        self._errands, self._failed, self._asked = Errands(), failed, 0

    def list(self, model: Path | None, then: Callable[[Found], None]) -> None:
        self._asked += 1
        asked = self._asked

        def answer(found: Found | None) -> None:
            if found is not None and asked == self._asked:
                then(found)

        self._errands.run(lambda: self._read(asked, model), answer, self._failed)

    def close(self) -> None:
        """Finishes what is being read."""
        self._asked = 0
        self._errands.close()

    def _read(self, asked: int, model: Path | None) -> Found | None:
        if asked != self._asked:
            return None
        # By name: views must not depend on how models are opened, nor the window's start wait for it.
        return importlib.import_module("desktop.additions_reading").look_around(model)
