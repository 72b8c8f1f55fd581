"""`mezzotint download`, from the list to the installed model, over a hub on the loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from desktop.cli import app
from desktop.cli.fit import verdicts_of
from desktop.downloads import recommended
from desktop.downloads.client import set_offline
from desktop.downloads.tokens import find_token
from tests.downloads.unreliable_hub import COMMIT, REPO, Hub, model_files, serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "nobody's"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(app, "_be_offline_and_quiet", lambda: None)  # it is for a whole process
    monkeypatch.setattr("desktop.cli.download.verdicts_of", lambda *_: [])  # tests/core has its own
    return tmp_path / "home"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub(model_files(tmp_path / "made"))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    kept: dict[tuple[str, str], str] = {}
    ring = SimpleNamespace(
        get_password=lambda service, name: kept.get((service, name)),
        set_password=lambda service, name, token: kept.__setitem__((service, name), token),
        delete_password=lambda service, name: kept.pop((service, name)),
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    return kept


def test_offline_is_respected_until_it_is_turned_off(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run_command(["download", REPO]) == 2
    told = capsys.readouterr().err
    assert told.strip().startswith("Mezzotint is set to use no network. Turn Offline off in Settings, or by")
    assert hub.seen == []
    assert app.run_command(["download", "--online"]) == 0
    assert app.run_command(["download", REPO, "--quiet"]) == 0
    assert app.run_command(["download", "--offline"]) == 0
    assert app.run_command(["download", REPO, "--name", "again"]) == 2


def test_for_programs_the_plan_then_progress_then_the_model(
    hub: Hub, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_offline(False)
    assert app.run_command(["download", REPO, "--json", "--name", "mine"]) == 0
    first, *middle, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["plan"]["commit"], first["plan"]["licence"]) == (COMMIT, "openrail++")
    assert middle[-1]["done"] == middle[-1]["of"] == first["plan"]["bytes"]
    assert (last["model"]["name"], last["model"]["problem"]) == ("mine", None)
    assert last["model"]["folder"] == str(home / "models" / "mine")


def test_checking_says_what_it_is_and_fetches_no_weights(
    hub: Hub, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_offline(False)
    assert app.run_command(["download", REPO, "--check"]) == 0
    told = capsys.readouterr().err
    assert f"{REPO} at {COMMIT[:10]}: 11 files" in told
    assert "Licence: openrail++." in told
    assert not any(path.endswith(".safetensors") for path, _ in hub.seen)
    assert list((home / "models").iterdir()) == []


def test_one_whose_networks_can_not_be_built_is_refused_before_its_weights(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("desktop.cli.download.verdicts_of", verdicts_of)
    set_offline(False)
    assert app.run_command(["download", REPO, "--json"]) == 1
    assert "no network can be built by its configuration" in capsys.readouterr().err
    assert not any(path.endswith(".safetensors") for path, _ in hub.seen)


def test_a_pause_is_listed_goes_on_and_can_be_dropped(
    hub: Hub, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_offline(False)
    with monkeypatch.context() as patched:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr("desktop.cli.download._show", interrupt)
        assert app.run_command(["download", REPO]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert app.run_command(["download", "--list"]) == 0
    told = capsys.readouterr().out
    assert "Waiting: a-model" in told
    assert "sd15: Stable Diffusion 1.5, 2.1 GB" in told
    assert app.run_command(["download", "--discard", "a-model"]) == 0
    assert list((home / "models").iterdir()) == []


def test_the_token_is_kept_in_the_keyring_and_used(
    hub: Hub, keyring: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_offline(False)
    hub.token = "hf_abcdefgh"
    assert app.run_command(["download", REPO]) == 1
    monkeypatch.setattr("getpass.getpass", lambda _: " hf_abcdefgh ")
    assert app.run_command(["download", "--sign-in"]) == 0
    assert keyring == {("Mezzotint", hub.url): "hf_abcdefgh"}
    assert app.run_command(["download", REPO, "--quiet"]) == 0
    assert app.run_command(["download", "--sign-out"]) == 0
    assert keyring == {}
    monkeypatch.setenv("HF_TOKEN", "from outside")
    assert find_token() == "from outside"


def test_without_a_keyring_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr("getpass.getpass", lambda _: "hf_abcdefgh")
    assert app.run_command(["download", "--sign-in"]) == 1
    assert "pip install mezzotint[keyring]" in capsys.readouterr().err


@pytest.mark.parametrize("each", recommended.RECOMMENDED, ids=lambda each: each.name)
def test_what_is_recommended_is_of_a_family_that_is_here(
    each: recommended.Recommended, tmp_path: Path
) -> None:
    folder = each.describe_in(tmp_path)
    facts = folder.facts
    assert facts.latent_channels == each.parts[folder.denoiser]["in_channels"]
    assert facts.name == each.title
