"""Draws the window's states, offscreen, to look at them: both themes, 900 x 600 to 4K, German, high DPI.

python -m tests.screenshots FOLDER [NAME ...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QCoreApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from backends.core.contract import (
    Failed,
    Finished,
    InternalError,
    Job,
    Notice,
    OutOfMemory,
    Picture,
    PictureReady,
    Request,
    SaveFailed,
    Stage,
    StageStarted,
    StepDone,
    WorkerDied,
)
from desktop.application import model_choices
from desktop.library import paths
from desktop.library.problems import damaged
from desktop.model.extending import Sized, Weighing
from desktop.model.language import speak
from desktop.model.studio import Made
from desktop.session import Session
from desktop.shelf import Shelf
from desktop.view import theme
from desktop.view.app import Workshop, wear_theme
from tests import (
    screenshots_additions,
    screenshots_depth,
    screenshots_gallery,
    screenshots_guides,
    screenshots_inpaint,
    screenshots_inside,
    screenshots_models,
    screenshots_plot,
    screenshots_pose,
    screenshots_refiner,
    screenshots_screens,
    screenshots_upscale,
)

SHEET = Path(__file__).parents[2] / "shared" / "starter" / "contact-sheet.png"
LONG = "a very long prompt that goes on and on about a panda, its tacos, the beach, the weather " * 12
RTL = "باندا تأكل التاكو على الشاطئ"


class StillSession(Session):
    """Takes jobs and never does them."""

    def __init__(self) -> None:
        super().__init__(lambda _: Path())
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def cancel(self, request_id: str) -> None: ...
    def end_worker(self) -> None: ...
    def keep(self, made: Made) -> None: ...
    def weigh(self, picture: Sized, then: Callable[[Weighing | None], None]) -> None: ...


class Scene:
    """A window without a worker, brought into a state by hand."""

    def __init__(self) -> None:
        self.bench = StillSession()
        self.workshop = Workshop(self.bench, Shelf(), model_choices())
        self.make, self.window = self.workshop.make, self.workshop.window
        self.make.worker_ready("CPU")
        self.before_grab: list[Callable[[], object]] = []
        self.at_end: list[Callable[[], object]] = []

    def close(self) -> None:
        for act in self.at_end:
            act()
        self.workshop.close()
        self.window.deleteLater()

    @property
    def request(self) -> Request:
        return self.bench.jobs[-1].request

    def begin(self) -> None:
        self.make.form.choose_seed(4711)
        self.make.generate()

    def step(self, step: int) -> None:
        steps = self.request.steps
        self.make.take(StageStarted(self.request.id, Stage.DENOISING))
        self.make.take(StepDone(self.request.id, step, steps, 0.3, 0, picture(step, 16)))

    def finish(self, number: int = 0) -> None:
        picture_ready = PictureReady(
            self.request.id,
            0,
            self.request.seed,
            picture(number, 128, self.request.width, self.request.height),
            {"reading_prompt": 0.05, "denoising": 1.62, "developing": 0.21},
            {"backend": "cpu_offload", "precision": "float32", "model": "Mezzotint starter"},
        )
        self.make.take(picture_ready)
        for made in self.make.studio.recent:
            self.make.kept(made, Path(f"2026-11-22-{made.event.seed}-a-panda-eating-tacos-at-the-beach.png"))
        self.make.take(Finished(self.request.id))

    def fail(self, error: Exception) -> None:
        self.begin()
        self.make.take(Failed(self.request.id, error))  # pyright: ignore[reportArgumentType]


def picture(number: int, side: int, width: int = 0, height: int = 0) -> Picture:
    """One of the training pictures, where the sheet is at hand."""
    if not SHEET.exists():
        return Picture(side, side, bytes((200, 120, number * 9 % 256)) * side * side)
    sheet = Image.open(SHEET).convert("RGB")
    across = sheet.width // 128
    left, top = number % across * 128, number // across % (sheet.height // 128) * 128
    tile = sheet.crop((left, top, left + 128, top + 128))
    tile = tile.resize((width or side, height or side), Image.Resampling.LANCZOS)
    return Picture(tile.width, tile.height, tile.tobytes())


def first_run(scene: Scene) -> None:
    """Nothing has been made yet."""


def loading(scene: Scene) -> None:
    scene.begin()
    scene.make.take(StageStarted(scene.request.id, Stage.LOADING))


def working(scene: Scene) -> None:
    scene.begin()
    scene.step(7)
    scene.make.generate()
    scene.make.generate()


def stopping(scene: Scene) -> None:
    scene.begin()
    scene.step(12)
    scene.make.stop()


def done(scene: Scene) -> None:
    for number in range(7):
        scene.begin()
        scene.finish(number)


def one(scene: Scene) -> None:
    scene.begin()
    scene.finish(1)


def wide(scene: Scene) -> None:
    done(scene)
    scene.make.form.use_aspect("3:2", 128 * 128)
    scene.begin()
    scene.finish(8)


def long_prompt(scene: Scene) -> None:
    scene.make.form.prompt = LONG
    scene.make.form.negative_prompt = LONG
    scene.window.form.leave_out.button.setChecked(True)
    scene.window.form.more.button.setChecked(True)
    one(scene)
    scene.make.form.choose_seed(2**62)


def right_to_left(scene: Scene) -> None:
    scene.make.form.prompt = RTL
    one(scene)


def no_memory(scene: Scene) -> None:
    sentence = "A picture of 2048 x 2048 needs about 9.4 GB of memory, and 3.1 GB is free."
    one(scene)
    scene.fail(OutOfMemory(sentence, "Use 1152 x 1152, or close other programs."))


def worker_died(scene: Scene) -> None:
    sentence = "The process that makes pictures was ended by the system, probably because memory ran out."
    scene.fail(WorkerDied(sentence, "Close other programs or use a smaller size, and try again."))


def not_saved(scene: Scene) -> None:
    scene.begin()
    scene.finish(3)
    error = SaveFailed("The disk that holds Pictures/Mezzotint is full.", "Free some space and save again.")
    scene.make.not_kept(Made(scene.make.studio.recent[0].request, scene.make.studio.recent[0].event), error)


def notice(scene: Scene) -> None:
    scene.begin()
    scene.make.take(
        Notice(scene.request.id, "The prompt is longer than the model reads; left out: and so on")
    )
    scene.finish(5)


def internal(scene: Scene) -> None:
    scene.fail(InternalError("Something went wrong inside Mezzotint (KeyError).", "Try again.", "Traceback"))


def missing_model(scene: Scene) -> None:
    scene.make.form.model = "gone"
    scene.make.generate()


def compare(scene: Scene) -> None:
    done(scene)
    scene.window.make_screen.show_tab("compare")


def damaged_library(scene: Scene) -> None:
    scene.workshop.shelf.troubled.emit(damaged(Path("/home/ada/.local/share/Mezzotint/library/library.db")))


STATES: Mapping[str, Callable[[Scene], None]] = {
    f.__name__: f
    for f in (
        first_run, loading, working, stopping, one, done, wide, long_prompt, right_to_left,
        no_memory, worker_died, not_saved, notice, internal, missing_model, compare, damaged_library,
        screenshots_gallery.gallery_empty, *screenshots_gallery.STATES, *screenshots_screens.STATES,
        *screenshots_inside.STATES, *screenshots_models.STATES, *screenshots_additions.STATES,
        *screenshots_inpaint.STATES, *screenshots_pose.STATES, *screenshots_plot.STATES,
        *screenshots_upscale.STATES, *screenshots_guides.STATES, *screenshots_refiner.STATES,
        *screenshots_depth.STATES,
    )
}  # fmt: skip
FULL = {state.__name__ for state in screenshots_gallery.STATES} | {"upscaling"}
"""The states that need a library with pictures."""
SIZES = {"": (1280, 800), "small": (900, 600), "large": (2200, 1300), "4k": (3840, 2160)}
ROUNDS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "en": (tuple(SIZES), {}),
    "de": (("small",), {}),
    "2x": (("small",), {"QT_SCALE_FACTOR": "2"}),
}
"""Each in a process of its own: the sizes it draws, and what Qt is told before it starts."""
_QUICKLY = 80
"""As Qt counts a PNG's quality: hardly packed, and quick to write."""


def draw(app: QApplication, folder: Path, state: str, sizes: Sequence[str], tail: str) -> None:
    """Grabs the window in one state, in every size and in both themes."""
    home = Path(os.environ[paths.HOME_VARIABLE]).with_name("full" if state in FULL else "empty")
    os.environ[paths.HOME_VARIABLE] = str(home)
    wear_theme(app, theme.LIGHT)
    scene = Scene()
    scene.window.resize(*SIZES[sizes[0]])
    scene.window.show()
    STATES[state](scene)
    for size in sizes:
        scene.window.resize(*SIZES[size])
        for colours in (theme.LIGHT, theme.DARK):
            wear_theme(app, colours)
            name = "-".join(part for part in (state, size, colours.name, tail) if part)
            grab(scene, folder / f"{name}.png")
    scene.close()


def grab(scene: Scene, path: Path) -> None:
    """What the window shows once nothing moves and no thumbnail is missing."""
    screenshots_gallery.wait(lambda: scene.window.canvas.is_still)
    QTest.qWait(50)
    for act in scene.before_grab:
        act()
    picture = scene.window.grab()
    while not scene.workshop.darkroom.is_idle():
        screenshots_gallery.wait(scene.workshop.darkroom.is_idle)
        QCoreApplication.sendPostedEvents(scene.workshop.darkroom)
        picture = scene.window.grab()
    picture.save(str(path), None, _QUICKLY)  # pyright: ignore[reportCallIssue, reportArgumentType]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("states", nargs="*", choices=[*STATES, []], default=[])
    parser.add_argument("--round", choices=ROUNDS, help="only this one")
    arguments = parser.parse_intermixed_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.round:
        draw_round(arguments.folder, arguments.states or list(STATES), arguments.round)
        return 0
    return max(start_round(name) for name in ROUNDS)


def start_round(name: str) -> int:
    """One round of these arguments, in a process of its own."""
    command = [sys.executable, "-m", "tests.screenshots", *sys.argv[1:], "--round", name]
    return subprocess.run(command, env={**os.environ, **ROUNDS[name][1]}, check=False).returncode


def draw_round(folder: Path, states: Sequence[str], name: str) -> None:
    speak(name)
    app = QApplication([])
    with tempfile.TemporaryDirectory() as home:
        os.environ[paths.HOME_VARIABLE] = str(Path(home, "full"))
        if FULL & set(states):
            screenshots_gallery.fill_library(picture)
        for state in states:
            began = time.monotonic()
            draw(app, folder, state, ROUNDS[name][0], "" if name == "en" else name)
            print(f"{name}: {state}, {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
