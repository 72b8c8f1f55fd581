"""`python -m convert MODEL --to coreml ...`: as `mezzotint convert`, but JSON objects, one a line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from backends.core.contract import MezzotintError
from convert import coreml_job
from convert.coreml_order import add_options, make_order


def main(words: Sequence[str] | None = None) -> int:
    """Prints progress and at last the new model's folder. Exit codes are those of `mezzotint`."""
    parser = ArgumentParser(prog="python -m convert", description=__doc__)
    parser.add_argument("model", type=Path, help="a model's folder")
    add_options(parser)
    options = vars(parser.parse_args(words))
    model: Path = options.pop("model")
    try:
        return _convert(make_order(model, model.parent, options))
    except MezzotintError as error:
        print(json.dumps({"problem": error.message, "action": error.action}), flush=True)
        return error.exit_code


def _convert(order: coreml_job.Order) -> int:
    steps, last = coreml_job.convert(order), None
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            print(json.dumps({"folder": str(end.value)}), flush=True)
            return 0
        if progress != last:
            print(json.dumps(asdict(progress)), flush=True)
        last = progress


if __name__ == "__main__":
    sys.exit(main())
