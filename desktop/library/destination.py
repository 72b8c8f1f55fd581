"""Where the pictures of one request go, and what they are called."""

from __future__ import annotations

import datetime
import math
import os
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import InvalidRequest, Request, SaveFailed
from desktop.library import paths, saving
from desktop.library.naming import DEFAULT_TEMPLATE, NameParts, fill_template

SUFFIX = ".png"
_OTHER_PICTURES = {".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"}
_ROOM_BESIDE = 2**20


@dataclass(frozen=True)
class Destination:
    """A folder, and a file name without its ending, or None to name each picture after the template."""

    folder: Path
    stem: str | None = None
    template: str = DEFAULT_TEMPLATE

    def prepare(self, request: Request) -> None:
        """Checks, before the work, that the pictures can be saved. Raises SaveFailed."""
        if self.stem is None:
            saving.make_folder(self.folder)
        saving.check_folder(self.folder, 3 * math.prod(request.picture_size) + _ROOM_BESIDE)
        self._check_name(f"{self._stem_for(request, 0)}-{request.count}{SUFFIX}")

    def _check_name(self, name: str) -> None:
        try:
            os.stat(self.folder / name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise saving.explain(error, self.folder) from error

    def save(self, data: bytes, request: Request, index: int) -> Path:
        """Saves picture `index` of the request under a new name. Raises SaveFailed."""
        return saving.save_new(data, self.folder, self._stem_for(request, index), SUFFIX)

    def _stem_for(self, request: Request, index: int) -> str:
        if self.stem is None:
            return fill_template(self.template, _parts(request, index))
        return f"{self.stem}-{index + 1}" if request.count > 1 else self.stem


def _parts(request: Request, index: int) -> NameParts:
    return NameParts(
        moment=datetime.datetime.now(),
        seed=request.seed + index,
        prompt=request.prompt,
        model=request.model,
        width=request.picture_size[0],
        height=request.picture_size[1],
        steps=request.steps,
        sampler=request.sampler,
        guidance=request.guidance_scale,
        count=index + 1,
    )


def parse_destination(out: str | None) -> Destination:
    """What `--out` means: a .png file, or a folder; without it, the usual pictures folder.

    Raises InvalidRequest for a picture of another kind, SaveFailed for a file that is no picture.
    """
    if not out:
        return Destination(paths.pictures_folder())
    path = Path(out)
    is_folder = os.path.isdir(path) or out.endswith(("/", os.sep))
    if not is_folder and path.suffix.lower() in _OTHER_PICTURES:
        raise InvalidRequest(
            f"Mezzotint saves PNG pictures, and {path.name} would be of another kind.",
            f"Call it {path.stem}{SUFFIX}.",
        )
    if not is_folder and path.suffix.lower() == SUFFIX:
        return Destination(path.absolute().parent, path.stem)
    if os.path.exists(path) and not is_folder:
        raise SaveFailed(f"{path} is a file, and no PNG.", "Give a folder, or a name that ends in .png.")
    return Destination(path.absolute())
