"""A file of plain settings (JSON): read without trust, replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from backends.core.contract import MezzotintError
from desktop.library import paths, saving

_LARGEST = 2**24


class SettingsUnreadable(MezzotintError):
    """The file can't be read; what it held is as it is by default."""


def settings_path() -> Path:
    """Where the settings are."""
    return paths.config_folder() / "settings.json"


def styles_path() -> Path:
    """Where the saved styles are."""
    return paths.config_folder() / "styles.json"


def read_settings(path: Path) -> dict[str, Any]:
    """What the file holds; nothing when there is none.

    Raises SettingsUnreadable; a file that is damaged is put aside first, so that it is not lost.
    """
    try:
        with open(path, encoding="utf-8") as file:
            value: object = json.loads(file.read(_LARGEST))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsUnreadable(
            f"The settings can't be read ({error.strerror or error}), so they are as at first.",
            f"Check {path}.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise _put_aside(path) from error
    if not isinstance(value, dict):
        raise _put_aside(path)
    return cast(dict[str, Any], value)


def _put_aside(path: Path) -> SettingsUnreadable:
    aside = path.with_name(f"{path.stem}-damaged{path.suffix}")
    with contextlib.suppress(OSError):
        os.replace(path, aside)
    return SettingsUnreadable(
        f"{path.name} was damaged, so these settings are as at first.", f"What it held is in {aside}."
    )


def merge_settings(path: Path, changes: Mapping[str, Any]) -> None:
    """Writes these entries, and leaves what others wrote. Raises SaveFailed or SettingsUnreadable."""
    write_settings(path, {**read_settings(path), **changes})


def write_settings(path: Path, entries: Mapping[str, Any]) -> None:
    """Replaces the file, durably. Raises SaveFailed, and then the old one is still there."""
    saving.make_folder(path.parent)
    temporary = saving.temporary_in(path.parent)
    try:
        try:
            temporary.write_text(json.dumps(entries, indent=2, ensure_ascii=False), encoding="utf-8")
            saving.sync_file(temporary)
            os.replace(temporary, path)
            saving.sync_folder(path.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise saving.explain(error, path.parent) from error
