"""`mezzotint upscale`: a larger copy of a picture, saved in the library with its recipe and what was done."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backends.core.contract import LANCZOS, InvalidRequest, Picture, UnreadablePicture
from backends.core.shelf import PICKLED_ENDINGS, UPSCALERS, Shelf
from desktop.cli.show import Progress, choose_progress, printable
from desktop.cli.stop import Stop
from desktop.cli.upscale_options import UpscaleOptions, chosen_way
from desktop.library import saving
from desktop.library.additions import search_folders
from desktop.library.destination import parse_destination
from desktop.library.foreign import read_recipe
from desktop.library.keeping import Keeper
from desktop.library.pictures import encode_picture
from desktop.library.png import encode_png
from desktop.library.reading import read_init_picture
from desktop.library.record import Record, Upscaled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SCALE, _TILE = 2.0, 256
_ENLARGING = "Enlarging the picture"
Told = Callable[[int, int], None]


def run(options: UpscaleOptions, stop: Stop) -> int:
    """Makes the picture and prints where it is. Returns 0; raises a MezzotintError."""
    path = Path(options.picture)
    data, init = read_init_picture(path)
    before = _recorded(options)
    way, file = _find_upscaler(chosen_way(options, before.by if before else None))
    scale = options.scale or (before.scale if before else _SCALE)
    tile = options.tile or (before.tile if before and before.tile else _TILE)
    destination = parse_destination(options.out)
    saving.make_folder(destination.folder)
    saving.check_folder(destination.folder, 2**20)
    with choose_progress(not (options.quiet or options.json)) as progress:
        progress.stage(_ENLARGING)
        picture = _enlarge(data, file, scale, tile, _teller(options, progress, stop))
        done = Upscaled(
            by=way, scale=scale, width=picture.width, height=picture.height,
            tile=tile if file else 0, sha256=_digest(file), origin=init,
        )  # fmt: skip
        record = _record_of(path, done)
        encoded = encode_png(picture, {}) if options.plain else encode_picture(picture, record)
        stem = destination.stem or f"{path.stem}-{scale:g}x"
        saved = saving.save_new(encoded, destination.folder, stem)
        digest = hashlib.sha256(encoded).hexdigest()
        with contextlib.closing(Keeper(progress.note)) as keeper:
            keeper.keep(saved, digest, len(encoded), record)
    _print(options, saved, done)
    return 0


def _recorded(options: UpscaleOptions) -> Upscaled | None:
    if options.like is None:
        return None
    if (found := read_recipe(Path(options.like)).record.upscaled) is None:
        raise InvalidRequest("That picture was not upscaled by Mezzotint.", "Say how: --by and --scale.")
    return found


def _find_upscaler(way: str) -> tuple[str, Path | None]:
    """Its name and file; no file for Lanczos. A pickle is written anew, in a confined process, once."""
    if way == LANCZOS:
        return way, None
    given = Path(way)
    if given.suffix.lower() in (".safetensors", *PICKLED_ENDINGS):
        if not given.is_file():
            raise InvalidRequest(f"There is no upscaler {way}.", "Give its file, or its name.")
        return given.stem, _readable(given)
    shelf = Shelf(search_folders())
    pickled = shelf.pickled_upscalers.get(way)
    return way, _readable(pickled) if pickled else shelf.upscaler(way)


def _readable(path: Path) -> Path:
    """The file, or what a pickle became: a .safetensors of its name in our own folder."""
    if path.suffix.lower() == ".safetensors":
        return path.absolute()
    from convert.source.pickles import to_safetensors

    folder = search_folders()[0] / UPSCALERS[0]
    saving.make_folder(folder)
    temporary = saving.temporary_in(folder)
    try:
        to_safetensors(path, temporary)
        _check(temporary, path.name)
        return saving.place_new(temporary, folder, path.stem, ".safetensors")
    finally:
        temporary.unlink(missing_ok=True)


def _check(file: Path, name: str) -> None:
    from backends.core.upscalers import open_upscaler

    try:
        open_upscaler(file)
    except InvalidRequest as error:
        raise InvalidRequest(error.message.replace(file.name, name), error.action) from error


def _teller(options: UpscaleOptions, progress: Progress, stop: Stop) -> Told:
    def tell(done: int, of: int) -> None:
        stop.check()
        progress.step(_ENLARGING, done, of)
        if options.json:
            print(json.dumps({"words": _ENLARGING, "done": done, "of": of}), flush=True)

    return tell


def _enlarge(data: bytes, file: Path | None, scale: float, tile: int, tell: Told) -> Picture:
    import numpy as np

    from backends.core.opening import open_picture

    pixels = np.asarray(open_picture(data))
    height, width = pixels.shape[:2]
    larger = _made(pixels, (round(width * scale), round(height * scale)), file, tile, tell)
    return Picture(larger.shape[1], larger.shape[0], larger.tobytes())


def _made(
    pixels: NDArray[np.uint8], size: tuple[int, int], file: Path | None, tile: int, tell: Told
) -> NDArray[np.uint8]:
    from backends.core import upscale
    from backends.core.upscalers import open_upscaler

    network = open_upscaler(file) if file else None
    making = upscale.to_size(pixels, size, network, tile, upscale.best_device())
    while True:
        try:
            at = next(making)
        except StopIteration as end:
            return end.value
        tell(at.done, at.of)


def _digest(file: Path | None) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""


def _record_of(path: Path, done: Upscaled) -> Record:
    """The picture's own recipe, where it has one, and what was done."""
    try:
        found = read_recipe(path).record
    except UnreadablePicture:
        found = Record(prompt="")
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return replace(found, upscaled=done, created=created)


def _print(options: UpscaleOptions, saved: Path, done: Upscaled) -> None:
    if options.json:
        told = {"path": str(saved), "by": done.by, "scale": done.scale, "width": done.width}
        print(json.dumps({**told, "height": done.height, "tile": done.tile, "upscaler": done.sha256}))
    else:
        print(
            saved
            if options.quiet
            else f"{printable(str(saved))}\n  {done.width} x {done.height}, by {done.by}"
        )
