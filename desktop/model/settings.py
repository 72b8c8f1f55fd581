"""Settings: what the person has chosen once for everything, kept in a file of plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, cast, get_args

from psygnal import SignalGroupDescriptor

from desktop.model.language import LANGUAGES

AUTO = "auto"
SYSTEM = "system"
DEFAULT_TEMPLATE = "{date}-{seed}-{prompt}"

ThemeChoice = Literal["system", "light", "dark"]
Options = Mapping[str, Mapping[str, str]]


@dataclass(kw_only=True)
class Settings:
    """Everything the Settings screen holds. `events` has one signal a field.

    `backend` is an id or "auto"; `options` maps a backend's id to its options (see Capabilities).
    `picture_folder` is empty for the usual one. `model_folders` are looked through besides the usual
    one. `keys` maps an action (see keys.ACTIONS) to the keys the person gave it. `unknown` is what the
    file held that this version doesn't know: it is written back.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    backend: str = AUTO
    options: Options = field(default_factory=dict[str, Mapping[str, str]])
    picture_folder: str = ""
    name_template: str = DEFAULT_TEMPLATE
    model_folders: tuple[str, ...] = ()
    write_metadata: bool = True
    previews: bool = True
    notify: bool = True
    theme: ThemeChoice = SYSTEM
    language: str = SYSTEM
    offline: bool = True
    left_open: bool = True
    right_open: bool = True
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        known = {name: getattr(self, name) for name in FIELDS}
        return {**self.unknown, **known, "model_folders": list(self.model_folders)}

    def options_for(self, backend: str) -> Mapping[str, str]:
        """The options chosen for this backend."""
        return self.options.get(backend, {})

    def place(self, automatic: str) -> dict[str, Any]:
        """Where a job is to be made, as a Job's fields; `automatic` is what "auto" means here."""
        backend = automatic if self.backend == AUTO else self.backend
        options = dict(self.options_for(backend))
        return {"backend": self.backend, "options": options, "previews": self.previews}

    def choose_option(self, backend: str, option: str, value: str) -> None:
        """Sets one option of one backend."""
        mine = {**self.options_for(backend), option: value}
        self.options = {**self.options, backend: mine}


FIELDS = tuple(each.name for each in fields(Settings) if each.name not in ("events", "unknown"))


def from_plain(entries: Mapping[str, Any]) -> Settings:
    """Settings from a file nobody vouches for: an entry that can't be used is as if it were not there."""
    usable = {name: entries[name] for name in FIELDS if name in entries and _is_usable(name, entries[name])}
    if "model_folders" in usable:
        usable["model_folders"] = tuple(usable["model_folders"])
    unknown = {name: value for name, value in entries.items() if name not in FIELDS}
    return Settings(**usable, unknown=unknown)


def _is_usable(name: str, value: Any) -> bool:
    match name:
        case "theme":
            return value in get_args(ThemeChoice)
        case "language":
            return value in (SYSTEM, *LANGUAGES)
        case "model_folders":
            return isinstance(value, list) and all(isinstance(each, str) for each in cast(list[Any], value))
        case "keys":
            return _is_texts(value)
        case "options":
            return isinstance(value, dict) and all(map(_is_texts, cast(dict[Any, Any], value).values()))
        case _:
            return type(value) is type(getattr(Settings(), name))


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(each, str) for key, each in cast(dict[Any, Any], value).items()
    )
