"""Fetches one file in ranges, keeps what came across cuts and restarts, and takes none but the right bytes.

Why not huggingface_hub's `hf_hub_download`: since 1.18 it drops partial files when it is interrupted, and it
checks sizes, not hashes.

After a cut the next request goes on at the next byte. Whether the bytes are right is decided by the sum that
the hub lists for the whole file, and by nothing that the server of the bytes says. A wrong sum means that a
byte was changed on the way or on the disk. Then each part is compared with a second fetch of it, a third one
decides where two differ, and it ends when the sum is right.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.downloads.digest import is_whole
from desktop.downloads.errors import DownloadFailed
from desktop.downloads.hub import RemoteFile, check_status, unreachable
from desktop.downloads.part_file import PART_BYTES, PartFile

if TYPE_CHECKING:
    from httpx2 import Client, Response

_AGAIN = (408, 416, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 60.0
_RANGES_IGNORED = 4


class Interrupted(Exception):
    """The bytes stopped coming, or what came is not what was asked for; `wait` is what the server asked."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often to try without any progress, and how long to wait before each try."""

    tries: int = 8
    first_wait: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failures: int, asked: float) -> None:
        """Twice as long each time, or as long as the server asked, but never more than a minute."""
        self.sleep(min(max(self.first_wait * 2 ** (failures - 1), asked), _LONGEST_WAIT))


@dataclass(kw_only=True)
class Fetch:
    """One file to fetch. `came` counts every byte that arrived, those fetched twice included."""

    client: Client
    repo: str
    url: str
    file: RemoteFile
    target: Path
    part_bytes: int = PART_BYTES
    patience: Patience = field(default_factory=Patience)
    came: int = 0
    _ranges_ignored: int = 0

    def run(self) -> Iterator[int]:
        """Yields how many bytes are there, now and then. Raises DownloadFailed; what came is kept."""
        if is_whole(self.target, self.file.size, self.file.digest):
            yield self.file.size
            return
        with PartFile(self.target, self.file.size, self.file.digest, self.part_bytes) as part:
            first = part.etag
            yield from self._fill(part)
            if not part.is_right():
                yield from self._mend(part, part.etag != first and first != "")
            part.publish()

    def _fill(self, part: PartFile) -> Iterator[int]:
        failures, before = 0, part.have
        yield part.have
        while part.have < self.file.size:
            try:
                for piece in self._pieces(part, part.have, self.file.size):
                    part.add(piece)
                    yield part.have
                if part.have < self.file.size:
                    raise Interrupted("the bytes ended early")
            except Interrupted as error:
                failures = 1 if part.have > before else failures + 1
                before = part.have
                self._give_up_or_wait(failures, error)
                if self._ranges_ignored >= _RANGES_IGNORED:  # it will never send the rest alone
                    self._ranges_ignored = before = 0
                    part.drop_from(0)

    def _give_up_or_wait(self, failures: int, error: Interrupted) -> None:
        if failures >= self.patience.tries:
            raise DownloadFailed(
                f"{self.file.path} of {self.repo} does not come through ({error}).",
                "Check the connection and run it again; what has come so far is kept.",
            ) from error
        self.patience.wait(failures, error.wait)

    def _pieces(self, part: PartFile, begin: int, end: int) -> Iterator[bytes]:
        """The bytes from `begin` until `end` or until they stop. Raises Interrupted, or DownloadFailed."""
        import httpx2

        headers = {"range": f"bytes={begin}-{end - 1}"} if begin or end < self.file.size else {}
        try:
            with self.client.stream("GET", self.url, headers=headers) as answer:
                self._check(answer, begin, end)
                part.etag = answer.headers.get("etag", "") or part.etag
                left = end - begin
                for piece in answer.iter_raw():
                    self.came += len(piece)
                    yield piece[:left]
                    left -= len(piece)
                    if left <= 0:
                        return
        except httpx2.TransportError as error:
            raise Interrupted(type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise unreachable(error) from error

    def _check(self, answer: Response, begin: int, end: int) -> None:
        """That these are the bytes asked for, as far as the answer's head can tell."""
        if answer.status_code in _AGAIN:
            raise Interrupted(f"the server answered {answer.status_code}", _seconds(answer))
        check_status(answer, self.repo)
        asked = begin > 0 or end < self.file.size
        if answer.status_code == 206:
            told = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("content-range", ""))
            if not told or tuple(map(int, told.groups())) != (begin, end - 1, self.file.size):
                raise Interrupted("the server sent another range than was asked for")
        elif asked:
            self._ranges_ignored += 1
            raise Interrupted("the server sent the whole file where a part was asked for")
        self._ranges_ignored = 0
        length = answer.headers.get("content-length")
        if length is not None and length != str(end - begin):
            raise Interrupted(f"the server offers {length} bytes where {end - begin} should be")

    # --- A wrong sum --------------------------------------------------------------------------------

    def _mend(self, part: PartFile, changed: bool) -> Iterator[int]:
        """Finds the wrong parts and fetches them again. Raises DownloadFailed, and then nothing is kept.

        Those that the disk spoilt are known by their own sums: they alone come again. A byte that was
        changed on the way is found by comparing each part, as no hub lists sums of parts.
        """
        spoilt = [number for number in range(len(part.parts)) if not part.is_kept(number)]
        for number in spoilt:
            yield part.place(number)[0]
            part.replace(number, self._range(part, *part.place(number)))
        if spoilt and part.is_right():
            return
        for number in range(len(part.parts)):
            yield part.place(number)[0]
            if self._settle(part, number) and part.is_right():
                return
        part.drop_from(0)
        why = "it changed on the server meanwhile" if changed else "its sum is not the one that the hub lists"
        raise DownloadFailed(
            f"{self.file.path} of {self.repo} is not the file that it should be: {why}.",
            "Try again later, or another mirror (HF_ENDPOINT).",
        )

    def _settle(self, part: PartFile, number: int) -> bool:
        """Makes a part what most fetches of it say. Returns whether it was changed."""
        begin, end = part.place(number)
        again = self._range(part, begin, end)
        if _sum(again) == part.parts[number]:
            return False
        third = self._range(part, begin, end)
        if _sum(third) == part.parts[number]:
            return False
        part.replace(number, third)
        return True

    def _range(self, part: PartFile, begin: int, end: int) -> bytes:
        found, failures = bytearray(), 0
        while len(found) < end - begin:
            before = len(found)
            try:
                for piece in self._pieces(part, begin + before, end):
                    found += piece
                if len(found) < end - begin:
                    raise Interrupted("the bytes ended early")
            except Interrupted as error:
                failures = 1 if len(found) > before else failures + 1
                self._give_up_or_wait(failures, error)
        return bytes(found)


def _sum(piece: bytes) -> str:
    return hashlib.sha256(piece).hexdigest()


def _seconds(answer: Response) -> float:
    """What "Retry-After" asks for, where it is a number of seconds."""
    text = answer.headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,4}", text) else 0.0
