"""A picture's VAE in A1111's text: "VAE hash: 735e4c3a44, VAE: vae-ft-mse-840000-ema-pruned.safetensors"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from desktop.library.record import Record

SETTINGS = ("VAE hash", "VAE")
_ENDINGS = (".safetensors", ".ckpt", ".bin", ".pt", ".vae")
_OWN = ("", "none", "automatic", "baked in", "baked vae")
"""What these programs call the model's own."""
_HASH = 10


def write_vae(record: Record) -> Iterator[tuple[str, str]]:
    """Its SHA-256's beginning and its file, as these programs name it; nothing for the model's own."""
    if not record.vae:
        return
    if digest := record.provenance.get("vae_hash"):
        yield "VAE hash", digest[:_HASH]
    yield "VAE", f"{record.vae}{_ENDINGS[0]}"


def read_vae(settings: Mapping[str, str]) -> str | None:
    """Its name without the file's ending; None for the model's own, or where nothing is said."""
    return vae_stem(settings.get("VAE", ""))


def vae_stem(file: str) -> str | None:
    """ "anything.vae.pt" -> "anything"; None for what means the model's own."""
    name = file.replace("\\", "/").rpartition("/")[2].strip()
    for ending in _ENDINGS:
        if name.casefold().endswith(ending):
            name = name[: -len(ending)]
    return None if name.casefold() in _OWN else name
