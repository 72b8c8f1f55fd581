"""Depth for models that keep a picture's: what finds it, in words, and what such a model lacks."""

from __future__ import annotations

from collections.abc import Mapping

from backends.core.contract import (
    GIVEN_DEPTH,
    OWN_DEPTH,
    ROUGH_DEPTH,
    ROUGHLY_FOUND,
    START_DEPTH,
    InvalidRequest,
    Request,
)
from desktop.model.form import ModelChoice
from desktop.model.language import tr


def check(request: Request, model: ModelChoice) -> None:
    """Raises InvalidRequest where there is no picture whose depth a model could keep."""
    if model.takes_depth and request.init_image is None and request.depth_map is None:
        raise InvalidRequest(
            tr("{model} keeps the depth of another picture, and there is none to start from.",
               model=model.title),
            tr("Choose a start picture, or a depth map."),
        )  # fmt: skip


def ways(model: ModelChoice, depth_models: tuple[str, ...], chosen: str) -> dict[str, str]:
    """What can find depth for this model, and what each is called; the usual one first."""
    own = {"": tr("From the model")} if model.finds_depth else {}
    named = {name: name for name in depth_models}
    if chosen and chosen != ROUGH_DEPTH:  # from a recipe, and not here
        named.setdefault(chosen, chosen)
    return own | named | {ROUGH_DEPTH: tr("A rough estimate")}


def told(by: str | None, depth_map: str, provenance: Mapping[str, str] | None = None) -> str:
    """Whose depth a picture has: a map's name, a network's; nothing for models that keep none."""
    if depth_map:
        return depth_map
    found = (provenance or {}).get(START_DEPTH, by or "")
    if found == GIVEN_DEPTH:
        return tr("a depth map")
    if found in (ROUGHLY_FOUND, ROUGH_DEPTH):
        return tr("a rough estimate")
    name = found.partition(": ")[0]
    return tr("the model's own network") if name == OWN_DEPTH else name
