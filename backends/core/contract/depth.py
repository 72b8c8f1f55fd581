"""How records name where the depth came from that a picture was made with (see core/depth.py)."""

from __future__ import annotations

START_DEPTH = "start_depth"
"""Its name in a picture's provenance. A network's own name is followed by its files' SHA-256."""
GIVEN_DEPTH = "a depth map"
OWN_DEPTH = "the model's own network"
ROUGHLY_FOUND = "a rough estimate, without a model"
