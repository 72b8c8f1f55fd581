"""Tables that a network would make when it first runs, made when it is loaded: in float64 on the CPU, as
Apple's GPU has none."""

from __future__ import annotations

from typing import Any


def make_tables(module: Any) -> None:
    """Z-Image's angles of places: computed in float64 on the CPU, and kept as complex64."""
    rope: Any = getattr(module, "rope_embedder", None)
    if hasattr(rope, "precompute_freqs_cis"):
        rope.freqs_cis = rope.precompute_freqs_cis(rope.axes_dims, rope.axes_lens, theta=rope.theta)
