"""What a single file holds of a model and what it lacks, told by its header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convert.source import sd3
from convert.source.describe import tells
from convert.source.header import Header
from convert.source.kinds import REFINER, Kind, guess_prediction, kind_of, normal_name, takes_depth
from convert.source.packing import check_header
from convert.source.piece_configs import guess_distilled
from convert.source.pieces import WORDS, are_all, family_of, find_pieces

PLAIN = frozenset(("text_encoder", "unet", "vae"))
LARGE = PLAIN | {"text_encoder_2"}
NETWORKS = {
    "1.x": PLAIN,
    "2.x": PLAIN,
    "XL": LARGE,
    REFINER: LARGE - {"text_encoder"},
    "3": frozenset(sd3.CLASSES),
}
"""The networks that a model of each version has."""
DENOISERS = frozenset(("unet", "transformer"))


@dataclass(frozen=True)
class Holding:
    """`of` is a family's id (convert/source/pieces.py), a version of Stable Diffusion (`NETWORKS`), or ""
    for a part that several have. `prediction` is the guess of what it predicts where the file doesn't say,
    and `because` why; `distilled` is the guess for a family whose models are or aren't, else None."""

    of: str
    parts: frozenset[str]
    lacks: frozenset[str] = frozenset()
    prediction: str = ""
    because: str = ""
    distilled: bool | None = None


def holding(file: Path, header: Header, others: Sequence[tuple[Path, Header]] = ()) -> Holding:
    """`others` hold more of its parts. Raises BrokenModel for a file that can't be imported."""
    check_header(file.name, header)
    pieces = find_pieces(file.name, header.shapes)
    if "transformer" in pieces or (tells(pieces) and are_all(pieces, header.shapes)):
        family = family_of(pieces)
        parts = set(pieces).union(*(find_pieces(path.name, each.shapes) for path, each in others))
        guess = guess_distilled(family, file.stem)[0] if family in ("flux2", "zimage") else None
        return Holding(family, frozenset(parts), frozenset(WORDS) - parts, distilled=guess)
    plain = normal(header)
    kind = kind_of(file.name, plain)
    return _of_stable_diffusion(
        file, replace(kind, prediction="epsilon") if takes_depth(plain.shapes) else kind
    )


def normal(header: Header) -> Header:
    """With names as the first Stable Diffusion files had them."""
    return replace(
        header,
        shapes={normal_name(key): shape for key, shape in header.shapes.items()},
        dtypes={normal_name(key): dtype for key, dtype in header.dtypes.items()},
    )


def _of_stable_diffusion(file: Path, kind: Kind) -> Holding:
    if not kind.parts & DENOISERS:
        return Holding("", kind.parts, DENOISERS)
    lacks = NETWORKS[kind.version] - kind.parts
    if kind.version != "2.x" or kind.prediction:
        return Holding(kind.version, kind.parts, lacks)
    return Holding(kind.version, kind.parts, lacks, *guess_prediction(file.stem, kind.version))
