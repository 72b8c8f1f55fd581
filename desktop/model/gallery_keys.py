"""The keys of the Gallery: what each does, and what it is called where keys are listed."""

from __future__ import annotations

from collections.abc import Mapping

GALLERY_KEYS: Mapping[str, tuple[str, str]] = {
    "gallery.open": ("Space", "See the picture large, or go back"),
    "gallery.delete": ("Del", "Delete the chosen pictures"),
    "gallery.star": (".", "Make it a favourite, or no longer"),
    "gallery.info": ("I", "Show or hide the details"),
    "gallery.remix": ("R", "Fill its settings into the form"),
    "gallery.start": ("U", "Use it as the start picture"),
    "gallery.compare": ("C", "Compare two to four chosen pictures"),
    "gallery.search": ("Ctrl+F", "Search"),
    "gallery.copy": ("Ctrl+C", "Copy"),
    "gallery.larger": ("Ctrl++", "Larger thumbnails"),
    "gallery.smaller": ("Ctrl+-", "Smaller thumbnails"),
    "gallery.undo": ("Ctrl+Z", "Undo deleting"),
    **{
        f"gallery.rate_{points}": (str(points), "No rating" if not points else f"Rate with {points} of 5")
        for points in range(6)
    },
}
"""Action -> the keys it has at first (as QKeySequence reads them), and what it does."""
