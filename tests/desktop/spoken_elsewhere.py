"""Every sentence that the backends, the conversion and the library can say, found in their source.

`python -m tests.desktop.spoken_elsewhere` lists those that have no German.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from desktop.model.language import speak
from desktop.model.sentences import is_telling, said

ROOT = Path(__file__).parents[2]
_SPEAKERS = ("backends", "convert", "desktop")
_SILENT = ("desktop/cli", "desktop/model", "desktop/view", "convert/__main__.py")
"""The command line speaks English; the window's own words go through `tr`."""
_SENTENCE = re.compile(r"^[A-Z{`][^\n]* [^\n]*[.?]$|^[A-Z]\w+ \{\d+\}\.$")
_SQL = re.compile(r"^(SELECT|UPDATE|DELETE|INSERT) ")


def sentences_elsewhere() -> dict[str, str]:
    """Each as it may come, with made-up values -> the file that says it."""
    return {
        _filled(form): str(path.relative_to(ROOT))
        for path in sorted(path for folder in _SPEAKERS for path in (ROOT / folder).rglob("*.py"))
        if not str(path.relative_to(ROOT).as_posix()).startswith(_SILENT)
        for form in _forms(ast.parse(path.read_text(encoding="utf-8")), errors_only=_is_tool(path))
        if _SENTENCE.match(form) and not _SQL.match(form) and is_telling(form)
    }


def untranslated(language: str) -> dict[str, str]:
    """Those that stay English."""
    speak(language)
    try:
        return {text: path for text, path in sentences_elsewhere().items() if _is_english(text, said(text))}
    finally:
        speak("en")


def _is_english(text: str, translation: str) -> bool:
    """Whether three words in a row have stayed as they were; they may be in a value of a wider form."""
    if text == translation:
        return True
    words = re.findall(r"[A-Za-z']+", re.sub(r"`[^`]*`|x\d+y", " ", text))
    runs = (" ".join(words[at : at + 3]) for at in range(len(words) - 2))
    return any(f" {run} " in f" {translation} " for run in runs)


def _is_tool(path: Path) -> bool:
    """The conversion's reports are the command line's; only its errors come into the window."""
    return path.relative_to(ROOT).parts[0] == "convert"


def _forms(tree: ast.Module, *, errors_only: bool) -> Iterator[str]:
    silent = set(map(id, _silent(tree)))
    places = list(_said_in_errors(tree)) if errors_only else list(ast.walk(tree))
    for node in places:
        if id(node) not in silent:
            form = _form(node)
            if form is not None:
                yield form


def _said_in_errors(tree: ast.Module) -> Iterator[ast.AST]:
    """What is given to something that is raised, and the module's constants, which such things use."""
    raised = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc)
    constants = (node.value for node in tree.body if isinstance(node, ast.Assign))
    for root in (*raised, *constants):
        if isinstance(root, ast.Call | ast.Constant | ast.JoinedStr):
            yield from ast.walk(root)


def _silent(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, what is in `tr(...)` already, and the pieces of f-strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from node.values
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
            yield from ast.walk(node)


def _form(node: ast.AST) -> str | None:
    """A sentence with its values as {1}, {2} ..."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts, number = list[str](), 0
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value))
        else:
            number += 1
            parts.append(f"{{{number}}}")
    return "".join(parts)


def _filled(form: str) -> str:
    """Values that are in no catalogue."""
    return re.sub(r"\{(\d+)\}", r"x\1y", form)


if __name__ == "__main__":
    missing = untranslated("de")
    for text, path in missing.items():
        print(f"{path}: {text}")
    sys.exit(bool(missing))
