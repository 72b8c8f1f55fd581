"""How one picture was made: everything needed to make it again, as plain data and as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, cast

from backends.core.contract import POSE, Control, Hires, InvalidRequest, PictureReady, Refiner, Request
from backends.core.contract.pose import pose_bytes, read_pose

FORMAT = 1
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class InitPicture:
    """The picture another one started from: its file's name, its path with "~" for the user's folder,
    and the SHA-256 of its bytes as hex digits."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Inpainted:
    """What of the start picture was made anew: the mask itself as a PNG in base64, or empty, and its SHA-256;
    how soft its edge is; and how many pixels were added to the left, above, to the right and below."""

    mask: str = ""
    sha256: str = ""
    feather: int = 0
    extend: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Upscaled:
    """How a picture was made larger after it was finished: by "lanczos" or an upscaler's name, its file's
    SHA-256 and the tiles' side (0 without one); the size that came of it, and which picture it was."""

    by: str
    scale: float
    width: int
    height: int
    tile: int = 0
    sha256: str = ""
    origin: InitPicture | None = None


@dataclass(frozen=True, kw_only=True)
class Controlled:
    """A ControlNet that steered a picture: its name, its picture, and how (see contract.Control).

    `pose` is the pose itself, as the JSON that the request had, or empty.
    """

    model: str
    picture: InitPicture
    prepare: str = "none"
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    by: str = ""
    pose: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One picture's recipe and provenance. None is for what another program did not write down.

    The names are those of Request, but `seed` is this picture's own (the request's plus
    `picture_index`), so that one picture of many can be made again. `stage_seconds` maps a stage's
    name to seconds; `provenance` holds backend, precision, versions and the model's hash;
    `created` is UTC in ISO 8601. `template` and `negative_template` are the prompts as they were written,
    where they left a choice; the others are what came of it. With `hires`, `width` and `height` are the first
    pass's; `picture_size` is the picture's own. `vae` is the VAE that stood in for the model's own, if any;
    the SHA-256 of its file is `vae_hash` in the provenance. `depth_by` and `depth_map` are the request's;
    whose depth it was says START_DEPTH in the provenance.
    """

    prompt: str
    negative_prompt: str = ""
    model: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    seed: int | None = None
    count: int = 1
    picture_index: int = 0
    strength: float | None = None
    clip_skip: int | None = None
    init_image: InitPicture | None = None
    inpainting: Inpainted | None = None
    references: tuple[InitPicture, ...] = ()
    controls: tuple[Controlled, ...] = ()
    hires: Hires | None = None
    refiner: Refiner | None = None
    upscaled: Upscaled | None = None
    vae: str | None = None
    depth_by: str | None = None
    depth_map: InitPicture | None = None
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])
    stage_seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    created: str = ""
    template: str | None = None
    negative_template: str | None = None

    @property
    def picture_size(self) -> tuple[int | None, int | None]:
        """Width and height of the picture, where they are known."""
        last = self.upscaled or self.hires or self
        return last.width, last.height


def describe(
    request: Request,
    ready: PictureReady,
    init: InitPicture | None,
    created: str,
    references: tuple[InitPicture, ...] = (),
    controls: tuple[Controlled, ...] = (),
    depth_map: InitPicture | None = None,
) -> Record:
    """The record of a picture that this request made."""
    return Record(
        prompt=request.prompt if ready.prompt is None else ready.prompt,
        negative_prompt=request.negative_prompt if ready.negative_prompt is None else ready.negative_prompt,
        template=None if ready.prompt is None else request.prompt,
        negative_template=None if ready.negative_prompt is None else request.negative_prompt,
        model=request.model,
        width=request.width,
        height=request.height,
        steps=request.steps,
        guidance_scale=float(request.guidance_scale),
        sampler=request.sampler,
        seed=ready.seed,
        count=request.count,
        picture_index=ready.picture_index,
        strength=float(request.strength),
        clip_skip=request.clip_skip,
        init_image=init,
        inpainting=_describe_inpainting(request),
        references=references,
        controls=controls,
        hires=request.hires,
        refiner=request.refiner,
        vae=request.vae or None,
        depth_by=request.depth_by or None,
        depth_map=depth_map,
        provenance=dict(ready.provenance),
        stage_seconds={stage: round(seconds, 4) for stage, seconds in ready.stage_seconds.items()},
        created=created,
    )


def _describe_inpainting(request: Request) -> Inpainted | None:
    if request.mask is None and not any(request.extend):
        return None
    data = request.mask or b""
    return Inpainted(
        mask=base64.b64encode(data).decode(),
        sha256=hashlib.sha256(data).hexdigest() if data else "",
        feather=request.feather,
        extend=request.extend,
    )


def describe_control(control: Control, picture: InitPicture) -> Controlled:
    """How a record names a ControlNet whose picture is this file."""
    return Controlled(
        model=control.model,
        picture=picture,
        prepare=control.prepare,
        by=control.by,
        weight=control.weight,
        start=control.start,
        end=control.end,
        pose=_pose(control.image.decode()) if control.prepare == POSE else "",
    )


def mask_of(record: Record) -> bytes | None:
    """The mask that a record keeps, as a PNG's bytes."""
    return base64.b64decode(record.inpainting.mask) if record.inpainting and record.inpainting.mask else None


def to_json(record: Record) -> str:
    """The record as one line of ASCII JSON."""
    return json.dumps({"format": FORMAT, **asdict(record)}, allow_nan=False)


def from_json(text: str) -> Record:
    """The record that `to_json` wrote; unknown entries are passed over. Raises ValueError."""
    try:
        entries = _Entries(json.loads(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    entries.whole("format")
    return Record(
        prompt=entries.text("prompt") or "",
        negative_prompt=entries.text("negative_prompt") or "",
        model=entries.text("model"),
        width=entries.whole("width"),
        height=entries.whole("height"),
        steps=entries.whole("steps"),
        guidance_scale=entries.number("guidance_scale"),
        sampler=entries.text("sampler"),
        seed=entries.whole("seed"),
        count=entries.whole("count") or 1,
        picture_index=entries.whole("picture_index") or 0,
        strength=entries.number("strength"),
        clip_skip=entries.whole("clip_skip"),
        init_image=_init_picture(entries),
        inpainting=_inpainting(entries),
        references=_references(entries),
        controls=_controls(entries),
        hires=_kept(entries, "hires", Hires, "the hi-res fix"),
        refiner=_kept(entries, "refiner", Refiner, "the refiner"),
        upscaled=_upscaled(entries),
        vae=entries.text("vae"),
        depth_by=entries.text("depth_by"),
        depth_map=_init_picture(entries, "depth_map"),
        provenance={name: str(value) for name, value in entries.table("provenance").items()},
        stage_seconds={name: float(value) for name, value in entries.table("stage_seconds").items()},
        created=entries.text("created") or "",
        template=entries.text("template"),
        negative_template=entries.text("negative_template"),
    )


def _init_picture(entries: _Entries, name: str = "init_image") -> InitPicture | None:
    if not (table := entries.table(name)):
        return None
    return _picture(_Entries(table))


def _references(entries: _Entries) -> tuple[InitPicture, ...]:
    return tuple(_picture(_Entries(each)) for each in entries.row("references"))


def _controls(entries: _Entries) -> tuple[Controlled, ...]:
    return tuple(_controlled(_Entries(each)) for each in entries.row("controls"))


def _controlled(entries: _Entries) -> Controlled:
    numbers = {name: entries.number(name) for name in ("weight", "start", "end")}
    return Controlled(
        model=entries.text("model") or "",
        picture=_init_picture(entries, "picture") or InitPicture(name="", path="", sha256=""),
        prepare=entries.text("prepare") or "none",
        by=entries.text("by") or "",
        pose=_pose(entries.text("pose") or ""),
        **{name: value for name, value in numbers.items() if value is not None},
    )


def _pose(text: str) -> str:
    """Raises ValueError for one that is damaged."""
    try:
        return pose_bytes(read_pose(text.encode())).decode("ascii") if text else ""
    except InvalidRequest as error:
        raise ValueError("the pose is damaged") from error


def _picture(entries: _Entries) -> InitPicture:
    return InitPicture(
        name=entries.text("name") or "", path=entries.text("path") or "", sha256=entries.text("sha256") or ""
    )


def _inpainting(entries: _Entries) -> Inpainted | None:
    """Raises ValueError for a mask that is no base64 or not the one that its digest names."""
    if not (table := entries.table("inpainting")):
        return None
    inner, edges = _Entries(table), table.get("extend")
    mask, sha256 = inner.text("mask") or "", inner.text("sha256") or ""
    if mask and hashlib.sha256(base64.b64decode(mask, validate=True)).hexdigest() != sha256:
        raise ValueError("the mask is damaged")
    return Inpainted(mask=mask, sha256=sha256, feather=inner.whole("feather") or 0, extend=_edges(edges))


def _kept(entries: _Entries, name: str, kind: Callable[..., _T], words: str) -> _T | None:
    """A part of the request as it was kept. Raises ValueError for one that can't be."""
    if not (table := entries.table(name)):
        return None
    try:
        return kind(**table)
    except (TypeError, AttributeError, InvalidRequest) as error:
        raise ValueError(f"{words} is damaged") from error


def _upscaled(entries: _Entries) -> Upscaled | None:
    if not (table := entries.table("upscaled")):
        return None
    inner = _Entries(table)
    return Upscaled(
        by=inner.text("by") or "",
        scale=inner.number("scale") or 1.0,
        width=inner.whole("width") or 0,
        height=inner.whole("height") or 0,
        tile=inner.whole("tile") or 0,
        sha256=inner.text("sha256") or "",
        origin=_init_picture(inner, "origin"),
    )


def _edges(value: object) -> tuple[int, int, int, int]:
    pixels = cast(list[object], value) if isinstance(value, list) else []
    left, top, right, bottom = (each if type(each) is int else 0 for each in (*pixels, 0, 0, 0, 0)[:4])
    return left, top, right, bottom


class _Entries:
    """A JSON object from a file nobody vouches for: every entry is absent or of the kind asked for."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise ValueError("not an object")
        self._entries = cast(dict[str, Any], value)

    def _get(self, name: str, *kinds: type) -> Any:
        value = self._entries.get(name)
        if value is not None and type(value) not in kinds:
            raise ValueError(f"{name} is of another kind")
        return value

    def text(self, name: str) -> str | None:
        return self._get(name, str)

    def whole(self, name: str) -> int | None:
        return self._get(name, int)

    def number(self, name: str) -> float | None:
        value = self._get(name, int, float)
        return None if value is None else float(value)

    def row(self, name: str) -> list[object]:
        return self._get(name, list) or []

    def table(self, name: str) -> dict[str, Any]:
        return self._get(name, dict) or {}
