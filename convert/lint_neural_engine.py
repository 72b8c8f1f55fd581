"""What the Neural Engine won't like in a converted model: `python -m convert.lint_neural_engine FOLDER`.

Rules on the program (lint_neural_engine_rules), and values on real inputs (lint_neural_engine_values).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from backends.core.contract import MezzotintError
from convert.converted import open_converted
from convert.lint_neural_engine_rules import Effect, Finding, lint
from convert.lint_neural_engine_values import lint_values
from convert.verify_inputs import record

_SHOWN: Final = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 1 when something is wrong or falls back, 2 for a bad request, else 0."""
    parser = argparse.ArgumentParser(prog="python -m convert.lint_neural_engine", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder converted to Core ML")
    parser.add_argument("--source", type=Path, help="the model it was made from, if it was moved")
    parser.add_argument("--all", action="store_true", help="name every layer, not the first few of a kind")
    options = parser.parse_args(arguments)
    try:
        findings = _lint_folder(options.folder, options.source)
    except MezzotintError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(_report(findings, len(findings) if options.all else _SHOWN)) or "Nothing found.")
    print("Untested on hardware: the rules come from documents, each named, not from a Mac.")
    return int(any(finding.effect in (Effect.WRONG, Effect.FALLBACK) for finding in findings))


def _lint_folder(folder: Path, source: Path | None) -> list[Finding]:
    opened = open_converted(folder)
    inputs = record(source or opened.source, opened.size)
    found: list[Finding] = []
    for name in opened.networks:
        chain = opened.load(name)
        for network in chain.networks:
            found.extend(lint(network.program))
        values: dict[str, NDArray[Any]] = dict(chain.fit(inputs[name][0]))
        for network in chain.networks:
            given = {each: values[each] for each in network.inputs}
            found.extend(lint_values(network, given))
            values |= network.run(given)
    return found


def _report(findings: Sequence[Finding], shown: int) -> Iterator[str]:
    """The first few findings of each rule, and how many more there are."""
    for rule, group in groupby(sorted(findings, key=_by_rule), key=_by_rule):
        members = list(group)
        yield from (finding.words for finding in members[:shown])
        if len(members) > shown:
            yield f"... and {len(members) - shown} more layers ({rule})."


def _by_rule(finding: Finding) -> str:
    return finding.rule


if __name__ == "__main__":
    sys.exit(main())
