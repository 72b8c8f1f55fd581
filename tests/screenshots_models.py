"""The states of the Models screen for the screenshots."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea

from desktop.downloads.recommended import RECOMMENDED
from desktop.library import paths
from desktop.model.backends import BackendState
from desktop.view.models.screen import ModelsScreen
from tests.desktop.models.kit import StillRunner, install, install_converted
from tests.fakes import FAKE_BACKEND
from tests.screenshots_gallery import wait

if TYPE_CHECKING:
    from tests.screenshots import Scene

_GIGABYTE = 10**9
_REASON = "Core ML needs a Mac with macOS 13 or newer: use another backend here."


def models_few(scene: Scene) -> None:
    """The starter alone, as at first."""
    _forget()
    _say_fit(_open(scene), _show(scene))


def models_many(scene: Scene) -> None:
    screen = _fill(scene)
    screen.desk.choose("dreamlike")
    _say_fit(_runner(screen), screen)


def models_lower(scene: Scene) -> None:
    """The lower half of the same."""
    models_many(scene)
    screen = cast(ModelsScreen, scene.window.show_screen("models"))
    scene.before_grab.append(partial(_scroll, screen))


def models_prepared(scene: Scene) -> None:
    screen = _fill(scene)
    screen.desk.choose("dreamlike-coreml-neural-engine")
    line = {"backend": "coreml", "fit": None, "problem": _REASON}
    _runner(screen).commands[-1].say(free=1, fits=[line])
    _runner(screen).commands[-1].end()
    scene.before_grab.append(partial(_scroll, screen))


def models_outdated(scene: Scene) -> None:
    _fill(scene).desk.choose("old")


def models_working(scene: Scene) -> None:
    screen = _fill(scene)
    screen.desk.choose("dreamlike")
    screen.details.prepare.go.click()
    command = _runner(screen).of("convert")[-1]
    command.say(words="Converting the UNet", done=1, of=5)
    screen.desk.bring([Path("a-friend's-checkpoint.safetensors")])
    screen.desk.doubt("dreamlike")


def models_failed(scene: Scene) -> None:
    screen = _fill(scene)
    screen.desk.choose("dreamlike")
    screen.details.prepare.go.click()
    command = _runner(screen).of("convert")[-1]
    command.say(problem="Converting this model takes about 14.1 GB of memory; 6.2 GB is free.",
                action="Close other programs, or convert it on a machine with more memory.")  # fmt: skip
    command.end(1)


def models_parts(scene: Scene) -> None:
    """A model's three files dropped together, behind a text encoder that came alone."""
    screen = _fill(scene)
    screen.desk.bring([Path("qwen_3_4b_fp8_mixed.safetensors")])
    command = _runner(screen).of("desktop", "import")[-1]
    lacks = "There is no transformer or VAE in qwen_3_4b_fp8_mixed.safetensors."
    kinds = "Z-Image or FLUX.2 klein"
    action = f"Import its files together (--with), or with a {kinds} model that has the rest (--base)."
    command.print(f"{lacks} {action}")
    command.end(1)
    three = ("flux-2-klein-4b.safetensors", "qwen_3_4b.safetensors", "flux2-vae.safetensors")
    screen.desk.bring([Path(name) for name in three])
    command = _runner(screen).of("desktop", "import")[-1]
    command.print("Writing the text encoder ...")


def models_asking(scene: Scene) -> None:
    """Where the other parts of a transformer come from."""
    _asks(_fill(scene), "z_image_turbo_bf16.safetensors", **_TRANSFORMER)


def models_asking_vae(scene: Scene) -> None:
    """A VAE, which can be kept as one or become a model; in front of it a model of version 2."""
    screen = _fill(scene)
    guess = {"prediction": "v_prediction", "because": "most files of version 2.x do"}
    parts = {"parts": ["vae"], "lacks": ["transformer", "unet"], "of": "", "latents": 4, "addition": "vae"}
    name = "vae-ft-mse-840000-ema-pruned"
    _asks(screen, f"{name}.safetensors", **(_TRANSFORMER | parts | {"name": name, "taken": True}))
    _asks(screen, "old.ckpt", name="old-2", of="2.x", parts=["text_encoder", "unet", "vae"], **guess)


def models_asking_guess(scene: Scene) -> None:
    """What a file of version 2 predicts, under another name than its own."""
    guess = {"prediction": "v_prediction", "because": "most files of version 2.x do", "taken": True}
    _asks(_fill(scene), "old.ckpt", name="old-2", of="2.x", parts=["text_encoder", "unet", "vae"], **guess)


def models_asking_unmet(scene: Scene) -> None:
    """A LoRA, and a part for which nothing is here."""
    screen = _fill(scene)
    told = {"name": "ink", "addition": "lora", "for": "Stable Diffusion 1", "folder": "/loras"}
    _asks(screen, "ink-drawings-v2.safetensors", **told)
    _asks(screen, "z_image_turbo_bf16.safetensors", **(_TRANSFORMER | {"bases": []}))


_TRANSFORMER: dict[str, Any] = {
    "name": "z_image_turbo_bf16",
    "of": "zimage",
    "parts": ["transformer"],
    "lacks": ["text_encoder", "vae"],
    "bases": [
        {"name": "z-image-turbo", "title": "Z-Image Turbo", "folder": "/models/z-image-turbo", "misfit": ""},
        {"name": "z", "title": "Z-Image", "folder": "/models/z", "misfit": "Its parts are built otherwise."},
    ],
    "get": {"name": "z-image-turbo", "title": "Z-Image Turbo", "gigabytes": 32.9},
}


def _asks(screen: ModelsScreen, file: str, **told: Any) -> None:
    screen.desk.bring([Path(file)])
    command = _runner(screen).of("desktop", "import")[-1]
    command.print(json.dumps({"question": {"source": f"/files/{file}", **told}}))
    command.end()


def models_dragged(scene: Scene) -> None:
    screen = _fill(scene)
    screen.veil.raise_()
    screen.veil.show()
    scene.before_grab.append(lambda: screen.veil.setGeometry(screen.rect()))


def models_hub(scene: Scene) -> None:
    """What is worth having, some of it looked at already, and the question about Offline."""
    screen = _hub(scene)
    screen.hub.rows["sdxl"].button.click()


def models_downloading(scene: Scene) -> None:
    """One under way, one that was paused on another day."""
    scene.workshop.settings.offline = False
    screen = _hub(scene)
    screen.desk.fetch("sd15", "sd15")
    command = _runner(screen).of("desktop", "download", "sd15")[-1]
    command.say(plan={"bytes": 2 * _GIGABYTE, "licence": "creativeml-openrail-m"})
    command.say(file="unet", done=700_000_000, of=2 * _GIGABYTE)
    screen.desk.fetch("sdxl", "sdxl")
    screen.desk.pause_downloads()
    command.end(130)
    screen.desk.go_on(next(chore.id for chore in screen.desk.models.chores if chore.title == "sd15"))
    command = _runner(screen).of("desktop", "download", "sd15")[-1]
    command.say(plan={"bytes": 2 * _GIGABYTE, "licence": "creativeml-openrail-m"})
    command.say(file="unet", done=700_000_000, of=2 * _GIGABYTE)


def _hub(scene: Scene) -> ModelsScreen:
    screen = _fill(scene)
    runner = _runner(screen)
    scene.workshop.models_room.hub._runner = runner
    screen.show_hub()
    listing = runner.of("desktop", "download", "--list")[-1]
    names = ("name", "title", "licence", "gigabytes", "steps", "words", "checked")
    listing.say(models=[{name: getattr(each, name) for name in names} for each in RECOMMENDED])
    for number, each in enumerate(RECOMMENDED[:4]):
        verdict = ("fits", "fits", "streams", "too large")[number]
        fit = {"verdict": verdict, "need": (2.9 + number) * _GIGABYTE, "free": 6.2 * _GIGABYTE}
        listing.say(name=each.name, verdicts=[{"backend": "cpu_offload", "fit": fit, "problem": None}])
    return screen


def preparing(scene: Scene) -> None:
    """The Make screen while a model is made ready for the machine."""
    from backends.core.contract.preparing import Preparation, Preparing

    scene.begin()
    at = Preparation(place="neural-engine", part="unet", number=4, of=4, seconds=65.0, typical=150.0)
    scene.make.take(Preparing(scene.request.id, at))


def _home() -> Path:
    return Path(os.environ[paths.HOME_VARIABLE])


def _forget() -> None:
    shutil.rmtree(_home() / "models", ignore_errors=True)


def _fill(scene: Scene) -> ModelsScreen:
    _forget()
    home = _home()
    source = install(home, "dreamlike", "Dreamlike Photoreal", licence="CreativeML OpenRAIL-M")
    (source / "unet/diffusion_pytorch_model.safetensors").write_bytes(_weights(2 * 10**6))
    told = json.loads((source / "model.json").read_text()) | {
        "imported": {"sha256": "ab" * 32}, "origin": "imported from dreamlike-photoreal-2.0.safetensors",
    }  # fmt: skip
    (source / "model.json").write_text(json.dumps(told))
    install_converted(home, "dreamlike-coreml-neural-engine", source)
    install_converted(home, "old", source, converter=0)
    (install(home, "cut-short", "A checkpoint whose download was cut short") / "vae/config.json").unlink()
    _open(scene)
    return _show(scene)


def _weights(size: int) -> bytes:
    header = json.dumps({"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


def _open(scene: Scene) -> StillRunner:
    desk, runner = scene.workshop.models_room.desk, StillRunner()
    desk._runner = runner
    cpu = replace(FAKE_BACKEND, id="cpu_offload", name="CPU")
    coreml = replace(FAKE_BACKEND, id="coreml", name="Core ML")
    scene.workshop.backends.found = (BackendState(coreml, _REASON), BackendState(cpu))
    return runner


def _runner(screen: ModelsScreen) -> StillRunner:
    return cast(StillRunner, screen.desk._runner)


def _show(scene: Scene) -> ModelsScreen:
    screen = cast(ModelsScreen, scene.window.show_screen("models"))
    wait(lambda: screen.desk.models.card is not None and screen.rows)
    return screen


def _say_fit(runner: StillRunner, screen: ModelsScreen) -> None:
    fit = {"verdict": "fits", "need": 2.9 * _GIGABYTE, "free": 6.2 * _GIGABYTE}
    lines = [
        {"backend": "coreml", "fit": None, "problem": _REASON},
        {"backend": "cpu_offload", "fit": fit, "problem": None},
    ]
    wait(lambda: runner.of("desktop", "fit"))
    runner.of("desktop", "fit")[-1].say(free=1, fits=lines)
    runner.of("desktop", "fit")[-1].end()


def _scroll(screen: ModelsScreen) -> None:
    QTest.qWait(50)
    area = screen.findChild(QScrollArea)
    assert area is not None
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())


STATES = (
    models_few, models_many, models_lower, models_prepared, models_outdated, models_working, models_failed,
    models_parts, models_asking, models_asking_vae, models_asking_guess, models_asking_unmet,
    models_dragged, preparing, models_hub, models_downloading,
)  # fmt: skip
