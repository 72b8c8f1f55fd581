"""What a person or a program sees: progress, notes, and the finished pictures."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from backends.core.contract import SAMPLERS
from desktop.library.record import Record

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


def say(text: str) -> None:
    """One line to the person, on stderr."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """The text with control characters escaped, so that a file's name can't drive the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


# --- Progress -----------------------------------------------------------------------------------


class Progress(Protocol):
    """Shows how the work goes on, on stderr."""

    def stage(self, words: str) -> None: ...

    def step(self, words: str, step: int, steps: int) -> None: ...

    def note(self, sentence: str) -> None: ...

    def aside(self) -> contextlib.AbstractContextManager[None]:
        """Keeps out of the way while something else is printed."""
        ...


class NoProgress:
    """Only notes."""

    def stage(self, words: str) -> None:
        pass

    def step(self, words: str, step: int, steps: int) -> None:
        pass

    def note(self, sentence: str) -> None:
        with self.aside():
            say(f"Note: {printable(sentence)}")

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        yield


class Lines(NoProgress):
    """A line a stage and about four while denoising, for files and pipes."""

    def stage(self, words: str) -> None:
        say(f"{words} ...")

    def step(self, words: str, step: int, steps: int) -> None:
        if step * 4 // steps > (step - 1) * 4 // steps:
            say(f"{words}: step {step} of {steps}")


class Bar(NoProgress):
    """A bar on a terminal, gone when the work is done."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task = bar.add_task("Starting", total=None, count="")

    def stage(self, words: str) -> None:
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(words, total=None, count="")

    def step(self, words: str, step: int, steps: int) -> None:
        self._bar.update(self._task, description=words, completed=step, total=steps, count=f"{step}/{steps}")

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        self._bar.stop()
        yield
        self._bar.start()


@contextlib.contextmanager
def choose_progress(wanted: bool) -> Iterator[Progress]:
    """A bar on a terminal, lines elsewhere, and nothing but notes when nothing is wanted."""
    if not wanted:
        yield NoProgress()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        with _rich_bar() as bar:
            yield Bar(bar)


def _rich_bar() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # results belong on stdout, and the bar is on stderr
        redirect_stderr=False,
    )


# --- Finished pictures --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A picture that is safely on disk. `seconds` maps each part of the work, in order, to seconds."""

    path: Path
    sha256: str
    record: Record
    seconds: Mapping[str, float]


class Output(Protocol):
    """Says on stdout which pictures are saved."""

    def picture(self, saved: Saved) -> None: ...


class HumanOutput:
    """A few lines a picture."""

    def picture(self, saved: Saved) -> None:
        record, total = saved.record, sum(saved.seconds.values())
        sampler = SAMPLERS.get(record.sampler or "", record.sampler)
        print(saved.path)
        print(
            f"  seed {record.seed}, {record.steps} steps of {sampler},"
            f" {' x '.join(map(str, record.picture_size))}, {record.provenance.get('model', record.model)}"
            f" on {record.provenance.get('backend', 'an unknown backend')}"
        )
        parts = ", ".join(
            f"{name.replace('_', ' ')} {seconds:.1f} s" for name, seconds in saved.seconds.items()
        )
        print(f"  {parts}: {total:.1f} s in all", flush=True)


class PathOutput:
    """The path alone."""

    def picture(self, saved: Saved) -> None:
        print(saved.path, flush=True)


class JsonOutput:
    """One JSON object on one line."""

    def picture(self, saved: Saved) -> None:
        print(json.dumps(_as_plain(saved)), flush=True)


def _as_plain(saved: Saved) -> dict[str, Any]:
    record = saved.record
    made = {name: value for name, value in record.provenance.items() if name not in ("model",)}
    return {
        "path": str(saved.path),
        "sha256": saved.sha256,
        "prompt": record.prompt,
        "negative_prompt": record.negative_prompt,
        "seed": record.seed,
        "model": record.model,
        "model_name": record.provenance.get("model", record.model),
        **made,
        "width": record.width,
        "height": record.height,
        "steps": record.steps,
        "sampler": record.sampler,
        "guidance_scale": record.guidance_scale,
        "clip_skip": record.clip_skip,
        "vae": record.vae or None,
        "depth_by": record.depth_by,
        "depth_map": record.depth_map.path if record.depth_map else None,
        "init_image": record.init_image.path if record.init_image else None,
        "strength": record.strength if record.init_image else None,
        "controls": [asdict(control) for control in record.controls],
        "references": [picture.path for picture in record.references],
        "mask": record.inpainting.sha256 if record.inpainting else None,
        "feather": record.inpainting.feather if record.inpainting else None,
        "extend": record.inpainting.extend if record.inpainting else None,
        "hires": asdict(record.hires) if record.hires else None,
        "refiner": asdict(record.refiner) if record.refiner else None,
        "picture_index": record.picture_index,
        "created": record.created,
        "seconds": {name: round(seconds, 3) for name, seconds in saved.seconds.items()},
    }
