"""`mezzotint fit`: would this model fit into this machine, on each backend, and what to do if not."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from backends.core.contract import Backend, InvalidRequest, MezzotintError
from backends.core.environment import be_offline
from backends.core.fit import FITS, Fit, Footprint, Needs, describe, predict, predict_beside
from backends.core.memory import available_bytes, in_words
from backends.core.model_folder import ModelFolder, open_folder
from desktop.cli.fit_options import FitOptions
from desktop.cli.show import printable
from desktop.library.models import find_model, installed_models

NOT_PREDICTED = "its memory is not predicted, as its networks are not torch's"


@dataclass(frozen=True)
class Verdict:
    """One model on one backend: a prediction, or why there is none."""

    model: str
    backend: str
    fit: Fit | None
    problem: str | None = None
    refiner: Beside | None = None


@dataclass(frozen=True)
class Beside:
    """A refiner after it: what that needs by itself, in bytes, and whether both stay, or take turns."""

    model: str
    need: int
    both_stay: bool


def run(options: FitOptions) -> int:
    """Prints a verdict for each model and backend. Returns 0 when everything asked about can be used."""
    be_offline()
    names = [options.model] if options.model else [model.name for model in installed_models()]
    verdicts = [verdict for name in names for verdict in _verdicts(name, options)]
    if options.json:
        print(json.dumps({"free": available_bytes(), "fits": [_as_plain(verdict) for verdict in verdicts]}))
    else:
        print(f"{in_words(available_bytes())} of memory is free.")
        for verdict in verdicts:
            print(_as_words(verdict))
    return 0 if all(verdict.fit is None or verdict.fit.verdict != "too large" for verdict in verdicts) else 1


def _verdicts(name: str, options: FitOptions) -> list[Verdict]:
    _backends(options.backend)  # an unknown one is refused whatever the model is
    try:
        folder = open_folder(find_model(name).folder)
        refiner = open_folder(find_model(options.refiner).folder) if options.refiner else None
        return verdicts_of(name, folder, options.backend, options.size, refiner)
    except MezzotintError as error:
        if options.model:
            raise
        return [Verdict(name, "", None, str(error))]


def verdicts_of(
    name: str,
    folder: ModelFolder,
    backend: str | None = None,
    size: tuple[int, int] | None = None,
    refiner: ModelFolder | None = None,
) -> list[Verdict]:
    """For each backend, or this one. The configurations are enough: the weights need not be there."""
    defaults = folder.facts.defaults
    wanted = size or (defaults.width, defaults.height)
    guided = folder.facts.takes_guidance and not folder.facts.guidance_embedding
    batch = 2 if defaults.guidance_scale > 1 and guided else 1
    found = [_verdict(name, each, folder, wanted, batch) for each in _backends(backend)]
    if refiner is None:
        return found
    pairs = zip(found, _backends(backend), strict=True)
    return [_with_refiner(verdict, each, folder, refiner, batch) for verdict, each in pairs]


def _with_refiner(
    verdict: Verdict, backend: Backend, folder: ModelFolder, refiner: ModelFolder, batch: int
) -> Verdict:
    """As relay.Relay decides it: it is opened when the first model has its weights."""
    if verdict.fit is None:
        return verdict
    footprint: Footprint = getattr(backend, "footprint")  # noqa: B009  there is a prediction
    left = verdict.fit.free - Needs(folder, footprint).left_behind
    fit = predict_beside(refiner, footprint, verdict.fit.size, left, batch)
    return replace(verdict, refiner=Beside(refiner.facts.name, fit.need, fit.verdict == FITS))


def _backends(wanted: str | None) -> list[Backend]:
    from backends.core.registry import all_backends

    found = [backend for backend in all_backends() if wanted in (None, backend.capabilities.id)]
    if not found:
        raise InvalidRequest(f"There is no backend called {wanted!r}.", "`mezzotint doctor` lists them.")
    return found


def _verdict(name: str, backend: Backend, folder: ModelFolder, size: tuple[int, int], batch: int) -> Verdict:
    footprint: Footprint | None = getattr(backend, "footprint", None)
    able = backend.capabilities
    if folder.facts.family not in able.families:
        return Verdict(name, able.id, None, f"it does not run the family {folder.facts.family}")
    if footprint is None:
        return Verdict(name, able.id, None, NOT_PREDICTED)
    if problem := backend.probe():
        return Verdict(name, able.id, predict(folder, footprint, size, available_bytes(), batch), problem)
    free = getattr(backend, "free_bytes", available_bytes)()
    return Verdict(name, able.id, predict(folder, footprint, size, free, batch))


def _as_plain(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict)


def _as_words(verdict: Verdict) -> str:
    told = f"{printable(verdict.model)} on {verdict.backend}: " if verdict.backend else f"{verdict.model}: "
    if verdict.fit is None:
        return told + printable(verdict.problem or "")
    if verdict.problem:
        return (
            f"{told}would need {in_words(verdict.fit.need)}, but can't run here. {printable(verdict.problem)}"
        )
    return told + describe(verdict.fit) + _of_refiner(verdict.refiner)


def _of_refiner(refiner: Beside | None) -> str:
    if refiner is None:
        return ""
    then = "both stay in memory" if refiner.both_stay else "the two take turns in memory"
    return f" With {printable(refiner.model)}, which needs {in_words(refiner.need)}, {then}."
