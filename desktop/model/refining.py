"""Refiners: which models can finish another's pictures, and how a picture was finished, in words."""

from __future__ import annotations

from collections.abc import Iterable

from backends.core.contract import Refiner
from desktop.model.form import ModelChoice
from desktop.model.language import tr


def refiners_for(model: ModelChoice | None, models: Iterable[ModelChoice]) -> tuple[ModelChoice, ...]:
    """The installed models that are made to finish pictures of this one."""
    if model is None or model.made_for or not model.has_refiner:
        return ()
    return tuple(each for each in models if model.family in each.refines and not each.made_for)


def can_follow(model: ModelChoice | None, second: ModelChoice | None) -> bool:
    """Whether the second may finish the first's pictures: a refiner, or another model of the same kind."""
    if model is None or second is None or model.made_for or second.made_for or not model.has_refiner:
        return False
    return model.family in second.refines or model.family == second.family


def told(refiner: Refiner | None) -> str:
    """ "xl-refiner, from 80 % on"; nothing without one."""
    if refiner is None:
        return ""
    share = f"{100 * refiner.switch:.4g}"
    return tr("{name}, from {share} % on", name=refiner.model, share=share)
