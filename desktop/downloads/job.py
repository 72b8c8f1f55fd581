"""A whole model's download: planned once, resumed as often as needed, published by one rename.

Everything is in one hidden folder of the models folder, `.downloading-<name>`: the plan (`download.json`,
with the commit, so that a download that goes on tomorrow is still of today's files) and `model/`, which
becomes the model's folder. Closing the generator pauses; `discard` cancels.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from backends.core.contract import InvalidRequest, MezzotintError
from backends.core.model_folder import ModelFolder, open_folder, sha256
from convert.source.names import folder_name
from desktop.downloads.choose import needed_files
from desktop.downloads.errors import DownloadFailed
from desktop.downloads.fetch import Fetch, Patience
from desktop.downloads.hub import Listing, RemoteFile, file_url, list_repo
from desktop.downloads.part_file import PART_BYTES
from desktop.library.saving import sync_folder

if TYPE_CHECKING:
    from httpx2 import Client

_HIDDEN = ".downloading-"
_SPARE_BYTES = 200 * 10**6
"""What is left on the disk for everything else."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be fetched, from which commit, and under which name it will be installed."""

    name: str
    repo: str
    commit: str
    licence: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Progress:
    """How far it has come: the file at work, and bytes done of all, those of earlier days included."""

    file: str
    done: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A download that was begun and is not finished."""

    plan: Plan
    done: int


@dataclass(kw_only=True)
class Download:
    """One download into a models folder. `came` counts the bytes that arrived, those fetched twice too."""

    client: Client
    plan: Plan
    models: Path
    part_bytes: int = PART_BYTES
    patience: Patience = field(default_factory=Patience)
    came: int = 0

    def describe(self) -> ModelFolder:
        """Fetches the small files that say what the model is. Raises DownloadFailed for one not for us."""
        with self._begun() as folder:
            for _ in self._fetch_all(folder, self._small, 0):
                pass
            return _open(self.plan, folder)

    def run(self) -> Generator[Progress]:
        """Yields progress; at its end the model is installed. Raises a MezzotintError; what came is kept."""
        target = _target(self.models, self.plan.name)
        with self._begun() as folder:
            small = self._small
            yield from self._fetch_all(folder, small, 0)
            _open(self.plan, folder)  # says now, and not after gigabytes, that it can't be used
            large = [file for file in self.plan.files if file not in small]
            yield from self._fetch_all(folder, large, sum(file.size for file in small))
            _publish(self.plan, folder, target)
        shutil.rmtree(folder.parent, ignore_errors=True)

    @property
    def _small(self) -> list[RemoteFile]:
        return [file for file in self.plan.files if not file.path.endswith(".safetensors")]

    @contextmanager
    def _begun(self) -> Iterator[Path]:
        """The folder to fetch into, with the plan beside it, and nobody else in it."""
        hidden = _hidden(self.models, self.plan.name)
        hidden.mkdir(parents=True, exist_ok=True)
        with _alone(hidden):
            _check_space(self.models, self.plan, hidden)
            _write_json(hidden / "download.json", _as_plain(self.plan))
            yield hidden / "model"

    def _fetch_all(self, folder: Path, files: Sequence[RemoteFile], done: int) -> Iterator[Progress]:
        for file in files:
            fetch, before = self._fetch(file, folder), self.came
            for here in fetch.run():
                self.came = before + fetch.came
                yield Progress(file.path, done + here, self.plan.size)
            done += file.size

    def _fetch(self, file: RemoteFile, folder: Path) -> Fetch:
        return Fetch(
            client=self.client,
            repo=self.plan.repo,
            url=file_url(self.plan.repo, self.plan.commit, file.path),
            file=file,
            target=folder / file.path,
            part_bytes=self.part_bytes,
            patience=self.patience,
        )


def make_plan(listing: Listing, name: str = "") -> Plan:
    """What to fetch of a repository. Raises DownloadFailed."""
    return Plan(
        name=folder_name(name or listing.repo.partition("/")[2]),
        repo=listing.repo,
        commit=listing.commit,
        licence=listing.licence,
        files=needed_files(listing),
    )


def resume_or_plan(client: Client, models: Path, repo: str, revision: str, name: str) -> Plan:
    """The plan that was begun already, when it is of the same repository and revision; else a new one."""
    wanted = folder_name(name or repo.partition("/")[2])
    _target(models, wanted)
    begun = {each.plan.name: each.plan for each in waiting(models)}.get(wanted)
    if begun and begun.repo == repo and revision in ("main", begun.commit):
        return begun
    if begun:
        raise InvalidRequest(
            f"A download called {wanted} is waiting already, of {begun.repo} at {begun.commit[:10]}.",
            f"Give another --name, or drop it by `mezzotint download --discard {wanted}`.",
        )
    return make_plan(list_repo(client, repo, revision), name)


def waiting(models: Path) -> tuple[Waiting, ...]:
    """The downloads that were begun and not finished, by name."""
    found: list[Waiting] = []
    for hidden in sorted(models.glob(f"{_HIDDEN}*")):
        if (plan := _read_plan(hidden)) is not None:
            found.append(Waiting(plan=plan, done=_bytes_there(hidden)))
    return tuple(found)


def discard(models: Path, name: str) -> None:
    """Cancels: everything that came is removed. Raises InvalidRequest when there is none of this name."""
    hidden = _hidden(models, folder_name(name))
    if not hidden.is_dir():
        raise InvalidRequest(
            f"No download called {name} is waiting.", "`mezzotint download --list` lists them."
        )
    with _alone(hidden):
        (hidden / "download.json").unlink(missing_ok=True)
    shutil.rmtree(hidden)


def _hidden(models: Path, name: str) -> Path:
    return models / f"{_HIDDEN}{name}"


def _target(models: Path, name: str) -> Path:
    if (models / name).exists():
        raise InvalidRequest(f"There is already a model called {name}.", "Give another --name.")
    return models / name


@contextmanager
def _alone(hidden: Path) -> Iterator[None]:
    """Keeps other processes off; the system lets go of it when this one dies."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(hidden / "lock", timeout=0):
            yield
    except Timeout as error:
        raise InvalidRequest(
            "This model is being downloaded already.", "Wait for it, or stop it first."
        ) from error


def _check_space(models: Path, plan: Plan, hidden: Path) -> None:
    need = plan.size - _bytes_there(hidden) + _SPARE_BYTES
    free = shutil.disk_usage(models).free
    if need > free:
        raise DownloadFailed(
            f"{plan.name} needs {need / 1e9:.1f} GB on the disk, and {free / 1e9:.1f} GB are free.",
            f"Make room on the disk of {models}.",
        )


def _bytes_there(hidden: Path) -> int:
    found = [path for path in (hidden / "model").rglob("*") if path.is_file() and ".part." not in path.name]
    return sum(path.stat().st_size for path in found)


def _open(plan: Plan, folder: Path) -> ModelFolder:
    try:
        opened = open_folder(folder)
        opened.facts  # noqa: B018  raises when no backend could open it
    except MezzotintError as error:
        raise DownloadFailed(
            f"{plan.repo} can't be used here. {error.message}",
            f"Use another model; `mezzotint download --discard {plan.name}` removes what came.",
        ) from error
    return opened


def _publish(plan: Plan, folder: Path, target: Path) -> None:
    """Writes down what it is, then gives it its name."""
    told = {
        "format": 1,
        "name": plan.name,
        "origin": f"{plan.repo} at {plan.commit}",
        "licence": plan.licence,
        "files": {file.path: _listed(file, folder) for file in plan.files},
    }
    _write_json(folder / "model.json", told)
    os.rename(folder, target)
    sync_folder(target.parent)


def _listed(file: RemoteFile, folder: Path) -> dict[str, Any]:
    kind, _, told = file.digest.partition(":")
    return {"sha256": told if kind == "sha256" else sha256(folder / file.path), "bytes": file.size}


def _as_plain(plan: Plan) -> dict[str, Any]:
    return {"format": 1, **asdict(plan)}


def _read_plan(hidden: Path) -> Plan | None:
    """None for a folder that no plan is in: then nothing can be said of it."""
    try:
        told = cast(Mapping[str, Any], json.loads((hidden / "download.json").read_text(encoding="utf-8")))
        files = tuple(RemoteFile(f["path"], f["size"], f["digest"]) for f in told["files"])
        names = {name: str(told[name]) for name in ("name", "repo", "commit", "licence")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Plan(**names, files=files) if hidden.name == f"{_HIDDEN}{names['name']}" else None


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps(value, indent=1), encoding="utf-8")
    os.replace(beside, path)
