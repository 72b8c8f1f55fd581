"""Where Mezzotint keeps what it writes: pictures, models, the library's database, reports.

MEZZOTINT_HOME, when set, holds everything; otherwise the platform's usual folders do.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "MEZZOTINT_HOME"
_PROGRAM = "Mezzotint"


def pictures_folder() -> Path:
    """Where pictures go when nobody says otherwise."""
    return _in_home("pictures") or platformdirs.user_pictures_path() / _PROGRAM


def models_folder() -> Path:
    """Where installed models are, one folder each."""
    return _in_home("models") or platformdirs.user_data_path(_PROGRAM, appauthor=False) / "models"


def library_folder() -> Path:
    """Where the library's database and its backups are."""
    return _in_home("library") or platformdirs.user_data_path(_PROGRAM, appauthor=False) / "library"


def config_folder() -> Path:
    """Where the settings and saved styles are."""
    return _in_home("config") or platformdirs.user_config_path(_PROGRAM, appauthor=False)


def cache_folder() -> Path:
    """Where what can be made again is: thumbnails."""
    return _in_home("cache") or platformdirs.user_cache_path(_PROGRAM, appauthor=False)


def reports_folder() -> Path:
    """Where technical reports of our own defects go."""
    return _in_home("reports") or platformdirs.user_state_path(_PROGRAM, appauthor=False) / "reports"


def _in_home(name: str) -> Path | None:
    home = os.environ.get(HOME_VARIABLE, "")
    return Path(home).absolute() / name if home else None


def shorten(path: Path) -> str:
    """The absolute path as text, with the user's folder as "~", so that records don't tell their name."""
    absolute = path.absolute()
    user = Path(os.path.expanduser("~"))
    return f"~/{absolute.relative_to(user).as_posix()}" if absolute.is_relative_to(user) else str(absolute)


def expand(text: str) -> Path:
    """The path that `shorten` wrote."""
    return Path(os.path.expanduser(text))


def is_remote(text: str) -> bool:
    r"""Whether the path names another machine (\\server\share): never opened on a file's say-so."""
    return text.startswith(("\\\\", "//"))
