"""How far coremltools is with a network: its own bars (tqdm), heard instead of drawn over ours."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

Say = Callable[[int, int], None]
"""What is told how many of how many steps are done."""
_BARS: Final = (
    ("coremltools.converters.mil.frontend.torch.ops", "_tqdm"),
    ("coremltools.converters.mil.mil.passes.pass_pipeline", "tqdm"),
    ("coremltools.optimize.coreml._post_training_quantization", "tqdm"),
    ("coremltools.optimize.coreml._quantization_passes", "tqdm"),
)
"""Where coremltools 9 keeps them: operations read, passes over the program, weights listed, tables."""
_TOLD: Final = 100
"""About how often a bar is told of."""


@contextmanager
def heard(say: Say) -> Generator[None]:
    """Meanwhile coremltools draws no bar; `say` is told instead. Modules that it lacks are left out."""
    places = [(module, name) for path, name in _BARS if (module := _module(path)) and hasattr(module, name)]
    before = [getattr(*place) for place in places]

    def bar(items: Iterable[Any], **_: object) -> Iterator[Any]:
        return _steps(items, say)

    for module, name in places:
        setattr(module, name, bar)
    try:
        yield
    finally:
        for (module, name), tqdm in zip(places, before, strict=True):
            setattr(module, name, tqdm)


def _steps(items: Iterable[Any], say: Say) -> Iterator[Any]:
    listed = list(items)
    for number, item in enumerate(listed):
        if number % max(len(listed) // _TOLD, 1) == 0:
            say(number, len(listed))
        yield item


def _module(path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ImportError:
        return None
