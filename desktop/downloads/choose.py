"""Which files a model needs: one set of safetensors a part, in half precision where there is one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from desktop.downloads.errors import DownloadFailed
from desktop.downloads.hub import Listing, RemoteFile

_WEIGHED = re.compile(r"(text_encoder(_\d)?|unet|transformer|vae)")
_PLAIN = re.compile(r"(tokenizer(_\d)?|scheduler)")
_DEPTH, _PREPARING = "depth_estimator", "feature_extractor"
"""What models that are told depth bring to find it."""
_NAME = re.compile(r"\w[\w.-]{0,120}")
_SMALL = (".json", ".txt", ".model")
_SMALLEST_WEIGHTS = 32 * 2**20
"""A file beside the weights that is larger than this is none of the small ones a part needs."""
_STEMS = ("model", "diffusion_pytorch_model")


def needed_files(listing: Listing) -> tuple[RemoteFile, ...]:
    """Sorted by path. Raises DownloadFailed when the repository is no model in the diffusers layout."""
    by_folder: dict[str, list[RemoteFile]] = {}
    for file in listing.files:
        folder, _, name = file.path.rpartition("/")
        if _NAME.fullmatch(name) and "/" not in folder:
            by_folder.setdefault(folder, []).append(file)
    index = [file for file in by_folder.get("", ()) if file.path == "model_index.json"]
    if not index:
        raise DownloadFailed(
            f"{listing.repo} is no model in the diffusers layout.",
            "Download its .safetensors file yourself and use `mezzotint import`.",
        )
    chosen = index
    for folder, files in by_folder.items():
        if _WEIGHED.fullmatch(folder):
            chosen = [*chosen, *_configs(files), *_weights(listing.repo, folder, files)]
        elif _PLAIN.fullmatch(folder):
            chosen = [*chosen, *_configs(files)]
    depth = by_folder.get(_DEPTH, [])
    if any(file.path.endswith(".safetensors") for file in depth):
        chosen = [*chosen, *_configs(depth), *_weights(listing.repo, _DEPTH, depth)]
        chosen = [*chosen, *_configs(by_folder.get(_PREPARING, ()))]
    return tuple(sorted(chosen, key=lambda file: file.path))


def _configs(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    small = [f for f in files if f.path.endswith(_SMALL) and f.size < _SMALLEST_WEIGHTS]
    return [file for file in small if not file.path.endswith(".index.json") and ".index." not in file.path]


def _weights(repo: str, folder: str, files: list[RemoteFile]) -> list[RemoteFile]:
    """The first that is there: one file or several with their list, half precision before whole."""
    names = {file.path.rpartition("/")[2]: file for file in files}
    for stem in _STEMS:
        for variant in (".fp16", ""):
            if single := names.get(f"{stem}{variant}.safetensors"):
                return [single]
            listing = names.get(f"{stem}.safetensors.index{variant}.json")
            pieces = [f for name, f in names.items() if _is_piece(name, stem, variant)]
            if listing and pieces:
                return [listing, *pieces]
    raise DownloadFailed(
        f"{repo} has no safetensors file for its {folder}, only kinds that can run code.",
        "Choose another model.",
    )


def _is_piece(name: str, stem: str, variant: str) -> bool:
    number, plain = r"-\d{5}-of-\d{5}", re.escape(variant)
    return bool(re.fullmatch(rf"{stem}({plain}{number}|{number}{plain})\.safetensors", name))
