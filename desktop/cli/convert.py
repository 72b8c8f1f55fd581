"""`mezzotint convert`: a model for another kind of hardware, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from convert.coreml_job import convert
from convert.coreml_order import make_order
from convert.recipes import Order
from desktop.cli.convert_options import ConvertOptions
from desktop.cli.show import Progress, choose_progress, printable
from desktop.cli.stop import Stop
from desktop.library import paths
from desktop.library.models import find_model


def run(options: ConvertOptions, stop: Stop) -> int:
    """Converts and prints the new model's folder. Returns 0; raises a MezzotintError."""
    order = make_order(find_model(options.model).folder, paths.models_folder(), vars(options))
    with choose_progress(not options.quiet) as progress:
        folder = _convert(order, progress, stop)
    print(printable(str(folder)))
    return 0


def _convert(order: Order, progress: Progress, stop: Stop) -> Path:
    steps, said, last = convert(order), "", None
    while True:
        stop.check()
        try:
            now = next(steps)
        except StopIteration as end:
            return end.value
        words = f"{now.words} ({now.done + 1} of {now.of})" if now.done < now.of else now.words
        if words != said:
            progress.stage(words)
        elif now.steps and now != last:
            progress.step(words, now.step, now.steps)
        said, last = words, now
