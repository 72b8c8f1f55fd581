"""Which of several files that came together are one model's: a transformer, its text encoder, its VAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.core.contract import BrokenModel
from convert.source.describe import header_of
from convert.source.piece_configs import FAMILIES
from convert.source.pieces import Piece, family_of, find_pieces


@dataclass(frozen=True)
class Belonging:
    """`others` hold what a transformer's file lacks; a part without one comes with the file `of`."""

    others: tuple[Path, ...] = ()
    of: Path | None = None


def belonging(source: Path, beside: Sequence[Path]) -> Belonging:
    """What `source` has to do with the files that came with it; only headers are read."""
    mine = _pieces(source)
    theirs = {path: _pieces(path) for path in beside if path != source}
    if _may_lack(mine):
        return Belonging(tuple(path for path, pieces in theirs.items() if _completes(pieces, mine)))
    wholes = [path for path, pieces in theirs.items() if _may_lack(pieces) and _completes(mine, pieces)]
    return Belonging(of=wholes[0] if wholes else None)


def _pieces(path: Path) -> Mapping[str, Piece]:
    try:
        return find_pieces(path.name, header_of(path).shapes) if path.is_file() else {}
    except (BrokenModel, OSError):
        return {}  # which is said when it is imported


def _may_lack(pieces: Mapping[str, Piece]) -> bool:
    return "transformer" in pieces and family_of(pieces) in FAMILIES


def _completes(pieces: Mapping[str, Piece], whole: Mapping[str, Piece]) -> bool:
    """Whether these are nothing but parts that `whole` lacks."""
    ours = family_of(pieces) in ("", family_of(whole))
    return bool(pieces) and ours and not set(pieces) & set(whole) and "transformer" not in pieces
