"""A process that imports files, and says whether it could have reached anybody.

python -m tests.convert.import_elsewhere MODELS PORT FILE|WISH...

A WISH is a JSON object: "source", "name", and if need be "base" and "others".
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

from convert.import_model import Wish, import_model


def main() -> None:
    """Prints one JSON object: "reached", and by file or name the new model's folder."""
    models, port, *words = sys.argv[1:]
    folders = {}
    for word in words:
        told: dict[str, Any] = json.loads(word) if word.startswith("{") else {"source": word}
        name = told.get("name") or Path(word).name.replace(".", "-")
        wish = Wish(
            source=Path(told["source"]),
            models=Path(models),
            name=name,
            base=Path(told["base"]) if "base" in told else None,
            others=tuple(map(Path, told.get("others", ()))),
        )
        folders[told.get("name") or word] = str(import_model(wish))
    print(json.dumps({"reached": _reached(int(port)), "folders": folders}))


def _reached(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
