"""The process that window_figures measures: opens the window and its gallery, and prints figures as JSON.

Before the window it imports nothing that `mezzotint` doesn't. The parent says in BEGAN when it started
this process, by the clock that both share.
"""

from __future__ import annotations

import json
import os
import sys
import time

BEGAN = "MEZZOTINT_FIGURES_BEGAN"
_HEAVY = {"torch", "diffusers", "transformers", "coremltools"}


def measure() -> dict[str, object]:
    """Starts as `mezzotint` does, opens the gallery, scrolls through it, and closes the window."""
    from PySide6.QtWidgets import QApplication

    from desktop.application import open_workshop

    app = QApplication(["mezzotint"])
    workshop = open_workshop(app)
    _until(app, workshop.window.isVisible)
    workshop.window.grab()
    shown = time.monotonic() - float(os.environ[BEGAN])
    _until(app, lambda: "ready" in workshop.make.studio.engine or "Not" in workshop.make.studio.engine)
    figures = {"shown_seconds": round(shown, 3), **_open_gallery(app, workshop), **_memory()}
    workshop.window.close()
    workshop.close()
    return {**figures, "heavy_modules": sorted(_HEAVY & set(sys.modules))}


def _open_gallery(app, workshop) -> dict[str, object]:
    """From the click on "Gallery": until the page is painted, and until its thumbnails are in it."""
    clicked = time.perf_counter()
    workshop.window.bar.buttons["gallery"].click()
    gallery = workshop.window.built["gallery"]
    _until(app, lambda: gallery.model.rowCount() and gallery.model.picture(0))
    gallery.grid.viewport().grab()
    page = time.perf_counter() - clicked
    _until(app, workshop.darkroom.is_idle)
    app.processEvents()
    gallery.grid.viewport().grab()
    thumbnails = time.perf_counter() - clicked
    return {
        "first_page_seconds": round(page, 3),
        "thumbnails_seconds": round(thumbnails, 3),
        "slowest_frame_seconds": _scroll(app, gallery),
        "pictures": gallery.model.rowCount(),
    }


def _memory() -> dict[str, float]:
    import psutil

    return {"memory_mb": round(psutil.Process().memory_info().rss / 2**20, 1)}


def _scroll(app, gallery) -> float:
    """Scrolls through the whole gallery in 200 leaps; how long the longest picture of it took."""
    bar, slowest = gallery.grid.verticalScrollBar(), 0.0
    for leap in range(200):
        bar.setValue(bar.maximum() * leap // 199)
        before = time.perf_counter()
        gallery.grid.viewport().grab()
        slowest = max(slowest, time.perf_counter() - before)
        for _ in range(5):
            app.processEvents()
            time.sleep(0.002)
    return round(slowest, 4)


def _until(app, condition) -> None:
    end = time.monotonic() + 120
    while not condition() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    print(json.dumps(measure()))
