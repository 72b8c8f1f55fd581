"""`mezzotint models`: which models are here, what they are, and what could be imported."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from backends.core.contract import MezzotintError, ModelFacts
from backends.core.model_folder import open_folder
from convert.source.describe import describe
from desktop.cli.models_options import ModelsOptions
from desktop.cli.show import printable
from desktop.library import paths
from desktop.library.model_papers import licence, written_sha256
from desktop.library.model_search import FoundFile, files_in, usual_places
from desktop.library.models import InstalledModel, chosen_folders, installed_models, models_in


@dataclass(frozen=True)
class Look:
    """A model, and its facts or what is wrong with it. `sha256` and `licence` are "" where nobody says."""

    installed: InstalledModel
    facts: ModelFacts | None
    problem: MezzotintError | None
    sha256: str = ""
    licence: str = ""


def look_at(model: InstalledModel) -> Look:
    """Reads the configurations and checks that every weight file is there."""
    try:
        folder = open_folder(model.folder)
        for part in folder.parts:
            folder.weight_files(part)
        return Look(model, folder.facts, None, written_sha256(folder), licence(folder))
    except MezzotintError as error:
        return Look(model, None, error)


def run(options: ModelsOptions) -> int:
    """Prints the models. Returns 0."""
    folders = [*(paths.expand(text) for text in options.models), *chosen_folders()]
    if options.elsewhere:
        folders += usual_places()
    looks = [look_at(model) for model in (*installed_models(), *models_in(folders))]
    files = [file for folder in folders for file in files_in(folder)]
    if options.json:
        told = {"models": [as_plain(look) for look in looks], "files": [_file_as_plain(f) for f in files]}
        print(json.dumps(told))
        return 0
    for look in looks:
        print_model(look)
    _print_files(files)
    print(f"Put other models, one folder each, in {printable(str(paths.models_folder()))}")
    return 0


def as_plain(look: Look) -> dict[str, Any]:
    """For programs."""
    facts = look.facts
    return {
        "name": look.installed.name,
        "title": facts.name if facts else None,
        "family": facts.family if facts else None,
        "folder": str(look.installed.folder),
        "bytes": look.installed.size_bytes(),
        "sha256": look.sha256 or None,
        "licence": look.licence or None,
        "defaults": asdict(facts.defaults) if facts else None,
        "problem": str(look.problem) if look.problem else None,
    }


def print_model(look: Look) -> None:
    """Two or three lines for a person."""
    name = printable(look.installed.name)
    if look.facts is None:
        print(f"{name}: can't be used. {printable(str(look.problem))}")
    else:
        wanted = look.facts.defaults
        settings = f"{wanted.steps} steps of {wanted.sampler}, guidance {wanted.guidance_scale:g}"
        print(
            f"{name}: {printable(look.facts.name)} ({look.facts.family},"
            f" {look.installed.size_bytes() / 1e6:.0f} MB); {wanted.width} x {wanted.height}, {settings}"
        )
        print(f"  hash {look.sha256[:10] or 'not known'}; licence: {printable(look.licence) or 'not known'}")
    print(f"  {printable(str(look.installed.folder))}")


def _print_files(files: Iterable[FoundFile]) -> None:
    for count, file in enumerate(files):
        if count == 0:
            print("Single files; `mezzotint import FILE` makes a model of one, or says what it is:")
        what = describe(file.path)
        print(
            f"  {printable(str(file.path))} ({file.size_bytes / 1e6:.0f} MB{what and '; ' + printable(what)})"
        )


def _file_as_plain(file: FoundFile) -> dict[str, Any]:
    return {"path": str(file.path), "bytes": file.size_bytes, "what": describe(file.path) or None}
