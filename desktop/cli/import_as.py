"""`mezzotint import FILE --as lora`: a file that is no model is linked or copied to where its kind is kept.

A pickle of a kind that is only used as safetensors is written anew, in a confined process. Nothing is
replaced.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from backends.core.contract import InvalidRequest
from backends.core.shelf import UNNAMED
from convert.source.additions import addition_in
from convert.source.header import read_header
from convert.source.pickles import to_safetensors
from desktop.cli.import_asking import folder_of
from desktop.cli.models_options import ImportOptions
from desktop.cli.show import printable
from desktop.library import saving

_PICKLES = (".ckpt", ".pt", ".pth", ".bin")
_KEPT_PICKLED = ("embedding",)
"""Kinds of which pickles are read where they are used."""
_WORDS = {"lora": "LoRA", "controlnet": "ControlNet", "vae": "VAE"}
_NOTES = (".json", ".civitai.info")


def run(source: Path, options: ImportOptions) -> int:
    """Prints where it is now. Returns 0; raises InvalidRequest, BrokenModel or SaveFailed."""
    kept = keep(source, str(options.kind))
    if options.json:
        print(json.dumps({"kept": str(kept), "kind": options.kind}))
    else:
        print(printable(str(kept)))
    return 0


def keep(source: Path, kind: str) -> Path:
    """Returns the file in our own folder, which may have been there before."""
    if not source.is_file():
        raise InvalidRequest(f"There is no file {source}.", "Give the file that is to be kept.")
    folder, stem = folder_of(kind), source.stem
    if stem.startswith(UNNAMED):  # then its folder has the name
        folder, stem = folder / source.parent.name, source.stem
    saving.make_folder(folder)
    temporary = saving.temporary_in(folder)
    try:
        ending = _bring(source, temporary, kind)
        _check(temporary, ending, source.name, kind)
        there = folder / f"{stem}{ending}"
        if there.is_file() and filecmp.cmp(there, temporary, shallow=False):
            return there
        kept = saving.place_new(temporary, folder, stem, ending)
    except OSError as error:
        raise saving.explain(error, folder) from error
    finally:
        temporary.unlink(missing_ok=True)
    _bring_notes(source, kept)
    return kept


def _bring(source: Path, target: Path, kind: str) -> str:
    """Links, copies or writes it anew. Returns the ending that it has then."""
    if source.suffix.lower() in _PICKLES and kind not in _KEPT_PICKLED:
        to_safetensors(source, target)
        return ".safetensors"
    _link(source, target)
    return source.suffix.lower()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
        saving.sync_file(target)


def _check(file: Path, ending: str, name: str, kind: str) -> None:
    if ending != ".safetensors":
        return
    if addition_in(read_header(file).shapes) != kind:
        raise InvalidRequest(f"{name} is no {_WORDS.get(kind, kind)}.", "Import it without --as.")


def _bring_notes(source: Path, kept: Path) -> None:
    """What A1111 and Civitai keep beside a file: its words. diffusers keeps a configuration there."""
    for path, there in _notes(source, kept):
        if path.is_file() and not there.exists():
            _link(path, there)


def _notes(source: Path, kept: Path) -> Iterator[tuple[Path, Path]]:
    for ending in _NOTES:
        yield source.with_suffix(ending), kept.with_suffix(ending)
    if source.stem.startswith(UNNAMED):
        yield source.parent / "config.json", kept.parent / "config.json"
