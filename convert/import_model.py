"""Weights from elsewhere become a folder in the diffusers layout, beside the other models.

Everything is written into a hidden folder first; a rename publishes it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.model_folder import open_folder, sha256
from convert.assemble import Assembly, Lend, find_parts
from convert.bases import misfit_of_parts
from convert.linking import link, link_depth, link_folder
from convert.prepare import Source, check_space, prepare
from convert.source import configs, sd3, vocabulary
from convert.source.hashes import old_hash, short_hash
from convert.source.header import Header
from convert.source.holding import NETWORKS, normal
from convert.source.kinds import Kind, guess_prediction, holds_midas, kind_of, takes_depth, variant
from convert.source.names import folder_name
from convert.source.single_file import part_tensors

Say = Callable[[str], object]
PARTS = {
    "text_encoder": "model",
    "text_encoder_2": "model",
    "unet": "diffusion_pytorch_model",
    "transformer": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
}
_TOKENIZERS = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
_WORDS = {
    "unet": "UNet",
    "transformer": "transformer",
    "vae": "VAE",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
}
_SCALES = ("scaling_factor", "shift_factor", "latents_mean", "latents_std")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to import. `base` is a model folder that gives the parts that the file lacks.

    `prediction` is "epsilon" or "v_prediction", for a file that doesn't say; None believes the file.
    `others` are files that hold more of its parts; where no base is given, `lend` may know one. `seen` is
    called with what was read, before anything is made of it, and may raise what it likes.
    """

    source: Path
    models: Path
    name: str = ""
    base: Path | None = None
    prediction: str | None = None
    others: tuple[Path, ...] = ()
    lend: Lend = lambda family, distilled: None
    seen: Callable[[Sequence[Source]], object] = lambda sources: None


def import_model(wish: Wish, say: Say = lambda _: None) -> Path:
    """Imports, and returns the new model's folder. Raises BrokenModel or InvalidRequest."""
    _check_sources(wish)
    target = wish.models / folder_name(wish.name or wish.source.stem)
    if target.exists():
        raise InvalidRequest(f"There is already a model called {target.name}.", "Give another --name.")
    wish.models.mkdir(parents=True, exist_ok=True)
    check_space([path for path in (wish.source, *wish.others) if path.is_file()], wish.models)
    with tempfile.TemporaryDirectory(prefix=".importing-", dir=wish.models) as hidden:
        folder = Path(hidden) / target.name
        folder.mkdir()
        _fill(folder, wish, Path(hidden), say)
        open_folder(folder).facts  # noqa: B018  raises when no backend could open it
        folder.rename(target)
    return target


def _check_sources(wish: Wish) -> None:
    for source in (wish.source, *wish.others):
        if not source.exists():
            raise InvalidRequest(f"There is no file {source}.", "Give a .safetensors, .ckpt or .gguf file.")
        if not (source.is_file() or source.is_dir()):
            raise InvalidRequest(f"{source} is neither a file nor a folder.", "Give the model's own file.")
        if source.is_dir() and wish.others:
            raise InvalidRequest(f"{source} is a folder.", "Give files of parts, each with --with.")


def _fill(folder: Path, wish: Wish, hidden: Path, say: Say) -> None:
    if wish.source.is_dir():
        link_folder(open_folder(wish.source).path, folder, say)
        return
    sources = [prepare(path, hidden, say) for path in (wish.source, *wish.others)]
    wish.seen(sources)
    if parts := find_parts(sources, wish.base):
        name = wish.name or wish.source.stem
        told = Assembly(parts, name, wish.base, wish.lend, link, _write_tensors, say).fill(folder)
        _write_manifest(folder, sources, told)
        return
    if wish.others:
        raise InvalidRequest(
            f"{wish.source.name} is no part of a Z-Image or FLUX.2 klein model.", "Import it without --with."
        )
    why = _fill_whole(folder, wish, sources[0], say)
    _write_manifest(folder, sources, {"prediction_because": why})


def _fill_whole(folder: Path, wish: Wish, source: Source, say: Say) -> str:
    """A file of Stable Diffusion. Returns who said what it predicts."""
    header = normal(source.header)
    kind, why = _settled(wish, kind_of(source.name, header), header, say)
    if kind.version == "3" and sd3.has_t5(header.shapes):
        say("T5 is left out: its vocabulary is not in the file")
    if holds_midas(header.shapes):
        say("The file's depth network (MiDaS) is left out: it has other names than any library here reads")
    with _misfits(source.name, kind):
        found = _write_configs(folder, header, kind)
    _add_from_base(folder, wish, kind, header)
    _check_usable(folder, source.name, header)
    if wish.base is not None and takes_depth(header.shapes):
        link_depth(wish.base, folder)
    with _misfits(source.name, kind):
        for part, config in found.items():
            say(f"Writing the {_WORDS[part]}")
            _write_tensors(folder / part, PARTS[part], part_tensors(source.path, header, part, config))
    return why


def _settled(wish: Wish, kind: Kind, header: Header, say: Say) -> tuple[Kind, str]:
    """The kind with what it predicts, and who says so."""
    if kind.version == "3":
        return replace(kind, prediction="flow_prediction"), "every model of this kind does"
    if wish.prediction:
        return replace(kind, prediction=wish.prediction), "you said so"
    if kind.prediction:
        return kind, "the file says so"
    if takes_depth(header.shapes):
        return replace(kind, prediction="epsilon"), "models for depth do"
    guess, why = guess_prediction(wish.name or wish.source.stem, kind.version)
    if kind.version == "2.x" and "unet" in kind.parts:
        say(f"Taken for {guess}, as {why}")
    return replace(kind, prediction=guess), why


@contextmanager
def _misfits(name: str, kind: Kind) -> Generator[None]:
    """Tensors of another shape than the version has fail in many ways; to a person they are one."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise BrokenModel(
            f"{name} looks like Stable Diffusion {kind.version}, but does not fit it ({str(error)[:80]}).",
            "Get the file again, or a model of another make.",
        ) from error


def _check_usable(folder: Path, name: str, header: Header) -> None:
    """Asks the family, before anything large is written, whether it runs such a model."""
    try:
        open_folder(folder).facts  # noqa: B018  raises when no backend could open it
    except BrokenModel as error:
        if (what := variant(header.shapes)) is None:
            raise
        raise BrokenModel(f"{name} is {what}, which this version can't run.", error.action) from error


def _write_configs(folder: Path, header: Header, kind: Kind) -> dict[str, dict[str, Any]]:
    """Everything but weights; returns each part's configuration."""
    prediction, shapes = str(kind.prediction), header.shapes
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "unet": lambda: configs.unet_config(shapes, kind.version, prediction),
        "vae": lambda: configs.vae_config(shapes, kind.version),
        "text_encoder": lambda: configs.text_config(shapes, "text_encoder"),
        "text_encoder_2": lambda: configs.text_config(shapes, "text_encoder_2"),
    }
    if kind.version == "3":
        makers = {part: partial(sd3.part_config, shapes, part) for part in kind.parts}
    found = {part: makers[part]() for part in sorted(kind.parts)}
    for part, config in found.items():
        _write_json(folder / part / "config.json", config)
        if tokenizer := _TOKENIZERS.get(part):
            padding = "2.x" if part == "text_encoder_2" else kind.version
            vocabulary.write_tokenizer(folder / tokenizer, padding)
    if "unet" in kind.parts:
        _write_json(
            folder / "scheduler" / "scheduler_config.json",
            configs.scheduler_config(prediction, kind.zero_snr),
        )
        _write_json(folder / "model_index.json", configs.model_index(kind.version))
    if "transformer" in kind.parts:
        _write_json(folder / "scheduler" / "scheduler_config.json", sd3.scheduler_config())
        _write_json(folder / "model_index.json", sd3.model_index(t5=False))
    return found


def _write_tensors(folder: Path, stem: str, tensors: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    whole = {key: tensor.contiguous() for key, tensor in tensors.items()}
    save_file(whole, folder / f"{stem}.safetensors", metadata={"format": "pt"})


def _add_from_base(folder: Path, wish: Wish, kind: Kind, header: Header) -> None:
    """What the file lacks comes from the base; a VAE takes on how the base scales its latents."""
    base = open_folder(wish.base) if wish.base else None
    part_alone = base is not None and not kind.parts & {"unet", "transformer"}
    lacking = (set(base.networks) if base and part_alone else NETWORKS[kind.version]) - kind.parts
    if not lacking:
        return
    if base is None:
        raise BrokenModel(
            f"{wish.source.name} holds no {' and no '.join(_WORDS[part] for part in sorted(lacking))}.",
            "Give a model that has it with --base.",
        )
    if why := misfit_of_parts(kind, header, base):
        raise InvalidRequest(
            f"{wish.source.name} can't take its other parts from {base.path.name}. {why}",
            "Give another model with --base.",
        )
    if kind.version == "3" and "text_encoder_3" in base.networks:
        lacking |= set(sd3.T5)
        _write_json(folder / "model_index.json", sd3.model_index(t5=True))
    for name in (*lacking, *_TOKENIZERS.values(), "scheduler", "model_index.json"):
        if (base.path / name).exists() and not (folder / name).exists():
            link(base.path / name, folder / name)
    if "vae" in kind.parts and "unet" not in kind.parts:
        config = json.loads((folder / "vae" / "config.json").read_text(encoding="utf-8"))
        kept = {key: base.configs["vae"][key] for key in _SCALES if key in base.configs["vae"]}
        _write_json(folder / "vae" / "config.json", config | kept)


def _write_manifest(folder: Path, sources: Sequence[Source], told: Mapping[str, str]) -> None:
    """model.json: where all came from, and `told`, what else is to be remembered."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in found
    }
    first, *others = (_origin(source) for source in sources)
    origin = {**first, **told} | ({"with": others} if others else {})
    names = ", ".join(source.name for source in sources)
    whole = {"format": 1, "name": folder.name, "origin": f"imported from {names}", "imported": origin}
    _write_json(folder / "model.json", whole | {"files": files})


def _origin(source: Source) -> dict[str, Any]:
    digest = source.digest
    told = {"file": source.name, "sha256": digest, "short": short_hash(digest), "old": old_hash(source.file)}
    return told | ({"read_without": ", ".join(source.confined)} if source.confined else {})


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
