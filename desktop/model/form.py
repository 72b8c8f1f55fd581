"""The form: what the next picture is to be, as the person has set it so far."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from psygnal import SignalGroupDescriptor

from backends.core.contract import (
    HIRES_STRENGTH,
    MAX_SIDE,
    MIN_SIDE,
    REFINER_SWITCH,
    Defaults,
    Hires,
    Refiner,
    Request,
)
from backends.core.contract.hires import scaled
from desktop.model.guides import Guide, guide_of
from desktop.model.start import Beside, StartPicture, beside_of
from desktop.model.styles import Style

EXAMPLE_PROMPT = "a panda eating tacos at the beach"
ASPECTS: Mapping[str, tuple[int, int]] = {"1:1": (1, 1), "3:2": (3, 2), "2:3": (2, 3), "16:9": (16, 9)}
_SEEDS = 2**32
"""Seeds we choose ourselves are short enough to read out and type; people may use larger ones."""
STRENGTH = 0.75
"""How far a picture leaves the one it starts from, unless the person says otherwise."""
FEATHER = 8
"""Pixels over which new and old run together, unless the person says otherwise."""
NOT_EXTENDED = (0, 0, 0, 0)
_NO_OTHERS = Beside()


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """An installed model, as the form offers it. `samplers` are those it can be used with; empty: all.

    `takes_controls` and `takes_references`: whether ControlNets can guide it, and whether it looks at
    pictures. `made_for` is the backend that it was converted for, or "".
    Its pictures' sides are multiples of `size_step`, and one of `sizes` where it was converted for some.
    `takes_depth`: it keeps a picture's depth; `finds_depth`: by a network of its own.
    `refines`: the families whose pictures it is made to finish; `has_refiner`: whether there are such for it.
    """

    name: str
    title: str
    folder: Path
    defaults: Defaults
    samplers: tuple[str, ...] = ()
    takes_controls: bool = False
    takes_references: bool = False
    made_for: str = ""
    size_step: int = 8
    sizes: tuple[tuple[int, int], ...] = ()
    family: str = ""
    refines: tuple[str, ...] = ()
    has_refiner: bool = False
    takes_depth: bool = False
    finds_depth: bool = False


@dataclass(kw_only=True)
class Form:
    """The settings on the left of the window. `events` holds one signal a field.

    While the seed is not locked every request gets a new one, which the field then shows. `style` is
    the name of a saved style, or empty. `strength`, `mask`, `feather` and `extend` (left, top, right, bottom)
    count only with a `start` picture; `width` and `height` are without what is extended. The hi-res fix is
    off while `hires_by` is empty, and with a start picture. `references` are pictures that the model looks
    at, `guides` those of ControlNets. `refiner` is the model that makes the last steps, or empty.
    `vae` is the VAE that stands in for the model's own, or empty. `depth_by` says what finds depth, for
    models that keep it, unless there is a `depth_map`.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    prompt: str = EXAMPLE_PROMPT
    negative_prompt: str = ""
    model: str = "starter"
    width: int = 128
    height: int = 128
    count: int = 1
    steps: int = 20
    guidance_scale: float = 5.0
    sampler: str = "dpmpp_2m"
    clip_skip: int = 0
    seed: int = 0
    seed_locked: bool = False
    style: str = ""
    start: StartPicture | None = None
    strength: float = STRENGTH
    mask: bytes | None = None
    feather: int = FEATHER
    extend: tuple[int, int, int, int] = NOT_EXTENDED
    hires_by: str = ""
    hires_scale: float = 2.0
    hires_steps: int = 10
    hires_strength: float = HIRES_STRENGTH
    references: tuple[StartPicture, ...] = ()
    guides: tuple[Guide, ...] = ()
    vae: str = ""
    depth_by: str = ""
    depth_map: StartPicture | None = None
    refiner: str = ""
    refiner_switch: float = REFINER_SWITCH

    def use_model(self, choice: ModelChoice) -> None:
        """Chooses a model and takes over the settings it looks best with."""
        self.model = choice.name
        self.width, self.height = choice.defaults.width, choice.defaults.height
        self.steps, self.guidance_scale = choice.defaults.steps, choice.defaults.guidance_scale
        self.sampler = choice.defaults.sampler

    def use_size(self, width: int, height: int) -> None:
        self.width, self.height = width, height

    def use_aspect(self, aspect: str, area: int) -> None:
        """Sides of about this many pixels altogether, in one of ASPECTS."""
        self.use_size(*sides_for(*ASPECTS[aspect], area))

    def swap_sides(self) -> None:
        self.width, self.height = self.height, self.width

    def roll_seed(self) -> None:
        """Chooses a new seed."""
        self.seed = secrets.randbelow(_SEEDS)

    def choose_seed(self, seed: int) -> None:
        """The person wants this very seed, so it is kept until they unlock it."""
        self.seed, self.seed_locked = seed, True

    @property
    def whole_size(self) -> tuple[int, int]:
        """Width and height with what is extended."""
        left, top, right, bottom = self.extend if self.start else NOT_EXTENDED
        return self.width + left + right, self.height + top + bottom

    @property
    def hires(self) -> Hires | None:
        """The second pass, where one is wanted. Raises InvalidRequest."""
        if not self.hires_by or self.start is not None:
            return None
        return Hires(
            width=scaled(self.width, self.hires_scale),
            height=scaled(self.height, self.hires_scale),
            steps=self.hires_steps,
            strength=self.hires_strength,
            by=self.hires_by,
        )

    @property
    def beside(self) -> Beside:
        """The pictures that the next request has beside the one it starts from."""
        guides = tuple(guide.picture for guide in self.guides)
        return Beside(references=self.references, controls=guides, depth_map=self.depth_map)

    def use_hires(self, hires: Hires | None) -> None:
        """A second pass as this one, from the form's size; or none."""
        self.hires_by = hires.by if hires else ""
        if hires is not None:
            self.hires_scale = round(hires.width / self.width, 2)
            self.hires_steps, self.hires_strength = hires.steps, hires.strength

    @property
    def refining(self) -> Refiner | None:
        """The second model, where one is wanted. Raises InvalidRequest."""
        return Refiner(model=self.refiner, switch=self.refiner_switch) if self.refiner else None

    def use_refiner(self, refiner: Refiner | None) -> None:
        """A second model as this one, or none."""
        self.refiner = refiner.model if refiner else ""
        if refiner is not None:
            self.refiner_switch = refiner.switch

    def use_depth(self, by: str, depth_map: StartPicture | None) -> None:
        """Depth is this map's or, without one, found by this."""
        self.depth_map, self.depth_by = depth_map, "" if depth_map else by

    def use_inpainting(self, mask: bytes | None, feather: int, extend: tuple[int, int, int, int]) -> None:
        """What of the start picture is made anew, and how much around it; without either, nothing."""
        self.mask, self.extend = mask, extend
        self.feather = feather if mask is not None or any(extend) else FEATHER

    def next_request(self, style: Style | None = None) -> Request:
        """The request to send, with a new seed unless it is locked. Raises InvalidRequest."""
        if not self.seed_locked:
            self.roll_seed()
        texts = self.prompt, self.negative_prompt
        prompt, negative_prompt = style.apply(*texts) if style else texts
        width, height = self.whole_size
        return Request(
            prompt=prompt,
            negative_prompt=negative_prompt,
            model=self.model,
            width=width,
            height=height,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            sampler=self.sampler,
            seed=self.seed,
            count=self.count,
            clip_skip=self.clip_skip,
            init_image=self.start.data if self.start else None,
            strength=self.strength,
            mask=self.mask if self.start else None,
            feather=self.feather if self.start else 0,
            extend=self.extend if self.start else NOT_EXTENDED,
            hires=self.hires,
            refiner=self.refining,
            vae=self.vae,
            depth_by=self.depth_by,
            depth_map=self.depth_map.data if self.depth_map else None,
            references=tuple(picture.data for picture in self.references),
            controls=tuple(guide.control() for guide in self.guides),
        )

    def use_beside(self, request: Request, known: Beside) -> None:
        """The request's reference pictures and guides, with the pictures' names where they are known."""
        pictures = beside_of(request, known)
        self.references = pictures.references
        self.guides = tuple(map(guide_of, request.controls, pictures.controls))

    def fill_from(
        self, request: Request, seed: int, start: StartPicture | None = None, beside: Beside = _NO_OTHERS
    ) -> None:
        """Sets everything as it was for one picture, so that Generate makes it again."""
        self.use_beside(request, beside)
        self.style, self.start, self.strength = "", start, request.strength
        self.prompt, self.negative_prompt = request.prompt, request.negative_prompt
        self.model, self.sampler = request.model, request.sampler
        left, top, right, bottom = request.extend
        self.width, self.height = request.width - left - right, request.height - top - bottom
        self.use_inpainting(request.mask, request.feather, request.extend if start else NOT_EXTENDED)
        self.use_hires(request.hires)
        self.use_refiner(request.refiner)
        self.vae = request.vae
        self.use_depth(request.depth_by, beside_of(request, beside).depth_map)
        self.steps, self.guidance_scale = request.steps, request.guidance_scale
        self.clip_skip, self.count = request.clip_skip, 1
        self.choose_seed(seed)


def sides_for(across: int, down: int, area: int) -> tuple[int, int]:
    """Width and height in the ratio across : down, near `area` pixels, in steps a model likes."""
    width, height = math.sqrt(area * across / down), math.sqrt(area * down / across)
    step = 64 if min(width, height) >= 256 else 8
    return _rounded(width, step), _rounded(height, step)


def _rounded(side: float, step: int) -> int:
    return min(MAX_SIDE, max(MIN_SIDE, round(side / step) * step))
