"""Which folder a model's name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.contract import BrokenModel, InvalidRequest
from desktop.library import models, paths


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path))
    for name in ("Beta", "alpha", ".hidden"):
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "models" / "a file").write_text("")
    (tmp_path / "secret").mkdir()
    return tmp_path


def test_everything_written_is_in_the_home(home: Path):
    for folder in (paths.pictures_folder(), paths.models_folder(), paths.reports_folder()):
        assert folder.parent == home


def test_installed_models_by_name(home: Path):
    found = [model.name for model in models.installed_models() if not model.name.startswith("starter")]
    assert found == ["alpha", "Beta"]
    assert models.find_model("alpha").folder == home / "models" / "alpha"


def test_a_folder_is_a_model_too(home: Path):
    assert models.find_model(str(home / "secret")).folder == home / "secret"


@pytest.mark.parametrize("name", ["", "nothing", ".hidden", "a file", "ALPHAA"])
def test_unknown_names_are_refused(name: str):
    with pytest.raises(InvalidRequest, match="There is no model"):
        models.find_model(name)


def test_a_near_miss_is_suggested():
    with pytest.raises(InvalidRequest, match="Did you mean alpha"):
        models.find_model("alpho")


@pytest.mark.parametrize("path", ["no/such/folder", "/no/such/folder", "x" * 300 + "/y"])
def test_missing_folders_are_refused(path: str):
    with pytest.raises(InvalidRequest, match="no model folder"):
        models.find_model(path)


def test_an_installation_without_its_starter(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setattr(models, "_RESOURCES", home / "nowhere")
    with pytest.raises(BrokenModel, match="missing from this installation"):
        models.find_model("starter")


def test_paths_in_records_do_not_tell_the_users_name(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    path = home / "Pictures" / "a.png"
    assert paths.shorten(path) == "~/Pictures/a.png"
    assert paths.expand(paths.shorten(path)) == path
