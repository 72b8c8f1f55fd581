"""Pictures of what was seen inside: a word's heat over the picture, the steps as a film or a sheet."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw

from backends.core.contract import Picture, StepSeen
from desktop.model.inside import Heat, Record

_GLOW = (255, 176, 84)
_DARKEST = 0.34
_STRONGEST = 0.25
_CONTRAST = 1.6
"""Above 1: attention is spread wide, and what stands out should be seen to."""
_FILM_MS, _LAST_MS = 120, 1500
_FILM_LONGEST_MS = 12_000
_FILM_FRAMES = 200
_CELL, _GAP, _LABEL = 128, 8, 16
_SHEET_ACROSS = 8
_PAPER, _INK = (28, 27, 26), (173, 165, 157)


def to_image(picture: Picture) -> Image.Image:
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def to_picture(image: Image.Image) -> Picture:
    return Picture(image.width, image.height, image.convert("RGB").tobytes())


def warmed(picture: Picture, heat: Heat) -> Picture:
    """The picture lit where the token mattered and dark where it did not."""
    base = to_image(picture)
    mask = Image.frombytes(
        "L", (heat.width, heat.height), bytes(round(v**_CONTRAST * 255) for v in heat.values)
    )
    mask = mask.resize(base.size, Image.Resampling.BICUBIC)
    night = Image.blend(Image.new("RGB", base.size), base.convert("L").convert("RGB"), _DARKEST)
    lit = Image.composite(base, night, mask)
    glow = mask.point([round(value * _STRONGEST) for value in range(256)])
    return to_picture(Image.composite(Image.new("RGB", base.size, _GLOW), lit, glow))


def film(record: Record, *, side: int = 384) -> bytes:
    """The steps as an animated WebP: what the network saw, beside what it made of it; then the picture.

    `side` is the longer one of each half. Of more than 200 steps as many are shown, evenly.
    """
    frames = [_pair(step.latents, step.estimate, side) for step in _evenly(record.steps, _FILM_FRAMES)]
    if record.picture is not None:
        frames.append(_pair(record.latents or record.picture, record.picture, side))
    each = max(20, min(_FILM_MS, _FILM_LONGEST_MS // max(1, len(frames))))
    times = [each] * (len(frames) - 1) + [_LAST_MS]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=times,
        loop=0,
        quality=85,
        method=2,
    )
    return buffer.getvalue()


def sheet(record: Record) -> bytes:
    """All steps as one PNG, in rows from left to right: what the network saw above what it made of it."""
    cells = [_cell(step.latents, step.estimate, str(step.step)) for step in record.steps]
    if record.picture is not None:
        cells.append(_cell(record.latents or record.picture, record.picture, "end"))
    across = min(_SHEET_ACROSS, len(cells))
    width, height = cells[0].size
    rows = math.ceil(len(cells) / across)
    whole = Image.new("RGB", (across * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), _PAPER)
    for number, cell in enumerate(cells):
        row, column = divmod(number, across)
        whole.paste(cell, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


def _evenly(steps: tuple[StepSeen, ...], most: int) -> list[StepSeen]:
    """All steps, or `most` of them in equal distances with the first and the last."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(number * (len(steps) - 1) / (most - 1))] for number in range(most)]


def _pair(left: Picture, right: Picture, side: int) -> Image.Image:
    seen, thought = (
        _sized(left, side, Image.Resampling.NEAREST),
        _sized(right, side, Image.Resampling.BICUBIC),
    )
    both = Image.new("RGB", (seen.width + _GAP + thought.width, max(seen.height, thought.height)), _PAPER)
    both.paste(seen, (0, 0))
    both.paste(thought, (seen.width + _GAP, 0))
    return both


def _cell(above: Picture, below: Picture, label: str) -> Image.Image:
    seen, thought = (
        _sized(above, _CELL, Image.Resampling.NEAREST),
        _sized(below, _CELL, Image.Resampling.BICUBIC),
    )
    cell = Image.new("RGB", (seen.width, _LABEL + seen.height + 2 + thought.height), _PAPER)
    ImageDraw.Draw(cell).text((1, 1), label, fill=_INK)
    cell.paste(seen, (0, _LABEL))
    cell.paste(thought, (0, _LABEL + seen.height + 2))
    return cell


def _sized(picture: Picture, side: int, how: Image.Resampling) -> Image.Image:
    """The picture with `side` as its longer side."""
    scale = side / max(picture.width, picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return to_image(picture).resize(size, how)
