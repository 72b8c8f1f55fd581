"""Which layers keep their weights as they are when a network's others are held as 8 or 4 bits.

The outermost layers: what enters and leaves the network, and the blocks at full resolution, after which
no other layer evens an error out. Measured layer by layer on the starter, in the first, a middle and the
last step of four seeds: they make 98 % of the squared error of 8-bit
weights, and are 3.7 % of the weights of SD 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_TRANSFORMER_ENDS = (
    "pos_embed.", "context_embedder.", "time_text_embed.", "norm_out.", "proj_out.",
    "all_x_embedder.", "cap_embedder.", "t_embedder.", "all_final_layer.",  # Z-Image's
)  # fmt: skip
"""What a diffusers transformer begins and ends with. Not measured."""
_ENDS = ("conv_in", "conv_out", "time_embedding", "add_embedding", "down_blocks.0")


def outermost(names: Iterable[str]) -> Callable[[str], bool]:
    """Tells of a layer or weight of the network with these names whether it is exact.

    Of a UNet, or of an autoencoder, whose coder and decoder have ends of their own.
    """
    blocks = (re.search(r"\bup_blocks\.(\d+)\.", name) for name in names)
    last = max((int(block[1]) for block in blocks if block), default=0)
    ends = [f".{end}." for end in (*_ENDS, f"up_blocks.{last}")]
    return lambda name: any(end in f".{name}." for end in ends) or name.startswith(_TRANSFORMER_ENDS)
