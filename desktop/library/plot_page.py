"""An XY plot as a page for a browser, beside its pictures: nothing in it comes from a network."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from desktop.library.plot_sheet import Place, Plot

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d1d1f; --quiet: #6e6e73; --line: #d9d9de; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1c1c1e; --ink: #f2f2f4; --quiet: #a1a1a8; --line: #3a3a3e; }
}
body { background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.3rem; font-weight: 600; margin: 0 0 .3rem; max-width: 60rem; overflow-wrap: anywhere; }
p, caption, figcaption { color: var(--quiet); text-align: start; }
table { border-spacing: 6px; }
th { font-weight: 500; max-width: 22rem; overflow-wrap: anywhere; background: var(--paper); }
thead th { position: sticky; top: 0; padding: .4rem; }
tbody th { position: sticky; left: 0; padding: .4rem .8rem .4rem 0; text-align: end; }
td { vertical-align: middle; }
img { display: block; max-width: min(512px, 42vw); height: auto; }
.missing { border: 1px dashed var(--line); color: var(--quiet); max-width: 16rem; padding: 1.5rem; }
"""
_POLICY = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"


def page(plot: Plot, recipes: Mapping[Place, str], folder: Path) -> str:
    """The page, to stand in this folder. `recipes` is what each picture was made with, shown where the
    pointer rests on it."""
    title = html.escape(plot.title or "XY plot")
    rows = "".join(_row(plot, recipes, row, folder) for row in range(len(plot.y_values)))
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n"
        f"<h1>{title}</h1>\n<p>{html.escape(plot.shared)}</p>\n"
        f"<table>\n<caption>{html.escape(_axes(plot))}</caption>\n{_head(plot)}"
        f"<tbody>\n{rows}</tbody>\n</table>\n"
        "</html>\n"
    )


def _axes(plot: Plot) -> str:
    return f"{plot.x_title} × {plot.y_title}" if plot.y_title else plot.x_title


def _head(plot: Plot) -> str:
    corner = "<td></td>" if plot.y_title else ""
    values = "".join(f'<th scope="col">{html.escape(value)}</th>' for value in plot.x_values)
    return f"<thead><tr>{corner}{values}</tr></thead>\n"


def _row(plot: Plot, recipes: Mapping[Place, str], row: int, folder: Path) -> str:
    head = f'<th scope="row">{html.escape(plot.y_values[row])}</th>' if plot.y_title else ""
    made = "".join(_cell(plot, recipes, (column, row), folder) for column in range(len(plot.x_values)))
    return f"<tr>{head}{made}</tr>\n"


def _cell(plot: Plot, recipes: Mapping[Place, str], place: Place, folder: Path) -> str:
    if place not in plot.files:
        return f'<td><div class="missing">{html.escape(plot.problems.get(place, "not made"))}</div></td>'
    name = _address(plot.files[place], folder)
    told, words = html.escape(recipes.get(place, ""), quote=True), html.escape(plot.words(place), quote=True)
    return f'<td><a href="{name}"><img src="{name}" alt="{words}" title="{told}" loading="lazy"></a></td>'


def _address(path: Path, folder: Path) -> str:
    """Of a picture, as seen from the page's folder; on another drive with all of its path."""
    try:
        return quote(Path(os.path.relpath(path, folder)).as_posix())
    except ValueError:
        return path.as_uri()
