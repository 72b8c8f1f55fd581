"""What a model's repository on a hub holds: its files, their sizes and what their bytes must add up to.

One request of the hub's documented API (`GET /api/models/{repo}/revision/{revision}?blobs=true`, what
huggingface_hub's `HfApi.model_info(files_metadata=True)` asks). It is made here, because huggingface_hub's
offline switch is read once for the whole process, and ours is the person's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from backends.core.contract import InvalidRequest
from desktop.downloads.client import endpoint
from desktop.downloads.errors import DownloadFailed, NeedsToken

if TYPE_CHECKING:
    from httpx2 import Client, Response

_REPO = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_REVISION = re.compile(r"[\w.-][\w./-]{0,199}")


@dataclass(frozen=True)
class RemoteFile:
    """A file. `digest` is "sha256:..." of its bytes, or "git:...", git's SHA-1, for those kept in git."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True)
class Listing:
    """A repository at one commit. `licence` is "" where its card says nothing."""

    repo: str
    commit: str
    licence: str
    files: tuple[RemoteFile, ...]


def check_repo(repo: str) -> str:
    """The name, if it is one. Raises InvalidRequest."""
    if not _REPO.fullmatch(repo) or ".." in repo:
        raise InvalidRequest(f"{repo[:80]!r} is no model's name on a hub.", "Write it as owner/name.")
    return repo


def list_repo(client: Client, repo: str, revision: str) -> Listing:
    """Raises InvalidRequest, DownloadFailed or NeedsToken."""
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise InvalidRequest(f"{revision[:80]!r} is no revision.", "Use a branch, a tag or a commit.")
    import httpx2

    url = f"{endpoint()}/api/models/{check_repo(repo)}/revision/{quote(revision, safe='')}"
    try:
        answer = client.get(url, params={"blobs": "true"})
        check_status(answer, repo)
        told: object = answer.json()
    except httpx2.HTTPError as error:
        raise unreachable(error) from error
    except ValueError as error:
        raise _not_a_hub() from error
    try:
        return _listing(repo, cast(Any, told))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _not_a_hub() from error


def file_url(repo: str, commit: str, path: str) -> str:
    """Where a file's bytes are."""
    return f"{endpoint()}/{repo}/resolve/{commit}/{quote(path)}"


def check_status(answer: Response, repo: str) -> None:
    """Raises what an answer other than a success means for the person."""
    code = answer.status_code
    if code in (401, 403):
        raise NeedsToken(
            f"The hub gives {repo} only to people who accepted its terms and are signed in, or has none.",
            f"Accept them on {endpoint()}/{repo}, then run `mezzotint download --sign-in`.",
        )
    if code == 404:
        raise DownloadFailed(f"The hub has no {repo}, or not this revision of it.", "Check the name.")
    if code >= 400:
        raise DownloadFailed(f"The hub refused with the code {code}.", "Try again later.")


def unreachable(error: Exception) -> DownloadFailed:
    """For what httpx raises."""
    return DownloadFailed(
        f"The hub at {endpoint()} can't be reached ({type(error).__name__}).",
        "Check the connection; what has come so far is kept.",
    )


def _not_a_hub() -> DownloadFailed:
    return DownloadFailed(f"{endpoint()} does not answer as a hub does.", "Check HF_ENDPOINT.")


def _listing(repo: str, told: Mapping[str, Any]) -> Listing:
    commit = str(told["sha"])
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise ValueError("no commit")
    files = tuple(file for entry in told["siblings"] if (file := _file(entry)) is not None)
    return Listing(repo, commit, _licence(told), files)


def _file(entry: Mapping[str, Any]) -> RemoteFile | None:
    """None for a file whose bytes the hub doesn't vouch for: such a one is never fetched."""
    large: Mapping[str, Any] = entry.get("lfs") or {}
    size, sha256, git = large.get("size", entry.get("size")), large.get("sha256"), entry.get("blobId")
    if type(size) is not int or size < 0:
        return None
    if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256):
        return RemoteFile(str(entry["rfilename"]), size, f"sha256:{sha256}")
    if not large and isinstance(git, str) and re.fullmatch("[0-9a-f]{40}", git):
        return RemoteFile(str(entry["rfilename"]), size, f"git:{git}")
    return None


def _licence(told: Mapping[str, Any]) -> str:
    card: Mapping[str, Any] = told.get("cardData") or {}
    name = card.get("license_name") or card.get("license")
    tagged = [tag.removeprefix("license:") for tag in told.get("tags", ()) if str(tag).startswith("license:")]
    return str(name or (tagged or [""])[0])[:100]
