"""What cuda_int8 would choose on cards of several sizes: from configurations alone.

    python -m tests.measure_cards [FOLDER ...]

Folders in the diffusers layout; their weights need not be there. Without one: SD 1.5's shape.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from backends.core.cuda_driver import Card
from backends.core.cuda_settings import choose_settings, predicted_peak
from backends.core.fit import Needs
from backends.core.memory import in_words
from backends.core.model_folder import ModelFolder, open_folder
from desktop.cli.bench_model import make_configuration

SYSTEM = 600_000_000
"""What CUDA itself and a desktop take of a card, about."""


def show(folder: ModelFolder) -> None:
    """A line for each size of card."""
    size = folder.facts.defaults.width, folder.facts.defaults.height
    print(f"{folder.facts.name}, {size[0]} x {size[1]}, with guidance:")
    for gigabytes in (2, 3, 4, 6, 8, 12):
        card = Card("RTX", (8, 6), gigabytes * 10**9)
        settings = choose_settings(folder, card, card.memory - SYSTEM)
        need = predicted_peak(Needs(folder, settings.footprint), settings, size)
        kept = ", ".join(settings.keeps) or "nothing"
        told = f"{settings.scheme}, {kept} stays, VAE {settings.vae_dtype}, {in_words(need)}"
        print(f"  {gigabytes} GB: {told}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for path in map(Path, sys.argv[1:] or [make_configuration(Path(scratch) / "sd15")]):
            show(open_folder(path))


if __name__ == "__main__":
    main()
