"""`mezzotint models` and `mezzotint import`: what is found in other programs' folders, and made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.desktop.addition_files import write_tensors
from tests.desktop.cli_runner import Mezzotint
from tests.fakes import write_model_configs

_COMMIT = "0123456789012345678901234567890123456789"


def _whole(folder: Path, name: str = "Whole") -> Path:
    write_model_configs(folder, name)
    for part, stem in {"text_encoder": "model", "unet": "diffusion_pytorch_model"}.items():
        (folder / part / f"{stem}.safetensors").write_bytes(b"x")
    (folder / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"y")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A hub's cache as huggingface_hub lays it out: a snapshot of links into blobs named by SHA-256."""
    place = tmp_path / "hub" / "models--somebody--some-model"
    snapshot = _whole(place / "snapshots" / _COMMIT)
    _whole(place / "snapshots" / "an-older-one")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(_COMMIT)
    (place / "blobs").mkdir()
    weights = snapshot / "unet/diffusion_pytorch_model.safetensors"
    weights.rename(place / "blobs" / ("ab" * 32))
    weights.symlink_to(place / "blobs" / ("ab" * 32))
    (snapshot / "model.json").unlink()
    (snapshot / "README.md").write_text("---\nlicense: openrail++\ntags: [x]\n---\n# A model\nlicense: mine")
    return tmp_path / "hub"


def _listed(mezzotint: Mezzotint, *words: str) -> dict[str, dict[str, object]]:
    return {m["name"]: m for m in json.loads(mezzotint("models", "--json", *words).out)["models"]}


def test_a_hub_cache_is_read_in_place(mezzotint: Mezzotint, cache: Path):
    model = _listed(mezzotint, "--models", str(cache))["somebody/some-model"]
    assert model["folder"] == str(cache / "models--somebody--some-model" / "snapshots" / _COMMIT)
    assert (model["sha256"], model["licence"], model["problem"]) == ("ab" * 32, "openrail++", None)
    ran = mezzotint("generate", "x", "--json", "--models", str(cache), "--model", "somebody/some-model")
    assert ran.code == 0
    assert ran.lines[0]["model"] == "somebody/some-model"


def test_the_settings_folders_are_looked_through_too(mezzotint: Mezzotint, cache: Path, home: Path):
    assert "somebody/some-model" not in _listed(mezzotint)
    (home / "config").mkdir()
    (home / "config/settings.json").write_text(json.dumps({"model_folders": [str(cache), 7, ""]}))
    assert "somebody/some-model" in _listed(mezzotint)
    assert mezzotint("generate", "x", "--quiet", "--model", "somebody/some-model").code == 0


@pytest.mark.parametrize(
    "inside", ["models/Stable-diffusion/anime/a.safetensors", "models/checkpoints/b.ckpt", "c.gguf"]
)
def test_single_files_of_other_programs_are_listed(mezzotint: Mezzotint, tmp_path: Path, inside: str):
    path = tmp_path / "webui" / inside
    path.parent.mkdir(parents=True)
    path.write_bytes(b"xyz")
    (path.parent / "notes.txt").write_text("no model")
    told = json.loads(mezzotint("models", "--json", "--models", str(tmp_path / "webui")).out)
    (found,) = told["files"]
    assert (found["path"], found["bytes"]) == (str(path), 3)
    assert (found["what"] or "").endswith("header is longer than it can be, or cut short.") == (
        path.suffix == ".safetensors"
    )
    assert inside in mezzotint("models", "--models", str(tmp_path / "webui")).out


@pytest.mark.parametrize(
    ("place", "keys", "what"),
    [
        ("VAE", ("decoder.conv_in.weight",), "a VAE alone: import it with --base"),
        ("unet", ("input_blocks.0.0.weight",), "a UNet alone: import it with --base"),
        (
            "text_encoders",
            ("text_model.embeddings.token_embedding.weight",),
            "a text encoder alone: import it with --base",
        ),
        (
            "checkpoints",
            ("model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.decoder.conv_in.weight"),
            "Stable Diffusion 1.x",
        ),
        (
            "checkpoints",
            ("control_model.x",),
            "a.safetensors is a ControlNet, which this version can't import.",
        ),
    ],
)
def test_a_single_file_is_listed_as_what_it_is(
    mezzotint: Mezzotint, tmp_path: Path, place: str, keys: tuple[str, ...], what: str
):
    write_tensors(tmp_path / "ui" / place / "a.safetensors", dict.fromkeys(keys, (4, 4)))
    told = json.loads(mezzotint("models", "--json", "--models", str(tmp_path / "ui")).out)
    assert [each["what"] for each in told["files"]] == [what]
    assert f"; {what})" in mezzotint("models", "--models", str(tmp_path / "ui")).out


def test_usual_places_are_only_looked_at_when_asked(
    mezzotint: Mezzotint, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    assert "somebody/some-model" not in _listed(mezzotint)
    assert "somebody/some-model" in _listed(mezzotint, "--elsewhere")


def test_a_folder_is_imported_and_listed_by_name(mezzotint: Mezzotint, tmp_path: Path, home: Path):
    source = _whole(tmp_path / "from a friend", "Friend")
    told = json.loads(mezzotint("import", str(source), "--name", "mine!", "--json").out)
    assert (told["name"], told["title"], told["problem"]) == ("mine", "Friend", None)
    assert told["folder"] == str(home / "models" / "mine")
    assert "mine" in _listed(mezzotint)
    assert "mezzotint generate --model mine-2" in mezzotint("import", str(source), "--name", "mine 2").out


@pytest.mark.parametrize("suffix", ["safetensors", "ckpt"])
def test_what_can_not_be_imported_is_said_in_a_sentence(mezzotint: Mezzotint, tmp_path: Path, suffix: str):
    (tmp_path / f"x.{suffix}").write_bytes(b"nothing of the kind")
    ran = mezzotint("import", str(tmp_path / f"x.{suffix}"))
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith(f"x.{suffix} is damaged")
    assert mezzotint("import", str(tmp_path / "nowhere")).code == 2
