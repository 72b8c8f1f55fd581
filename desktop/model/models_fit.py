"""What a model needs on each backend, as `mezzotint fit --json` says it, in a person's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from desktop.model.language import tr
from desktop.model.sentences import said

Sign = Literal["good", "slow", "no"]
_SIGNS: Mapping[str, Sign] = {"fits": "good", "streams": "slow", "too large": "no"}


@dataclass(frozen=True)
class Verdict:
    """One backend, and whether the model can be used on it here."""

    backend: str
    sign: Sign
    words: str


def read_verdicts(line: str) -> tuple[Verdict, ...]:
    """From the one line of JSON that the command prints; nothing for any other line."""
    try:
        told: object = json.loads(line)
    except ValueError:
        return ()
    return verdicts_in(cast(Mapping[str, Any], told).get("fits")) if isinstance(told, dict) else ()


def verdicts_in(told: object) -> tuple[Verdict, ...]:
    """From a list of them as the command tells them; nothing for anything else."""
    if not isinstance(told, list):
        return ()
    return tuple(_verdict(each) for each in cast(list[Mapping[str, Any]], told) if each.get("backend"))


def _verdict(told: Mapping[str, Any]) -> Verdict:
    fit: Mapping[str, Any] | None = told.get("fit")
    problem = told.get("problem")
    if fit is None or problem:
        return Verdict(told["backend"], "no", _sentence(said(str(problem or ""))))
    verdict = str(fit["verdict"])
    return Verdict(told["backend"], sign_of(verdict), words_of_fit(verdict, fit["need"], fit["free"]))


def sign_of(verdict: str) -> Sign:
    """Of a verdict as backends/core/fit.py has them."""
    return _SIGNS.get(verdict, "no")


def words_of_fit(verdict: str, need: int, free: int) -> str:
    """What a verdict and these bytes come to, without a full stop."""
    needs = tr("needs {size} of memory", size=in_bytes(need))
    words = {
        "fits": tr("Fits: {need}", need=needs),
        "streams": tr("Fits, but slower: {need}, so weights are read as they are needed", need=needs),
        "too large": tr("Too large: {need}, and {free} is free", need=needs, free=in_bytes(free)),
    }
    return words.get(verdict, verdict)


def in_bytes(count: int) -> str:
    """ "34 MB", "1.7 GB"."""
    if count < 10**9:
        return tr("{count} MB", count=max(1, round(count / 10**6)) if count else 0)
    return tr("{count} GB", count=f"{count / 10**9:.1f}")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
