"""Weights from elsewhere become a folder in the diffusers layout, beside the other models.

Everything is written into a hidden folder first; a rename publishes it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.model_folder import open_folder, sha256
from convert.source import configs, single_file, vocabulary
from convert.source.hashes import old_hash, short_hash
from convert.source.header import Header, read_header
from convert.source.kinds import Kind, kind_of, normal_name
from convert.source.names import folder_name
from convert.source.pickles import to_safetensors

Say = Callable[[str], object]
PARTS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")
_WORDS = {"unet": "UNet", "vae": "VAE", "text_encoder": "text encoder"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to import. `base` is a model folder that gives the parts that the file lacks.

    `prediction` is "epsilon" or "v_prediction", for a file that doesn't say; None believes the file.
    """

    source: Path
    models: Path
    name: str = ""
    base: Path | None = None
    prediction: str | None = None


def import_model(wish: Wish, say: Say = lambda _: None) -> Path:
    """Imports, and returns the new model's folder. Raises BrokenModel or InvalidRequest."""
    if not wish.source.exists():
        raise InvalidRequest(f"There is no file {wish.source}.", "Give a .safetensors or .ckpt file.")
    target = wish.models / folder_name(wish.name or wish.source.stem)
    if target.exists():
        raise InvalidRequest(f"There is already a model called {target.name}.", "Give another --name.")
    wish.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".importing-", dir=wish.models) as hidden:
        folder = Path(hidden) / target.name
        folder.mkdir()
        _fill(folder, wish, Path(hidden), say)
        open_folder(folder).facts  # noqa: B018  raises when no backend could open it
        folder.rename(target)
    return target


def _fill(folder: Path, wish: Wish, hidden: Path, say: Say) -> None:
    if wish.source.is_dir():
        _link_folder(open_folder(wish.source).path, folder, say)
        return
    say("Checking the file")
    digest, confined = sha256(wish.source), ()
    weights = wish.source
    if wish.source.suffix.lower() in _PICKLES:
        say("Reading the pickle, confined")
        weights = hidden / "weights.safetensors"
        confined = to_safetensors(wish.source, weights)
    header = _normal(read_header(weights))
    kind = kind_of(wish.source.name, header)
    if wish.prediction:
        kind = replace(kind, prediction=wish.prediction)
    kind = replace(kind, prediction=kind.prediction or ("v_prediction" if kind.version == 2 else "epsilon"))
    try:
        _write_parts(folder, weights, header, kind, say)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise BrokenModel(
            f"{wish.source.name} looks like Stable Diffusion {kind.version}, but does not fit it ({error}).",
            "Get the file again, or a model of another make.",
        ) from error
    _add_from_base(folder, wish, kind)
    _write_manifest(folder, wish.source, digest, confined)


def _normal(header: Header) -> Header:
    return replace(
        header,
        shapes={normal_name(key): shape for key, shape in header.shapes.items()},
        dtypes={normal_name(key): dtype for key, dtype in header.dtypes.items()},
    )


def _write_parts(folder: Path, weights: Path, header: Header, kind: Kind, say: Say) -> None:
    prediction, shapes = str(kind.prediction), header.shapes
    for part in sorted(kind.parts):
        say(f"Writing the {_WORDS[part]}")
        if part == "unet":
            config = configs.unet_config(shapes, kind.version, prediction)
            tensors = single_file.unet_tensors(weights, config)
        elif part == "vae":
            config = configs.vae_config(shapes)
            tensors = single_file.vae_tensors(weights, config)
        else:
            config = configs.text_config(shapes, kind.version)
            tensors = single_file.text_tensors(weights, kind.version, config["hidden_size"])
        _write_part(folder / part, PARTS[part], config, tensors)
    if "text_encoder" in kind.parts:
        vocabulary.write_tokenizer(folder / "tokenizer", kind.version)
    if "unet" in kind.parts:
        _write_json(
            folder / "scheduler" / "scheduler_config.json",
            configs.scheduler_config(prediction, kind.zero_snr),
        )
        _write_json(folder / "model_index.json", configs.model_index())


def _write_part(folder: Path, stem: str, config: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    _write_json(folder / "config.json", config)
    whole = {key: tensor.contiguous() for key, tensor in tensors.items()}
    save_file(whole, folder / f"{stem}.safetensors", metadata={"format": "pt"})


def _add_from_base(folder: Path, wish: Wish, kind: Kind) -> None:
    lacking = set(PARTS) - kind.parts
    if not lacking:
        return
    if wish.base is None:
        raise BrokenModel(
            f"{wish.source.name} holds no {' and no '.join(_WORDS[part] for part in sorted(lacking))}.",
            "Give a model that has it with --base.",
        )
    base = open_folder(wish.base)
    for name in (*lacking, "tokenizer", "scheduler", "model_index.json"):
        if not (folder / name).exists():
            _link(base.path / name, folder / name)


def _link_folder(source: Path, folder: Path, say: Say) -> None:
    say("Linking the folder")
    opened = open_folder(source)
    _link(source / "model_index.json", folder / "model_index.json")
    for part in opened.configs:
        files = opened.weight_files(part) if part in PARTS else []
        small = [path for path in (source / part).iterdir() if path.suffix in (".json", ".txt")]
        for path in {*files, *small}:
            _link(path, folder / part / path.name)
    if (source / "model.json").exists():
        _link(source / "model.json", folder / "model.json")


def _link(source: Path, target: Path) -> None:
    """The same file under another name where the disk can, else a copy; folders file by file."""
    if source.is_dir():
        for path in source.iterdir():
            if path.is_file():
                _link(path, target / path.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _write_manifest(folder: Path, source: Path, digest: str, confined: tuple[str, ...]) -> None:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in found
    }
    origin = {"file": source.name, "sha256": digest, "short": short_hash(digest), "old": old_hash(source)}
    if confined:
        origin["read_without"] = ", ".join(confined)
    told = {"format": 1, "name": folder.name, "origin": f"imported from {source.name}", "imported": origin}
    _write_json(folder / "model.json", told | {"files": files})


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
