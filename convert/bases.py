"""Which models that are here can give what a single file lacks, and why others can't.

Told by headers and configurations: for parts of Z-Image and the like by putting the model together without
its weights, for those of Stable Diffusion by what one part hands to the next.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.core import autoencoders
from backends.core.contract import BrokenModel, InvalidRequest, MezzotintError
from backends.core.model_folder import ModelFolder, open_folder
from convert.assemble import Assembly, Found, find_parts
from convert.prepare import Source
from convert.source import configs, sd3
from convert.source.header import Header
from convert.source.holding import DENOISERS, NETWORKS, normal
from convert.source.kinds import REFINER, Kind, kind_of
from convert.source.packing import is_packed
from convert.source.pieces import WORDS

CONVERTED = "It was converted, so its parts can't be taken out."
ANOTHER = "It is a model of another family."
_NOT_BUILT_SO = "Its parts are built otherwise."
_FAMILIES = {
    "1.x": ("sd1",),
    "2.x": ("sd1",),
    "XL": ("sdxl",),
    REFINER: ("sdxl_refiner", "sdxl"),
    "3": ("sd3",),
}
"""By version: the families that have its other parts."""
_ENCODERS = {
    "sd1": ("text_encoder",),
    "sdxl": ("text_encoder", "text_encoder_2"),
    "sdxl_refiner": ("text_encoder_2",),
}
_NAMES = {**WORDS, "unet": "UNet", "text_encoder_2": "second text encoder"}
_SMALL = 10 * 2**20
_Config = Mapping[str, Any]


def misfit(sources: Sequence[Source], base: Path, name: str) -> str:
    """Why this model can't give what the files lack, in a sentence; "" when it can."""
    try:
        opened = open_folder(base)
        if opened.manifest.get("made_for"):
            return CONVERTED
        if parts := find_parts(sources, base):
            return _misfit_of_pieces(parts, opened, name)
        header = normal(sources[0].header)
        return misfit_of_parts(kind_of(sources[0].name, header), header, opened)
    except MezzotintError as error:
        return error.message


def misfit_of_parts(kind: Kind, header: Header, base: ModelFolder) -> str:
    """The same for a file of Stable Diffusion; `header` has the first files' names. Raises BrokenModel."""
    family, whole = base.facts.family, bool(kind.parts & DENOISERS)
    if whole and family not in _FAMILIES[kind.version]:
        return ANOTHER
    wanted = NETWORKS[kind.version] - kind.parts if whole else DENOISERS.intersection(base.networks)
    needed = wanted if whole else wanted | kind.parts
    if absent := needed - set(base.networks):
        return f"It has no {_NAMES[min(absent)]}."
    try:
        own = {part: _config(kind, header, part) for part in kind.parts}
    except (KeyError, IndexError, ValueError):
        return ""  # which is said of the file when it is imported
    version_family = family if not whole else _FAMILIES[kind.version][0]
    return _misfit_of_words(own, base, version_family) or _misfit_of_latents(own, base)


def _config(kind: Kind, header: Header, part: str) -> _Config:
    if kind.version == "3":
        return sd3.part_config(header.shapes, part)
    if part == "unet":
        return configs.unet_config(header.shapes, kind.version, "epsilon")
    if part == "vae":
        return configs.vae_config(header.shapes, kind.version)
    return configs.text_config(header.shapes, part)


def _misfit_of_words(own: Mapping[str, _Config], base: ModelFolder, family: str) -> str:
    """The width of what the text encoders hand to the denoiser."""
    if not set(own) - {"vae"}:
        return ""
    if "transformer" in own:
        lent, mine = base.configs["transformer"], own["transformer"]
        same = all(mine.get(key) == lent.get(key) for key in ("joint_attention_dim", "pooled_projection_dim"))
        return "" if same else _NOT_BUILT_SO
    if family not in _ENCODERS:
        return ANOTHER
    both = {**base.configs, **own}
    made = sum(int(both[part].get("hidden_size", 0)) for part in _ENCODERS[family])
    read = both["unet"].get("cross_attention_dim", made)
    if read in (made, [made]):
        return ""
    return f"Its text is {made} numbers wide, and {read} are read."


def _misfit_of_latents(own: Mapping[str, _Config], base: ModelFolder) -> str:
    """Channels of the latents, and how many pixels each stands for."""
    lent = base.configs["vae"]
    needed, there = _channels(own, base), int(lent.get("latent_channels", 4))
    if needed != there:
        return f"Its latents have {there} channels, and {needed} are needed."
    if "vae" in own and autoencoders.scale(own["vae"]) != autoencoders.scale(lent):
        return "Its latents stand for other numbers of pixels."
    return ""


def _channels(own: Mapping[str, _Config], base: ModelFolder) -> int:
    """Of the latents that the file's parts take or make; the base's where they do neither."""
    if "vae" in own:
        return int(own["vae"]["latent_channels"])
    denoiser = own.get("unet") or own.get("transformer") or {}
    return int(denoiser.get("out_channels") or base.configs["vae"].get("latent_channels", 4))


def _misfit_of_pieces(parts: Mapping[str, Found], base: ModelFolder, name: str) -> str:
    told = {found.piece.family for found in parts.values()} - {""}
    if told and base.facts.family not in told:
        return ANOTHER
    if absent := set(parts) - set(base.networks):
        return f"It has no {_NAMES[min(absent)]}."
    if any(is_packed(found.source.header) for found in parts.values()):
        return ""  # its shapes are seen when it is unpacked
    with tempfile.TemporaryDirectory(prefix="mezzotint-fit-") as place:
        try:
            Assembly(parts, name, base.path, _nobody, _link_small, _nothing, _nothing).try_on(Path(place))
        except (BrokenModel, InvalidRequest):
            return _NOT_BUILT_SO
    return ""


def _nobody(family: str, distilled: bool) -> None:
    """Lends nothing."""


def _nothing(*_: Any) -> None:
    """Writes nothing and says nothing."""


def _link_small(source: Path, target: Path) -> None:
    """Configurations, which is what fits are told by."""
    if source.is_dir():
        for path in source.glob("*.json"):
            _link_small(path, target / path.name)
    elif source.suffix == ".json" and source.stat().st_size < _SMALL:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
