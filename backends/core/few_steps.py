"""Models and LoRAs that were distilled to make a picture in a few steps, and what each wants.

Recognised by the scheduler that a model ships, or by name, as their makers publish them:
SD-Turbo and SDXL-Turbo (Sauer et al. 2023, arXiv:2311.17042), SDXL-Lightning (Lin et al. 2024,
arXiv:2402.13929), LCM (Luo et al. 2023, arXiv:2310.04378), Hyper-SD (Ren et al. 2024, arXiv:2404.13686)
and TCD (Zheng et al. 2024, arXiv:2402.19159); of models that predict a flow, Hyper-SD's LoRAs for SD 3 (its
card, 19 August 2024), TensorArt's for SD 3.5 Medium and Z-Image-Fun-Lora-Distill. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_STEPS = re.compile(r"(\d{1,2})[ _-]?steps?\b|(\d{1,2})[ _-]?steps?[_-]")
_WORD = r"(?<![a-z]){}(?![a-z])"


@dataclass(frozen=True)
class FewSteps:
    """What one kind wants: its sampler, steps and guidance (1 is none), and settings of its scheduler.

    `weight` is how much a LoRA of this kind counts.
    """

    kind: str
    sampler: str
    steps: int = 4
    guidance_scale: float = 1.0
    scheduler: Mapping[str, Any] = field(default_factory=dict[str, Any])
    weight: float = 1.0

    @property
    def settings(self) -> dict[str, Any]:
        """Those of a form."""
        return {"steps": self.steps, "guidance_scale": self.guidance_scale, "sampler": self.sampler}


_TRAILING = {"timestep_spacing": "trailing"}
_TURBO = FewSteps("turbo", "euler", scheduler=_TRAILING)
_LCM = FewSteps("lcm", "lcm")
_TCD = FewSteps("tcd", "tcd")
_HYPER = FewSteps("hyper", "ddim", scheduler=_TRAILING)
_BY_NAME = {
    "lightning": FewSteps("lightning", "euler", scheduler=_TRAILING),
    "hyper[ _-]?sd(?:xl|15)?": _HYPER,
    "turbo": _TURBO,
    "lcm": _LCM,
    "tcd": _TCD,
}
_KEEPS_GUIDANCE = re.compile(r"(?<![a-z])cfg(?![a-z])")
_LEAST_KEPT = 5.0
"""Of the guidance of 5 to 8 that Hyper-SD's LoRAs with "CFG" in their names are made for."""
_OF_FLOW = {
    "hyper[ _-]?sd3": FewSteps("hyper", "euler", steps=8, weight=0.125),
    r"sd3\.5m[a-z_ -]*\d+ ?steps": FewSteps("turbo", "euler", steps=8, guidance_scale=1.5),
    "z-?image-fun-lora-distill": FewSteps("distilled", "euler", steps=8),
}
"""LoRAs alone. "Turbo" says nothing here: LoRAs made for Z-Image Turbo have it in their names, too."""
_HYPERS_GUIDANCE = {4: 3.0, 8: 5.0, 16: 7.0}
"""By steps, as its card says."""
_EMBEDDED_GUIDANCE = 8.0
"""What an LCM that is told the guidance was shown with."""


def by_name(name: str) -> FewSteps | None:
    """What a model or LoRA of this name wants, or None when the name says nothing."""
    name = name.lower()
    kinds = (kind for words, kind in _BY_NAME.items() if re.search(_WORD.format(words), name))
    if (kind := next(kinds, None)) is None:
        return None
    if kind is _HYPER and _KEEPS_GUIDANCE.search(name):
        return _with_steps(replace(kind, guidance_scale=_LEAST_KEPT, steps=8), name)
    found = _with_steps(kind, name)
    return replace(_TCD, steps=1) if kind is _HYPER and found.steps == 1 else found


def _with_steps(kind: FewSteps, name: str) -> FewSteps:
    """With the number of steps that the name says, if any."""
    steps = _STEPS.search(name)
    return replace(kind, steps=max(1, int(steps[1] or steps[2]))) if steps else kind


def _of_flow(name: str) -> FewSteps | None:
    """What a LoRA of this name wants of a model that predicts a flow."""
    name = name.lower()
    kinds = (kind for words, kind in _OF_FLOW.items() if re.search(words, name))
    if (kind := next(kinds, None)) is None:
        return None
    found = _with_steps(kind, name)
    guidance = _HYPERS_GUIDANCE.get(found.steps, 5.0) if kind.kind == "hyper" else kind.guidance_scale
    return replace(found, guidance_scale=guidance)


def of_model(names: Iterable[str], scheduler: Mapping[str, Any], guidance_embedding: bool) -> FewSteps | None:
    """What a model wants, by its names, its scheduler_config.json, and whether it is told the guidance."""
    shipped = str(scheduler.get("_class_name", ""))
    named = next(filter(None, map(by_name, names)), None)
    if guidance_embedding:
        return replace(_LCM, guidance_scale=_EMBEDDED_GUIDANCE, steps=named.steps if named else _LCM.steps)
    if named is None:
        return _by_scheduler(shipped, scheduler)
    return replace(named, sampler="euler_a") if _is_ancestral(named, shipped) else named


def of_loras(names: Iterable[str], samplers: Collection[str] = ()) -> FewSteps | None:
    """What the LoRAs of these names want: the first that says something decides.

    `samplers` are those that the model can be used with, which only models of other predictions list (empty:
    all).
    """
    found = next(filter(None, map(_of_flow if samplers else by_name, names)), None)
    return found if found and (not samplers or found.sampler in samplers) else None


def usual_weight(name: str) -> float:
    """How much a LoRA of this name counts unless somebody says otherwise."""
    found = _of_flow(name)
    return found.weight if found else 1.0


def _by_scheduler(shipped: str, settings: Mapping[str, Any]) -> FewSteps | None:
    if shipped == "LCMScheduler":
        return _LCM
    if shipped == "TCDScheduler":
        return _TCD
    trailing = settings.get("timestep_spacing") == "trailing" and not settings.get("rescale_betas_zero_snr")
    plain = settings.get("prediction_type", "epsilon") == "epsilon"
    if not (trailing and plain and shipped.startswith("Euler")):
        return None
    return replace(_TURBO, sampler="euler_a") if _is_ancestral(_TURBO, shipped) else _TURBO


def _is_ancestral(kind: FewSteps, shipped: str) -> bool:
    return kind.kind == "turbo" and shipped == "EulerAncestralDiscreteScheduler"
