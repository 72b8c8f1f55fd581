"""Puts the student beside the starter: python packaging/starter/publish_student.py --student FILE

The folder holds the change of the UNet and a model.json that names the starter as its base; the
application opens it as a model of its own (backends/core/model_folder.py). diffusers reads the file
as a LoRA.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from publish import TARGET, file_entry

FILE = "unet_change.safetensors"
FOLDER = TARGET.with_name("starter-4-steps")


def publish(student: Path, folder: Path) -> None:
    """Writes the folder anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copyfile(student, folder / FILE)
    (folder / FILE).chmod(0o644)
    base = json.loads((TARGET / "model.json").read_text())
    manifest = {
        **{key: base[key] for key in ("format", "origin", "licence")},
        "name": folder.name,
        "title": "Starter, 4 steps",
        "base": TARGET.name,
        "change": FILE,
        "defaults": {**base["defaults"], "steps": 4, "guidance_scale": 1.0},
        "files": {FILE: file_entry(folder / FILE)},
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--student", type=Path, required=True)
    publish(parser.parse_args().student, FOLDER)


if __name__ == "__main__":
    main()
