"""What is asked for: a request decides a picture, a job says where it is made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backends.core.contract.control import MAX_CONTROLS, Control
from backends.core.contract.errors import InvalidRequest, unknown
from backends.core.contract.hires import Hires
from backends.core.contract.refiner import Refiner

MAX_PROMPT_CHARACTERS = 10_000
MAX_SEED = 2**63 - 1
MAX_STEPS = 1000
MAX_COUNT = 1000
MIN_SIDE, MAX_SIDE = 64, 8192
MAX_PICTURE_BYTES = 64 * 2**20
MAX_FEATHER, MAX_EXTEND = 256, 4096
MIN_EXTENDED = 16
MAX_REFERENCES = 4
_LONGEST_NAME = 200
ROUGH_DEPTH = "rough"
"""What `Request.depth_by` says for a rough estimate."""
EDGES = ("left", "top", "right", "bottom")
"""In the order in which `Request.extend` has them."""

SAMPLERS: Mapping[str, str] = {
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_karras": "Euler Karras",
    "heun": "Heun",
    "lms": "LMS",
    "lms_karras": "LMS Karras",
    "dpm2": "DPM2",
    "dpm2_karras": "DPM2 Karras",
    "dpm2_a": "DPM2 a",
    "dpmpp_2s": "DPM++ 2S",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M Karras",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_karras": "DPM++ 2M SDE Karras",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_karras": "DPM++ SDE Karras",
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "plms": "PLMS",
    "deis": "DEIS",
    "unipc": "UniPC",
    "unipc_karras": "UniPC Karras",
    "lcm": "LCM",
    "tcd": "TCD",
}
"""Sampler ids, and the names people know them by (A1111's where it has one)."""


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides a picture, and nothing else.

    Two equal requests on one backend give one picture, bit for bit. `id` names this asking, and
    does not count in comparison. Sizes are in pixels; picture k of `count` uses `seed + k`.
    `guidance_scale` of 1 or less means no guidance. `strength` (0 to 1] matters only with
    `init_image`, the bytes of a PNG, JPEG or WebP file. `clip_skip` is how many of the text
    encoder's last layers are skipped, as diffusers counts it (A1111's number less one).

    Inpainting: `mask` is a picture file's bytes, of `init_image`'s size; white is made anew, with a soft edge
    of `feather` pixels. Outpainting: `extend` is how many pixels of `width` and `height` lie to the left of
    the start picture, above it, to its right and below it.

    `references` are picture files' bytes: what a model of such a kind looks at while it makes another.

    `controls` are ControlNets that guide it, each by a picture.

    `vae` is the name of a VAE that stands in for the model's own, or "".

    `hires` makes the finished picture larger, by a second pass; `width` and `height` are the first one's.

    `refiner` is a second model that makes the last steps; with `hires`, those of the second pass.

    For models that are told depth (ModelFacts.takes_depth): `depth_map` is a picture file's bytes, white for
    what is near, placed as the start picture is. Without it, depth is found in the start picture `depth_by`
    the depth model of this name, or ROUGH_DEPTH; "" is the model's own network or, if it has none, roughly.

    Raises InvalidRequest when a value can't be used.
    """

    prompt: str = ""
    negative_prompt: str = ""
    model: str = "starter"
    width: int
    height: int
    steps: int
    guidance_scale: float
    sampler: str
    seed: int
    count: int = 1
    init_image: bytes | None = field(default=None, repr=False)
    strength: float = 0.75
    clip_skip: int = 0
    mask: bytes | None = field(default=None, repr=False)
    feather: int = 0
    extend: tuple[int, int, int, int] = (0, 0, 0, 0)
    references: tuple[bytes, ...] = field(default=(), repr=False)
    hires: Hires | None = None
    controls: tuple[Control, ...] = ()
    vae: str = ""
    refiner: Refiner | None = None
    depth_map: bytes | None = field(default=None, repr=False)
    depth_by: str = ""
    id: str = field(default_factory=_new_id, compare=False)

    def __post_init__(self) -> None:
        _check_text("prompt", self.prompt)
        _check_text("negative prompt", self.negative_prompt)
        _check_side("width", self.width)
        _check_side("height", self.height)
        _check_whole("number of steps", self.steps, 1, MAX_STEPS)
        _check_whole("count", self.count, 1, MAX_COUNT)
        _check_whole("seed", self.seed, 0, MAX_SEED - self.count)
        _check_whole("clip skip", self.clip_skip, 0, 11)
        _check_number("guidance scale", self.guidance_scale, 0.0, 100.0)
        _check_number("strength", self.strength, 0.0, 1.0)
        if self.sampler not in SAMPLERS:
            raise unknown("sampler", self.sampler, SAMPLERS)
        if self.init_image is not None and int(self.steps * self.strength) < 1:
            raise InvalidRequest(
                f"With strength {self.strength:g} and {self.steps} steps no step would be made.",
                f"Use a strength of at least {1 / self.steps:.2g}, or more steps.",
            )
        if len(self.references) > MAX_REFERENCES:
            raise InvalidRequest(
                f"{len(self.references)} reference pictures are too many.", f"Use at most {MAX_REFERENCES}."
            )
        if len(self.controls) > MAX_CONTROLS:
            raise InvalidRequest(
                f"{len(self.controls)} ControlNets are too many.", f"Use at most {MAX_CONTROLS}."
            )
        if len(self.vae) > _LONGEST_NAME:
            raise InvalidRequest("A VAE's name is too long.", "Give its name, or its file.")
        _check_inpainting(self)
        _check_hires(self)
        _check_depth(self)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the finished pictures."""
        return (self.hires.width, self.hires.height) if self.hires else (self.width, self.height)


def _check_depth(request: Request) -> None:
    if len(request.depth_by) > _LONGEST_NAME:
        raise InvalidRequest("A depth model's name is too long.", "Give its name.")
    if request.depth_by and request.depth_map is not None:
        raise InvalidRequest(
            "There is a depth map, so that depth is not looked for.", "Leave out the map, or the depth model."
        )


def _check_hires(request: Request) -> None:
    if request.hires is None:
        return
    request.hires.check_from(request.width, request.height)
    _check_side("width", request.hires.width)
    _check_side("height", request.hires.height)
    if request.init_image is not None:
        raise InvalidRequest(
            "The hi-res fix is for pictures from noise, and this one starts from a picture.",
            "Leave out the start picture, or upscale the finished one.",
        )


def _check_inpainting(request: Request) -> None:
    _check_whole("feather", request.feather, 0, MAX_FEATHER)
    for edge, pixels in zip(EDGES, request.extend, strict=True):
        _check_whole(f"extension at the {edge}", pixels, 0, MAX_EXTEND)
    if request.init_image is None and (request.mask is not None or any(request.extend)):
        raise InvalidRequest(
            "A mask or an extension needs a picture to start from.", "Give a start picture, too."
        )
    left, top, right, bottom = request.extend
    if min(request.width - left - right, request.height - top - bottom) < MIN_EXTENDED:
        raise InvalidRequest(
            f"Extended so far, nothing of the start picture is left in {request.width} x {request.height}.",
            "Extend it less, or use a larger size.",
        )


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise InvalidRequest(
            f"The {name} is {len(text):,} characters long; the most is {MAX_PROMPT_CHARACTERS:,}.",
            "Shorten it: a model reads only the first hundred words or so.",
        )
    broken = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if broken is not None:
        raise InvalidRequest(
            f"The {name} has a broken character (half of a surrogate pair) at position {broken + 1}.",
            "Delete it and type it again.",
        )


def _check_side(name: str, side: int) -> None:
    _check_whole(name, side, MIN_SIDE, MAX_SIDE)
    if side % 8:
        lower = max(MIN_SIDE, side // 8 * 8)
        raise InvalidRequest(
            f"The {name} must be a multiple of 8, and {side} is not.", f"Use {lower} or {lower + 8}."
        )


def _check_whole(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InvalidRequest(
            f"The {name} must be a whole number, and {value!r} can't be used.", f"Use {low} to {high}."
        )


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN fails the comparison too
        raise InvalidRequest(f"The {name} can't be {value!r}.", f"Use a number from {low:g} to {high:g}.")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A request with where it is to be made: what the worker is sent.

    `backend` is a backend's id, or "auto". `options` are the backend's own (see Capabilities).
    `inside` asks for what happens inside as well (events NoiseDrawn to WordsAttended).
    `search`: where LoRAs, embeddings and wildcards that the prompt names are looked for (core/shelf.py).
    `refiner_folder` is the refiner's, for a request with one.
    """

    request: Request
    model_folder: Path
    backend: str = "auto"
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    previews: bool = True
    inside: bool = False
    search: tuple[Path, ...] = ()
    refiner_folder: Path | None = None
