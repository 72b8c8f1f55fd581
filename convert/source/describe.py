"""What a single file is, in words, from its header alone: a whole model, or one part of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from backends.core.contract import BrokenModel
from convert.source.gguf_header import gguf_shapes
from convert.source.header import Header, read_header
from convert.source.kinds import kind_of, normal_name
from convert.source.packing import check_header
from convert.source.piece_configs import FAMILIES
from convert.source.pieces import TITLES, WORDS, Piece, are_all, family_of, find_pieces
from convert.source.sd3 import CLASSES

_ALONE = {
    "vae": "a VAE alone: import it with --base",
    "unet": "a UNet alone: import it with --base",
    "transformer": "a transformer alone: import it with --base",
    "text_encoder": "a text encoder alone: import it with --base",
    "text_encoder_2": "SDXL's second text encoder alone: import it with --base",
}


def describe(path: Path) -> str:
    """ "Stable Diffusion XL", "a VAE alone ..." or why it can't be imported; "" for a pickle, which is opened
    only when somebody imports it, and for a GGUF file that can't be read."""
    try:
        header = header_of(path)
        if not header.shapes:
            return ""
        check_header(path.name, header)
        pieces = find_pieces(path.name, header.shapes)
        if "transformer" in pieces or (tells(pieces) and are_all(pieces, header.shapes)):
            return _of_pieces(pieces)
        shapes = {normal_name(key): shape for key, shape in header.shapes.items()}
        kind = kind_of(path.name, replace(header, shapes=shapes))
    except (BrokenModel, OSError) as error:
        return error.message if isinstance(error, BrokenModel) else ""
    if len(kind.parts) == 1:
        return _ALONE[next(iter(kind.parts))]
    if kind.version == "3" and len(kind.parts) < len(CLASSES):
        return "Stable Diffusion 3 without its text encoders: import it with --base"
    return f"Stable Diffusion {kind.version}"


def header_of(path: Path) -> Header:
    """What a file holds; nothing for a pickle. Raises BrokenModel for a damaged safetensors file."""
    match path.suffix.lower():
        case ".safetensors":
            return read_header(path)
        case ".gguf":
            return Header(gguf_shapes(path), {}, {})
        case _:
            return Header({}, {}, {})


def tells(pieces: Mapping[str, Piece]) -> bool:
    """Whether parts without a transformer are of one of the families that have such parts alone."""
    return bool(family_of(pieces)) or "text_encoder" in pieces


def _of_pieces(pieces: Mapping[str, Piece]) -> str:
    """ "Z-Image" for a file with all parts; else which of them it holds."""
    family = family_of(pieces)
    if set(pieces) == set(WORDS):
        return TITLES.get(family, "")
    how = "import it with --base or --with" if family in ("", *FAMILIES) else "import it with --base"
    if set(pieces) == {"text_encoder"}:
        return f"a text encoder alone (Qwen3), of Z-Image or FLUX.2 klein: {how}"
    parts = " and ".join(WORDS[part] for part in WORDS if part in pieces)
    return f"a {TITLES.get(family, '')} {parts}: {how}"
