"""What other programs call the samplers that we have."""

from __future__ import annotations

import re

from backends.core.contract import SAMPLERS

_KARRAS = "_karras"
_SAME = {
    "dpm_2": "dpm2",
    "dpmpp_2": "dpmpp_2m",
    "dpm_2_a": "dpm2_a",
    "kdpm_2": "dpm2",
    "kdpm_2_a": "dpm2_a",
    "dpm_solverpp": "dpmpp_2m",
    "dpm_solver_multistep_scheduler": "dpmpp_2m",
    "dpmpp_2m_sde_gpu": "dpmpp_2m_sde",
    "dpmpp_sde_gpu": "dpmpp_sde",
    "pndm": "plms",
    "uni_pc": "unipc",
    "uni_pc_bh2": "unipc",
}


def sampler_id(name: str, schedule: str = "") -> str | None:
    """Our id for another program's sampler and noise schedule, or None where there is none like it.

    Reads A1111's and Draw Things' names ("DPM++ 2M Karras"), ComfyUI's ("dpmpp_2m" with "karras"),
    InvokeAI's ("dpmpp_2m_k"), NovelAI's ("k_euler_ancestral") and Mochi Diffusion's ("DPM-Solver++").
    """
    plain = re.sub(r"[\s\-]+", "_", name.casefold().replace("+", "p").strip())
    plain = plain.removeprefix("k_").replace("_ancestral", "_a")
    karras = plain.endswith((_KARRAS, "_k")) or schedule.casefold() == "karras"
    base = plain.removesuffix(_KARRAS).removesuffix("_k")
    base = _SAME.get(base, base)
    wanted = f"{base}{_KARRAS}" if karras else base
    return wanted if wanted in SAMPLERS else None
