"""Models come whole, once, and only when the person allows the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.core.contract import InvalidRequest
from backends.core.model_folder import open_folder, sha256
from desktop.downloads.client import open_client, set_offline
from desktop.downloads.errors import DownloadFailed, NeedsToken, NetworkOff
from desktop.downloads.fetch import Patience
from desktop.downloads.hub import list_repo
from desktop.downloads.job import Download, Plan, Progress, discard, make_plan, resume_or_plan, waiting
from tests.downloads.unreliable_hub import COMMIT, REPO, Hub, model_files, serving

PART = 8192
SIZE = 240_000  # of the UNet; httpx hands on 64 KiB at most at once
PATIENT = Patience(tries=30, first_wait=0.0, sleep=lambda _: None)
NEEDED = {
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.fp16.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
}
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path / "home"))
    set_offline(False)
    with serving(Hub(model_files(tmp_path / "made", size=SIZE))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def _plan(token: str = "") -> Plan:
    with open_client(token) as client:
        return make_plan(list_repo(client, REPO, "main"))


def _download(plan: Plan, models: Path, seconds: float = 30.0) -> Download:
    client = open_client(seconds=seconds)
    return Download(client=client, plan=plan, models=models, part_bytes=PART, patience=PATIENT)


def _half_of_unet(steps: Iterator[Progress]) -> int:
    """Goes on until a part of the UNet is there, and not all of it."""
    begun = next(progress.done for progress in steps if progress.file == UNET)
    return next(progress.done for progress in steps if progress.done > begun + SIZE // 4)


def _assert_right(models: Path, hub: Hub) -> None:
    folder = models / "a-model"
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == NEEDED | {"model.json"}
    assert all((folder / path).read_bytes() == hub.files[path] for path in NEEDED)
    assert [path.name for path in models.iterdir()] == ["a-model"]


def test_only_what_is_needed_comes_and_one_rename_publishes(hub: Hub, models: Path) -> None:
    plan = _plan()
    assert {file.path for file in plan.files} == NEEDED
    seen = []
    for progress in _download(plan, models).run():
        assert not (models / "a-model").exists()
        seen.append(progress.done)
    assert seen == sorted(seen)
    assert seen[-1] == plan.size
    _assert_right(models, hub)
    told = json.loads((models / "a-model/model.json").read_text())
    assert (told["licence"], told["origin"]) == ("openrail++", f"{REPO} at {COMMIT}")
    assert all(told["files"][path]["sha256"] == sha256(models / "a-model" / path) for path in NEEDED)
    assert open_folder(models / "a-model").facts.family == "sd1"
    with pytest.raises(InvalidRequest, match="already a model called a-model"):
        next(_download(plan, models).run())


def test_a_pause_goes_on_where_it_was_and_of_the_same_commit(hub: Hub, models: Path) -> None:
    first = _download(_plan(), models)
    steps = first.run()
    half = _half_of_unet(steps)
    steps.close()
    (begun,) = waiting(models)
    assert 0 < begun.done <= half
    with open_client() as client:
        plan = resume_or_plan(client, models, REPO, "main", "")
    assert plan == begun.plan
    second = _download(plan, models)
    list(second.run())
    _assert_right(models, hub)
    assert first.came + second.came <= plan.size + PART
    assert waiting(models) == ()


def test_discarding_leaves_nothing(hub: Hub, models: Path) -> None:
    next(iter(_download(_plan(), models).run()))
    discard(models, "a-model")
    assert list(models.iterdir()) == []
    with pytest.raises(InvalidRequest, match="No download called"):
        discard(models, "a-model")


def test_two_at_once_are_kept_apart(hub: Hub, models: Path) -> None:
    plan = _plan()
    steps = _download(plan, models).run()
    next(steps)
    with pytest.raises(InvalidRequest, match="being downloaded already"):
        next(_download(plan, models).run())
    steps.close()


def test_offline_means_that_nothing_is_asked(hub: Hub) -> None:
    set_offline(True)
    with pytest.raises(NetworkOff, match="set to use no network"):
        open_client()
    assert hub.seen == []


def test_offline_is_how_it_is_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEZZOTINT_HOME", str(tmp_path))
    with pytest.raises(NetworkOff):
        open_client()


def test_a_gated_model_needs_the_token_and_no_other_host_gets_it(hub: Hub, models: Path) -> None:
    hub.token = "secret"
    with pytest.raises(NeedsToken, match="accepted its terms"):
        _plan()
    plan = _plan("secret")
    with serving(Hub(hub.files)) as storage:
        hub.elsewhere = storage.url
        client = open_client("secret")
        list(Download(client=client, plan=plan, models=models, part_bytes=PART, patience=PATIENT).run())
    _assert_right(models, hub)
    assert storage.seen
    assert not any("authorization" in headers for _, headers in storage.seen)


def test_a_byte_that_is_always_wrong_is_never_taken(hub: Hub, models: Path) -> None:
    plan = _plan()
    hub.files = {**hub.files, UNET: hub.files[UNET][:-1] + bytes([hub.files[UNET][-1] ^ 1])}
    with pytest.raises(DownloadFailed, match="not the file that it should be"):
        list(_download(plan, models).run())
    assert not (models / "a-model").exists()


def test_a_file_that_changes_meanwhile_is_never_taken(hub: Hub, models: Path) -> None:
    plan = _plan()
    steps = _download(plan, models).run()
    _half_of_unet(steps)
    hub.files = {**hub.files, UNET: bytes(len(hub.files[UNET]))}
    steps.close()
    with pytest.raises(DownloadFailed, match="not the file that it should be"):
        list(_download(plan, models).run())
    assert not (models / "a-model").exists()


def test_what_the_disk_spoilt_comes_again_and_nothing_else(hub: Hub, models: Path) -> None:
    first = _download(_plan(), models)
    steps = first.run()
    _half_of_unet(steps)
    steps.close()
    part = next((models / ".downloading-a-model").rglob("*.part"))
    content = bytearray(part.read_bytes())
    content[PART + 5] ^= 1
    part.write_bytes(content)
    hub.seen.clear()
    second = _download(first.plan, models)
    list(second.run())
    _assert_right(models, hub)
    again = [headers.get("range", "") for path, headers in hub.seen if path.endswith(UNET)][-1]
    assert again == f"bytes={PART}-{2 * PART - 1}"  # the part that was spoilt, and no other
    assert first.came + second.came <= first.plan.size + 2 * PART  # that one, and the tail of the pause


def test_a_server_without_ranges_is_borne_with(hub: Hub, models: Path) -> None:
    plan = _plan()
    steps = _download(plan, models).run()
    _half_of_unet(steps)
    steps.close()
    hub.faults = {"ignored range": 1.0}
    list(_download(plan, models).run())
    _assert_right(models, hub)


def test_too_small_a_disk_is_said_before(hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _plan()
    models.mkdir()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**6})())
    before = len(hub.seen)
    with pytest.raises(DownloadFailed, match=r"needs .* GB on the disk"):
        next(_download(plan, models).run())
    assert len(hub.seen) == before


def test_a_model_for_another_program_is_refused_before_its_weights(hub: Hub, models: Path) -> None:
    hub.files = {**hub.files, "model_index.json": b'{"_class_name": "OtherPipeline"}'}
    download = _download(_plan(), models)
    with pytest.raises(DownloadFailed, match="OtherPipeline"):
        list(download.run())
    assert download.came < 20_000


@pytest.mark.parametrize(
    ("repo", "said"),
    [
        ("nobody/nothing", "has no nobody/nothing"),
        ("../../etc", "no model's name"),
        ("a/b/c", "no model's name"),
        ("a/..", "no model's name"),
    ],
)
def test_names_that_are_none(hub: Hub, repo: str, said: str) -> None:
    with open_client() as client, pytest.raises((InvalidRequest, DownloadFailed), match=said):
        list_repo(client, repo, "main")


def test_pickles_are_not_fetched(hub: Hub) -> None:
    hub.files = {path: data for path, data in hub.files.items() if not path.startswith("vae/diff")}
    with pytest.raises(DownloadFailed, match="no safetensors file for its vae"):
        _plan()


def test_a_model_that_is_told_depth_brings_its_depth_network(hub: Hub) -> None:
    pickled = {"depth_estimator/config.json": b"{}", "depth_estimator/pytorch_model.bin": b"a pickle"}
    hub.files = {**hub.files, **pickled}
    assert {file.path for file in _plan().files} == NEEDED
    whole, half = (f"depth_estimator/model{variant}.safetensors" for variant in ("", ".fp16"))
    hub.files = {**hub.files, whole: b"whole", half: b"half"}
    own = {"depth_estimator/config.json", half, "feature_extractor/preprocessor_config.json"}
    assert {file.path for file in _plan().files} == NEEDED | own
