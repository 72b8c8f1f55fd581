"""What the Models screen needs, played by the test: commands that do nothing, and folders that are real."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.view.models.chore_row import ChoreRow
from desktop.view.models.screen import ModelsScreen
from tests.desktop.still_window import StillShop
from tests.fakes import write_model_configs

BUTTON = Qt.MouseButton.LeftButton
PATIENCE = 30_000
WEIGHTS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
EMPTY = (2).to_bytes(8, "little") + b"{}"
"""A safetensors file that holds nothing."""


class StillCommand:
    """A command that was started; `say` and `end` are what it does."""

    def __init__(
        self, words: Sequence[str], said: Callable[[str], object], ended: Callable[[int], object]
    ) -> None:
        self.words, self._said, self._ended = list(words), said, ended
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def say(self, **told: Any) -> None:
        self._said(json.dumps(told))

    def print(self, line: str) -> None:
        self._said(line)

    def end(self, code: int = 0) -> None:
        self._ended(code)


class StillRunner:
    """Takes commands, and never runs them."""

    def __init__(self) -> None:
        self.commands: list[StillCommand] = []

    def start(
        self, words: Sequence[str], said: Callable[[str], object], ended: Callable[[int], object]
    ) -> StillCommand:
        self.commands.append(StillCommand(words, said, ended))
        return self.commands[-1]

    def of(self, *words: str) -> list[StillCommand]:
        """Those that begin with these words."""
        return [each for each in self.commands if each.words[: len(words)] == list(words)]


def install(home: Path, name: str, title: str = "", **manifest: Any) -> Path:
    """A model that is whole as far as a glance goes."""
    folder = write_model_configs(home / "models" / name, title or name)
    for part, stem in WEIGHTS.items():
        (folder / part / f"{stem}.safetensors").write_bytes(EMPTY)
    told = json.loads((folder / "model.json").read_text()) | {"title": title or name} | manifest
    (folder / "model.json").write_text(json.dumps(told))
    return folder


def install_converted(home: Path, name: str, source: Path, **coreml: Any) -> Path:
    """A model that was prepared for Core ML, with packages of a few bytes."""
    folder = write_model_configs(home / "models" / name, name)
    networks = ("text_encoder", "unet", "vae_decoder", "vae_encoder")
    files: dict[str, Mapping[str, Any]] = {}
    for network in networks:
        package = folder / f"{network}.mlpackage"
        (package / "Data").mkdir(parents=True)
        (package / "Manifest.json").write_text('{"itemInfoEntries": {}}')
        size = (package / "Manifest.json").stat().st_size
        files[f"{network}.mlpackage/Manifest.json"] = {"sha256": "0" * 64, "bytes": size}
    told: dict[str, Any] = {
        "converter": 1,
        "for": "neural-engine",
        "bits": 16,
        "units": "neural-engine",
        "guidance_batch": 2,
        "deployment_target": "macOS13",
        "sizes": [[64, 64]],
        "functions": {},
        "packages": {name: [f"{name}.mlpackage"] for name in networks},
        "preview": {"matrix": [[0.0, 0.0, 0.0]] * 4, "bias": [0.0, 0.0, 0.0]},
        "checks": {name: {"fp32": 100.0, "fp16": 70.5} for name in networks},
        "source": {"name": "x", "hash": "", "folder": str(source)},
    }
    manifest = {"name": name, "title": f"{name} for Core ML", "made_for": "coreml", "files": files}
    manifest |= {"coreml": told | coreml, "defaults": {"width": 64, "height": 64, "steps": 5}}
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder


def open_shop(qtbot: QtBot, home: Path, runner: StillRunner) -> StillShop:
    made = StillShop(home)
    made.models_room.desk._runner = runner
    qtbot.addWidget(made.window)
    made.window.show()
    return made


def show(shop: StillShop, qtbot: QtBot, name: str = "fox") -> ModelsScreen:
    screen = cast(ModelsScreen, shop.window.show_screen("models"))
    qtbot.waitUntil(lambda: name in screen.rows, timeout=PATIENCE)
    screen.desk.choose(name)
    return screen


def chore(screen: ModelsScreen) -> ChoreRow:
    (only,) = going(screen)
    return only


def going(screen: ModelsScreen) -> list[ChoreRow]:
    """What goes on, went on or waits, but for what asks."""
    return [row for row in screen.chore_rows.values() if isinstance(row, ChoreRow)]


def conversion(runner: StillRunner):
    return runner.of("convert")[-1]


def refreshed(screen: ModelsScreen, qtbot: QtBot, name: str) -> None:
    qtbot.waitUntil(lambda: name in screen.rows, timeout=PATIENCE)
