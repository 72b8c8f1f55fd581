"""How the decoder's pictures are cut, where a person decides it instead of memory."""

from __future__ import annotations

from backends.core.contract import Option, unknown

AUTOMATIC, WHOLE = "automatic", "at once"
VAE_TILE = Option(
    id="vae_tile",
    label="Developing",
    help="Tiles (of so many pixels a side) take less memory and change the picture a little.",
    choices=(AUTOMATIC, WHOLE, "256", "384", "512", "768", "1024"),
)


def chosen(value: str | None) -> str:
    """One of the option's choices; automatic for nothing. Raises InvalidRequest."""
    if value and value not in VAE_TILE.choices:
        raise unknown("way to develop", value, VAE_TILE.choices)
    return value or AUTOMATIC
