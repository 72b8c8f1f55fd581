"""A process that imports files, and says whether it could have reached anybody.

python -m tests.convert.import_elsewhere MODELS PORT FILE...
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from convert.import_model import Wish, import_model


def main() -> None:
    """Prints one JSON object: "reached", and by file the new model's folder."""
    models, port, *files = sys.argv[1:]
    folders = {}
    for file in files:
        name = Path(file).name.replace(".", "-")
        folders[file] = str(import_model(Wish(source=Path(file), models=Path(models), name=name)))
    print(json.dumps({"reached": _reached(int(port)), "folders": folders}))


def _reached(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
