"""Names for folders, from names that strangers chose."""

from __future__ import annotations

import re
import unicodedata

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_LONGEST = 80


def folder_name(wanted: str) -> str:
    """A name for one folder, of letters, digits and "-_.", that is safe on every system. Never empty.

    It holds no separator, is neither "." nor "..", is not hidden, and is no device's name.
    """
    plain = unicodedata.normalize("NFKC", wanted)
    kept = re.sub(r"[^\w.-]+", "-", plain.replace("\0", ""))
    kept = kept[:_LONGEST].encode("utf-8", "ignore")[:200].decode("utf-8", "ignore").strip("-_. ")
    if not kept or kept.split(".")[0].casefold() in _RESERVED:
        return f"model-{kept}".rstrip("-.")
    return kept
