"""Which models are installed, and which folder a name means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from backends.core.contract import BrokenModel, InvalidRequest, unknown
from desktop.library import paths
from desktop.library.model_search import model_folders_in
from desktop.library.settings_file import SettingsUnreadable, read_settings, settings_path

STARTER = "starter"
_RESOURCES = Path(__file__).parent.parent / "resources"


@dataclass(frozen=True)
class InstalledModel:
    """A model that can be asked for by name. Its folder may still prove to be broken."""

    name: str
    folder: Path

    def size_bytes(self) -> int:
        """What its files take on disk; files that can't be read count as nothing."""
        return sum(_file_size(Path(at) / name) for at, _, names in os.walk(self.folder) for name in names)


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def installed_models() -> tuple[InstalledModel, ...]:
    """The starter and its variants, where they are there, then those in the models folder by name."""
    shipped = [InstalledModel(path.name, path) for path in _folders_in(_RESOURCES) if _is_model(path)]
    others = [InstalledModel(path.name, path) for path in _folders_in(paths.models_folder())]
    taken = {STARTER, *(model.name for model in shipped)}
    return (*shipped, *(model for model in others if model.name not in taken))


def models_in(folders: Iterable[Path]) -> tuple[InstalledModel, ...]:
    """The models in folders that the person named, which may be models themselves; named by their paths,
    or as the hub names them where the folder is a hub's cache."""
    found = [each for folder in folders for each in model_folders_in(folder)]
    return tuple(
        InstalledModel(each.name or paths.shorten(each.folder), each.folder.absolute()) for each in found
    )


def chosen_folders() -> tuple[Path, ...]:
    """The folders that the settings name, where models are besides the usual one."""
    try:
        named: object = read_settings(settings_path()).get("model_folders")
    except SettingsUnreadable:
        return ()
    texts = cast(list[object], named) if isinstance(named, list) else []
    return tuple(paths.expand(text) for text in texts if isinstance(text, str) and text)


def _is_model(folder: Path) -> bool:
    return (folder / "model.json").is_file()


def _folders_in(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []
    return sorted(found, key=lambda path: path.name.casefold())


def find_model(name_or_folder: str, folders: Iterable[Path] = ()) -> InstalledModel:
    """The model of this name, or the one in this folder (then its name is the folder's path).

    Those in `folders` and in the settings' folders have names too. A name is only ever compared with the
    names there are, so it can't lead out of the models folder.
    Raises InvalidRequest when there is neither, BrokenModel when the starter model is missing.
    """
    models = {model.name: model for model in installed_models()}
    if name_or_folder in models:
        return models[name_or_folder]
    others = models_in([*folders, *chosen_folders()])
    models = {model.name: model for model in others} | models
    if name_or_folder in models:
        return models[name_or_folder]
    folder = paths.expand(name_or_folder)
    if name_or_folder and os.path.isdir(folder):
        return InstalledModel(paths.shorten(folder), folder.absolute())
    if _looks_like_path(name_or_folder):
        raise InvalidRequest(
            f"There is no model folder {folder}.", "Give the folder that holds model_index.json."
        )
    if name_or_folder == STARTER:
        raise BrokenModel("The starter model is missing from this installation.", "Install Mezzotint again.")
    raise unknown("model", name_or_folder, models)


def _looks_like_path(text: str) -> bool:
    return any(separator in text for separator in ("/", os.sep))
