"""Saved styles: words that go around a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from psygnal import SignalGroupDescriptor

PLACE = "{prompt}"
"""Where the prompt goes in a style's text; without it the text follows the prompt."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """A named pair of texts for the prompt and the negative prompt."""

    name: str
    prompt: str = PLACE
    negative_prompt: str = ""

    def apply(self, prompt: str, negative_prompt: str) -> tuple[str, str]:
        """Both prompts as they are sent."""
        return _around(self.prompt, prompt), _around(self.negative_prompt, negative_prompt)


def _around(style: str, prompt: str) -> str:
    if PLACE in style:
        return style.replace(PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part) if style.strip() else prompt


@dataclass(kw_only=True)
class Styles:
    """All saved styles by name, in the order of the alphabet. `events.saved` says when they change."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    saved: tuple[Style, ...] = ()

    def find(self, name: str) -> Style | None:
        """The style of this name."""
        return next((style for style in self.saved if style.name == name), None)

    def save(self, style: Style) -> None:
        """Adds a style, or replaces the one of its name. One without a name is not saved."""
        if style.name.strip():
            others = (each for each in self.saved if each.name != style.name)
            self.saved = tuple(sorted((*others, style), key=lambda each: each.name.casefold()))

    def remove(self, name: str) -> None:
        """Takes a style away."""
        self.saved = tuple(style for style in self.saved if style.name != name)

    def to_plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            style.name: {"prompt": style.prompt, "negative_prompt": style.negative_prompt}
            for style in self.saved
        }


def from_plain(entries: Mapping[str, Any]) -> Styles:
    """Styles from a file nobody vouches for: what is no style is passed over."""
    styles = Styles()
    for name, value in entries.items():
        if isinstance(value, dict):
            texts = cast(dict[str, Any], value)
            prompt, negative = texts.get("prompt", PLACE), texts.get("negative_prompt", "")
            if isinstance(prompt, str) and isinstance(negative, str):
                styles.save(Style(name=name, prompt=prompt, negative_prompt=negative))
    return styles
