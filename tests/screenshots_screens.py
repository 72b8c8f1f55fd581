"""The states of Queue, Prompts, Settings, Keys and the start picture for the screenshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from PySide6.QtWidgets import QScrollArea

from backends.core.contract import (
    Defaults,
    Option,
    OutOfMemory,
    Picture,
    Request,
)
from desktop.library.database import Library
from desktop.library.prompts import remember_prompt
from desktop.model.backends import BackendState
from desktop.model.language import spoken
from desktop.model.start import StartPicture
from desktop.model.studio import Note
from desktop.model.styles import Style
from desktop.view.prompts_screen import PromptsScreen
from tests.fakes import FAKE_BACKEND, UNABLE
from tests.screenshots_gallery import wait

if TYPE_CHECKING:
    from tests.screenshots import Scene

_PROMPTS = (
    "a panda eating tacos at the beach",
    "a red fox in the snow, ink drawing, black and white",
    "a lighthouse at night, waves, moon, oil painting in the manner of the old masters, very detailed " * 3,
    "باندا تأكل التاكو على الشاطئ",
)
_MEMORY = Option(
    id="memory",
    label="Memory",
    help="How much of the computer's memory the weights may take.",
    choices=("automatic", "little", "all"),
)
_LOOK = Picture(64, 32, bytes((208, 139, 76)) * (64 * 32))


def queue_empty(scene: Scene) -> None:
    scene.window.show_screen("queue")


def queue_full(scene: Scene) -> None:
    sentence = "A picture of 2048 x 2048 needs about 9.4 GB of memory, and 3.1 GB is free."
    scene.fail(OutOfMemory(sentence, "Use 1152 x 1152, or close other programs."))
    scene.make.dismiss()
    for prompt in _PROMPTS:
        scene.make.form.prompt, scene.make.form.count = prompt, 4
        scene.make.generate()
    scene.step(7)
    scene.window.show_screen("queue")


def queue_held(scene: Scene) -> None:
    scene.make.work.pause(True)
    for prompt in _PROMPTS[:2]:
        scene.make.form.prompt = prompt
        scene.make.generate()
    scene.window.show_screen("queue")


def prompts_empty(scene: Scene) -> None:
    wait(cast(PromptsScreen, scene.window.show_screen("prompts")).empty.button.isVisible)


def prompts_full(scene: Scene) -> None:
    scene.workshop.shelf.change(_remember, what="prompts").result()
    screen = cast(PromptsScreen, scene.window.show_screen("prompts"))
    wait(lambda: screen.rows)


def _remember(library: Library) -> None:
    defaults = Defaults(width=512, height=640, steps=20, guidance_scale=7.0, sampler="dpmpp_2m")
    for number, prompt in enumerate(_PROMPTS * 2):
        moment = datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(hours=number)
        request = Request(
            prompt=prompt, negative_prompt="blurry, text" * (number % 2), seed=1, **vars(defaults)
        )
        remember_prompt(library, request, moment)


def styles(scene: Scene) -> None:
    scene.workshop.styles.save(Style(name="Ink", prompt="ink drawing of {prompt}, black and white"))
    scene.workshop.styles.save(Style(name="Postcard", prompt="{prompt}, on an old postcard"))
    cast(PromptsScreen, scene.window.show_screen("prompts")).show_styles()


def settings(scene: Scene) -> None:
    cpu = replace(FAKE_BACKEND, id="cpu_offload", name="CPU", hardware="any processor", options=(_MEMORY,))
    gpu = replace(UNABLE, id="mps", name="Apple GPU", hardware="Apple silicon")
    reason = "PyTorch has no Metal here: this is for Macs with Apple silicon."
    scene.workshop.backends.found = (BackendState(gpu, reason), BackendState(cpu))
    scene.workshop.try_out.trial.headline = "0.05 s a step, 0.9 GB of memory at most"
    scene.window.show_screen("settings")


def settings_lower(scene: Scene) -> None:
    """Look, with another language chosen than is spoken, and everything that could use the network."""
    settings(scene)
    scene.workshop.settings.language = "en" if spoken() == "de" else "de"
    bar = cast(QScrollArea, scene.window.show_screen("settings")).verticalScrollBar()
    scene.before_grab.append(lambda: bar.setValue(bar.maximum()))


def keys(scene: Scene) -> None:
    scene.window.show_screen("keys")


def start_picture(scene: Scene) -> None:
    scene.make.start_from(StartPicture(b"", "a holiday at the beach, with a long name.jpg"))
    scene.make.studio.start_size, scene.make.studio.start_look = (1600, 800), _LOOK
    details = ("Model dreamshaper_8: it is not installed", "LoraLoader: lora_name detail.safetensors")
    text = "The settings of a picture from ComfyUI are in the form. Not taken over: 2."
    scene.make.studio.note = Note(text, details, "Put back", scene.make.dismiss_note)
    scene.window.make_screen.note.show_details.setChecked(True)


STATES = (
    queue_empty, queue_full, queue_held, prompts_empty, prompts_full, styles, settings, settings_lower, keys,
    start_picture,
)  # fmt: skip
