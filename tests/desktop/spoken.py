"""Every sentence that the window can say, found in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

DESKTOP = Path(__file__).parents[2] / "desktop"


def written_sentences() -> dict[str, str]:
    """What stands in `tr("...")` calls: sentence -> the file that says it."""
    return {
        sentence: str(path.relative_to(DESKTOP))
        for path in sorted(DESKTOP.rglob("*.py"))
        for sentence in _in_calls(ast.parse(path.read_text(encoding="utf-8")))
    }


def _in_calls(tree: ast.AST) -> Iterator[str]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "tr":
            yield from _constants(call.args[0])


def _constants(node: ast.expr) -> Iterator[str]:
    """A sentence, or both of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
