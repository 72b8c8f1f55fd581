"""Converted folders that are damaged, altered or another version's: one sentence each."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.core import coreml_folder
from backends.core.contract import (
    BrokenModel,
)
from backends.core.coreml_folder import open_converted
from backends.core.registry import get_backend
from tests.coreml_backend.kit import NETWORKS, SIZE, flip, vouch


def weights(folder: Path) -> Path:
    return folder / "unet.mlpackage/Data/com.apple.CoreML/weights/weight.bin"


def truncate(folder: Path) -> None:
    data = weights(folder).read_bytes()
    weights(folder).write_bytes(data[: len(data) // 2])


def tell(folder: Path, **change: Any) -> None:
    """Changes what model.json says of the conversion."""
    file = folder / "model.json"
    told = json.loads(file.read_text())
    told["coreml"] |= change
    file.write_text(json.dumps(told))


def tell_all(folder: Path, **change: Any) -> None:
    file = folder / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


def name_outside(folder: Path) -> None:
    name = "unet.mlpackage/Manifest.json"
    told = json.loads((folder / name).read_text())
    next(iter(told["itemInfoEntries"].values()))["path"] = "../../../../etc/passwd"
    (folder / name).write_text(json.dumps(told))
    vouch(folder, name)


def loop(folder: Path) -> None:
    shutil.rmtree(folder / "unet.mlpackage")
    (folder / "unet.mlpackage").symlink_to(folder / "unet.mlpackage")


def swell(folder: Path) -> None:
    """A terabyte, without taking it."""
    with weights(folder).open("r+b") as file:
        file.truncate(2**40)


def swap(folder: Path) -> None:
    shutil.rmtree(folder / "vae_decoder.mlpackage")
    shutil.copytree(folder / "unet.mlpackage", folder / "vae_decoder.mlpackage")


def list_outside(folder: Path) -> None:
    (folder.parent / "secret").write_text("x")
    told = json.loads((folder / "model.json").read_text())
    name = "unet.mlpackage/../../secret"
    told["files"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
    (folder / "model.json").write_text(json.dumps(told))


def model(folder: Path) -> Path:
    return folder / "unet.mlpackage/Data/com.apple.CoreML/model.mlmodel"


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a package is missing": (lambda f: shutil.rmtree(f / "unet.mlpackage"), "lacks unet.mlpackage"),
    "a file of it is missing": (lambda f: weights(f).unlink(), "incomplete: it lacks weight.bin"),
    "its contents are missing": (
        lambda f: (f / "unet.mlpackage/Manifest.json").unlink(),
        "it lacks Manifest.json",
    ),
    "it is cut short": (truncate, "unet.mlpackage is cut short"),
    "it is empty": (lambda f: weights(f).write_bytes(b""), "unet.mlpackage is cut short"),
    "it is huge": (swell, "unet.mlpackage is cut short or damaged"),
    "a weight is altered": (lambda f: flip(weights(f), 0.5), "unet.mlpackage is damaged"),
    "the last weight is altered": (lambda f: flip(weights(f), 0.9999), "unet.mlpackage is damaged"),
    "the program is altered": (lambda f: flip(model(f), 0.3), "unet.mlpackage is damaged"),
    "its contents name a file outside": (name_outside, "its Manifest.json makes no sense"),
    "it points at itself": (loop, "lacks unet.mlpackage"),
    "it is another network": (swap, "vae_decoder.mlpackage is cut short or damaged"),
    "it is a file": (
        lambda f: (shutil.rmtree(f / "unet.mlpackage"), (f / "unet.mlpackage").write_text("")),
        "lacks unet.mlpackage",
    ),
    "a configuration is altered": (lambda f: flip(f / "unet/config.json", 0.0), "can't be read as JSON"),
    "the scheduler is altered": (
        lambda f: (f / "scheduler/scheduler_config.json").write_text("{}"),
        "its contents changed",
    ),
    "another version made it": (lambda f: tell(f, converter=99), "another version"),
    "a version that said less made it": (lambda f: tell_all(f, coreml=[]), "another version"),
    "a size makes no sense": (lambda f: tell(f, sizes=7), "makes no sense"),
    "there are no sizes": (lambda f: tell(f, sizes=[]), "makes no sense"),
    "a size is negative": (lambda f: tell(f, sizes=[[-8, 64]]), "makes no sense"),
    "a size is infinite": (lambda f: tell(f, sizes=[[float("inf"), 64]]), "makes no sense"),
    "a package outside": (lambda f: tell(f, packages={"unet": ["../x"]}), "makes no sense"),
    "a network is not named": (lambda f: tell(f, packages={}), "makes no sense"),
    "a network has no packages": (
        lambda f: tell(f, packages={key: [] for key in NETWORKS}),
        "makes no sense",
    ),
    "an unknown network": (
        lambda f: tell(f, packages={key: ["unet.mlpackage"] for key in (*NETWORKS, "brain")}),
        "a network 'brain'",
    ),
    "no latents at once": (lambda f: tell(f, guidance_batch=0), "makes no sense"),
    "unknown units": (lambda f: tell(f, units="abacus"), "makes no sense"),
    "no preview": (lambda f: tell(f, preview={"matrix": "a", "bias": 1}), "makes no sense"),
    "functions for other sizes": (lambda f: tell(f, functions={"8x8": "x"}), "makes no sense"),
    "no files are listed": (lambda f: tell_all(f, files={}), "lacks text_encoder.mlpackage"),
    "files are no list": (lambda f: tell_all(f, files=[1]), "makes no sense"),
    "files without hashes": (
        lambda f: tell_all(f, files={"text_encoder.mlpackage/Manifest.json": {}}),
        "makes no sense",
    ),
    "files outside the folder": (list_outside, "makes no sense"),
    "model.json is cut": (lambda f: (f / "model.json").write_text('{"made_for": "cor'), "read as JSON"),
    "model.json is not there": (lambda f: (f / "model.json").unlink(), "not prepared for Core ML"),
    "model.json points at itself": (
        lambda f: ((f / "model.json").unlink(), (f / "model.json").symlink_to("model.json")),
        "not prepared for Core ML",
    ),
    "an empty folder": (lambda f: (shutil.rmtree(f), f.mkdir()), "not a model folder"),
}


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_says_what_is_wrong(copy: Path, damage: Any, sentence: str) -> None:
    damage(copy)
    with pytest.raises(BrokenModel, match=sentence) as said:
        get_backend("coreml").open(copy, {})
    assert said.value.action
    assert "\n" not in said.value.message
    assert len(said.value.message) < 300


def test_a_file_that_cannot_be_read_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(coreml_folder, "sha256", refuse)
    with pytest.raises(BrokenModel, match=r"can't be read \(.*Permission denied"):
        get_backend("coreml").open(copy, {})


def test_what_the_finder_leaves_behind_does_no_harm(copy: Path) -> None:
    (copy / "unet.mlpackage/.DS_Store").write_bytes(b"x")
    assert open_converted(copy).sizes == (SIZE,)
