"""What is known to be wrong with torch on Apple's GPU, by version, and what is done about it.

Standard library only: asking costs nothing. The start-up self-test (selftest.py) looks for the same on the
machine itself.
"""

from __future__ import annotations

import enum
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

Version = tuple[int, ...]


class Remedy(enum.Enum):
    """What is done about a defect."""

    CHUNKS = "attention by chunks of the queries"
    CONTIGUOUS = "convolutions get contiguous arrays"
    FLOAT32_TEXT = "the text encoder computes in float32"
    FLOAT32_ATTENTION = "long attention computes in float32"
    REFUSE = "the backend is not offered"


@dataclass(frozen=True, kw_only=True)
class Quirk:
    """A defect: where it is described, since which macOS and before which torch it is there."""

    issue: str
    words: str
    remedy: Remedy
    fixed_in_torch: Version | None = None
    since_macos: Version = (0,)

    def applies(self, torch: Version, macos: Version) -> bool:
        return macos >= self.since_macos and (self.fixed_in_torch is None or torch < self.fixed_in_torch)


QUIRKS = (
    Quirk(
        issue="pytorch#149261",
        words="an array of more than 2^32 bytes ends the process",
        remedy=Remedy.CHUNKS,
    ),
    Quirk(
        issue="pytorch#169342",
        words="a convolution of one half of a split array gives wrong numbers from the second picture on",
        remedy=Remedy.CONTIGUOUS,
    ),
    Quirk(
        issue="pytorch#180984",
        words="a convolution of some channels of a channels-last array gives wrong numbers",
        remedy=Remedy.CONTIGUOUS,
        fixed_in_torch=(2, 13),
    ),
    Quirk(
        issue="pytorch#192212",
        words="a convolution by a slice of a larger weight gives wrong numbers",
        remedy=Remedy.CONTIGUOUS,
    ),
    Quirk(
        issue="pytorch#195910",
        words="causal attention in half precision looks into the future",
        remedy=Remedy.FLOAT32_TEXT,
    ),
    Quirk(
        issue="pytorch#187280",
        words="pictures come out corrupted on macOS 27",
        remedy=Remedy.REFUSE,
        fixed_in_torch=(2, 13),
        since_macos=(27,),
    ),
    Quirk(
        issue="pytorch#174861",
        words="attention reads beyond its arrays",
        remedy=Remedy.REFUSE,
        fixed_in_torch=(2, 11),
    ),
)


def known(torch: Version, macos: Version) -> tuple[Quirk, ...]:
    """The defects of these versions."""
    return tuple(quirk for quirk in QUIRKS if quirk.applies(torch, macos))


def remedies(torch: Version, macos: Version) -> frozenset[Remedy]:
    """What has to be done with these versions."""
    return frozenset(quirk.remedy for quirk in known(torch, macos))


def torch_version() -> Version | None:
    """Of the torch that is installed, without importing it; None when there is none."""
    try:
        return as_numbers(version("torch"))
    except PackageNotFoundError:
        return None


def macos_version() -> Version:
    """Such as (26, 3); (0,) elsewhere."""
    return as_numbers(platform.mac_ver()[0]) or (0,)


def as_numbers(text: str) -> Version:
    """ "2.13.0+cpu" -> (2, 13, 0)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
