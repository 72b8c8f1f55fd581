"""What a worker tells of a picture's inside, made up: a sun over a sea that comes out of noise."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from backends.core.contract import (
    Denoised,
    Event,
    Finished,
    NoiseDrawn,
    Picture,
    PictureReady,
    Request,
    Stage,
    StageFinished,
    StageStarted,
    StepDone,
    StepSeen,
    TextRead,
    WordsAttended,
)

SIDE = 16
LIMIT = 75


def text(request: Request) -> TextRead:
    words = tuple(request.prompt.split())
    return TextRead(request.id, words[:LIMIT], words[LIMIT:])


def noise(request: Request, index: int) -> NoiseDrawn:
    return NoiseDrawn(request.id, index, _scene(request.seed + index, 1.0))


def step(request: Request, index: int, number: int) -> StepSeen:
    share = 1 - (number - 1) / request.steps
    seed = request.seed + index
    guided = request.guidance_scale > 1
    return StepSeen(
        request.id,
        index,
        step=number,
        noise_share=share,
        latents=_scene(seed, share),
        estimate=_scene(seed, share / 3),
        unconditional=_scene(seed, share / 2) if guided else None,
        conditional=_scene(seed, share / 3 + 0.05) if guided else None,
    )


def ending(request: Request, index: int) -> Iterator[Event]:
    yield Denoised(request.id, index, _scene(request.seed + index, 0.0))
    count = len(text(request).tokens)
    maps = tuple(_map(token) for token in range(count))
    yield WordsAttended(request.id, index, SIDE, SIDE, maps)


def whole_run(request: Request) -> Iterator[Event]:
    """A whole picture, told at once."""
    yield StageStarted(request.id, Stage.LOADING)
    yield StageFinished(request.id, Stage.LOADING, 0.3)
    yield StageStarted(request.id, Stage.READING_PROMPT)
    yield text(request)
    yield StageFinished(request.id, Stage.READING_PROMPT, 0.05)
    yield StageStarted(request.id, Stage.DENOISING)
    yield noise(request, 0)
    for number in range(1, request.steps + 1):
        yield step(request, 0, number)
        yield StepDone(request.id, number, request.steps, 0.08)
    yield StageFinished(request.id, Stage.DENOISING, 1.62)
    yield from ending(request, 0)
    yield StageStarted(request.id, Stage.DEVELOPING)
    yield StageFinished(request.id, Stage.DEVELOPING, 0.21)
    times = {"reading_prompt": 0.05, "denoising": 1.62, "developing": 0.21}
    yield PictureReady(request.id, 0, request.seed, _scene(request.seed, 0.0, 128), times, {"model": "Fake"})
    yield Finished(request.id)


def _scene(seed: int, share: float, side: int = SIDE) -> Picture:
    chance = Random(seed)
    pixels = bytearray()
    for place in range(side * side):
        y, x = divmod(place, side)
        for clean in _colour(x / side, y / side):
            pixels.append(round((1 - share) * clean + share * chance.randrange(256)))
    return Picture(side, side, bytes(pixels))


def _colour(x: float, y: float) -> tuple[int, int, int]:
    if (x - 0.6) ** 2 + (y - 0.35) ** 2 < 0.03:
        return (250, 210, 120)
    return (90, 140, 200) if y < 0.6 else (20, 70 + round(60 * y), 110)


def _map(token: int) -> bytes:
    """Each token looks at another place."""
    middle_x, middle_y = (token * 5) % SIDE, (token * 3) % SIDE
    shares = (
        0.05 / (1 + ((place % SIDE - middle_x) ** 2 + (place // SIDE - middle_y) ** 2) / 8)
        for place in range(SIDE * SIDE)
    )
    return struct.pack(f"<{SIDE * SIDE}e", *shares)
