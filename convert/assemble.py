"""A model folder of parts in single files, and of what a model that is here already lends.

What the files lack comes from a base: parts, tokenizer, schedule and configurations. Without one, Z-Image and
FLUX.2 klein are made of their three parts alone, with what their makers published of the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.model_folder import ModelFolder, open_folder
from convert.prepare import Source
from convert.source import piece_configs, qwen_vocabulary
from convert.source.piece_tensors import piece_shapes, piece_tensors
from convert.source.pieces import TITLES, WORDS, Piece, are_all, find_pieces

Say = Callable[[str], object]
Link = Callable[[Path, Path], object]
Write = Callable[[Path, str, Mapping[str, Any]], object]
Lend = Callable[[str, bool], Path | None]
"""By a family's id and whether the model is a distilled one: a model that is here, or None."""
ShapesByPart = dict[str, dict[str, tuple[int, ...]]]
_WHOLE_FILES = (*TITLES, "sd3")
"""Families of which a base tells all about a VAE but its numbers."""


@dataclass(frozen=True)
class Found:
    """A part, and the file that holds it."""

    piece: Piece
    source: Source


def find_parts(sources: Sequence[Source], base: Path | None) -> dict[str, Found]:
    """The parts that the files hold of one of these families, by part; {} for files of other kinds.

    Raises BrokenModel or InvalidRequest.
    """
    found: dict[str, Found] = {}
    for source in sources:
        for part, piece in find_pieces(source.name, source.header.shapes).items():
            if part in found:
                raise InvalidRequest(
                    f"{found[part].source.name} and {source.name} both hold a {WORDS[part]}.",
                    "Give one file for each part.",
                )
            found[part] = Found(piece, source)
    return found if _is_ours(found, base) else {}


def _is_ours(found: Mapping[str, Found], base: Path | None) -> bool:
    """Parts without a transformer are of other models, too: then they are the whole file here, and a VAE says
    of which family it is, or its base is of one."""
    if "transformer" in found:
        return True
    if not found or not all(map(_is_all, found.values())):
        return False
    told = "text_encoder" in found or bool(found["vae"].piece.family)
    return told or (base is not None and open_folder(base).facts.family in _WHOLE_FILES)


def _is_all(found: Found) -> bool:
    shapes = found.source.header.shapes
    return are_all(find_pieces(found.source.name, shapes), shapes)


@dataclass(frozen=True)
class Assembly:
    """What a model is put together of. `name` is what it will be called; `link` and `write` make files."""

    parts: Mapping[str, Found]
    name: str
    base: Path | None
    lend: Lend
    link: Link
    write: Write
    say: Say

    def fill(self, folder: Path) -> dict[str, str]:
        """Fills the folder. Returns what is to be remembered of it. Raises BrokenModel or InvalidRequest."""
        family, base = self._settled()
        told = self._arrange(folder, family, base)
        for part, found in self.parts.items():
            self._write_weights(folder, part, found, base)
        return told

    def try_on(self, folder: Path) -> None:
        """The same but for the weights. Raises BrokenModel or InvalidRequest where the parts don't fit."""
        self._arrange(folder, *self._settled())

    def _arrange(self, folder: Path, family: str, base: ModelFolder | None) -> dict[str, str]:
        shapes = self._shapes(base)
        if base is None:
            told = {"prediction_because": self._write_published(folder, family, shapes)}
        else:
            told = {"prediction_because": "the base does", "parts_from": base.path.name}
            self._take(base, folder)
        for part, found in self.parts.items():
            if not _fits(folder, part, shapes[part]) and not _fits_anew(folder, part, shapes[part]):
                raise self._misfit(found, base)
        open_folder(folder).facts  # noqa: B018  raises when no backend could open it
        return told

    def _settled(self) -> tuple[str, ModelFolder | None]:
        """The family, and the base that was given or is lent, if one is needed."""
        told = {found.piece.family: found.source.name for found in self.parts.values() if found.piece.family}
        if len(told) > 1:
            names = " and ".join(told.values())
            raise InvalidRequest(f"{names} are parts of different models.", "Give the parts of one model.")
        base = open_folder(self.base) if self.base else None
        family = next(iter(told), base.facts.family if base else "")
        if base is None and not self._is_whole(family):
            base = self._lent(family)
        if base is not None and base.facts.family != family:
            raise InvalidRequest(f"{base.path.name} is no {TITLES[family]} model.", "Give one with --base.")
        if base is not None and (absent := set(self.parts) - set(base.networks)):
            raise InvalidRequest(
                f"{base.path.name} has no {WORDS[min(absent)]}.", "Give another model with --base."
            )
        return family, base

    def _is_whole(self, family: str) -> bool:
        return family in piece_configs.FAMILIES and set(self.parts) == set(WORDS)

    def _lent(self, family: str) -> ModelFolder:
        distilled, _ = piece_configs.guess_distilled(family, self.name)
        lender = self.lend(family, distilled) if family else None
        if lender is None:
            raise self._incomplete(family)
        self.say(f"Taking the other parts from {lender.name}")
        return open_folder(lender)

    def _incomplete(self, family: str) -> BrokenModel:
        names = " and ".join(dict.fromkeys(found.source.name for found in self.parts.values()))
        lacking = " or ".join(words for part, words in WORDS.items() if part not in self.parts)
        kinds = TITLES.get(family, "Z-Image or FLUX.2 klein")
        action = f"Give a {kinds} model that has the rest with --base."
        if family in ("", *piece_configs.FAMILIES):
            action = (
                f"Import its files together (--with), or with a {kinds} model that has the rest (--base)."
            )
        return BrokenModel(f"There is no {lacking or 'tokenizer'} in {names}.", action)

    def _shapes(self, base: ModelFolder | None) -> ShapesByPart:
        shapes: ShapesByPart = {}
        for part, found in self.parts.items():
            with self._misfits(found, base):
                shapes[part] = piece_shapes(found.source.header.shapes, found.piece)
        return shapes

    def _take(self, base: ModelFolder, folder: Path) -> None:
        """All but the weights that the files have."""
        for part in ("model_index.json", *base.configs):
            if part not in self.parts:
                self.link(base.path / part, folder / part)
        for part in self.parts:
            self.link(base.path / part / "config.json", folder / part / "config.json")

    def _write_published(self, folder: Path, family: str, shapes: ShapesByPart) -> str:
        configs: dict[str, dict[str, Any]] = {}
        for part, found in self.parts.items():
            with self._misfits(found, None):
                configs[part] = piece_configs.part_config(family, part, shapes[part])
                _write_json(folder / part / "config.json", configs[part])
        if not piece_configs.fits_together(family, configs):
            raise InvalidRequest(
                f"The text encoder in {self.parts['text_encoder'].source.name} is not of the size that the "
                "transformer reads.",
                "Give the text encoder that belongs to it.",
            )
        distilled, because = piece_configs.guess_distilled(family, self.name)
        self.say(f"Taken for {'the distilled' if distilled else 'the undistilled'} model, as {because}")
        _write_json(folder / "model_index.json", piece_configs.model_index(family, distilled))
        schedule = piece_configs.scheduler_config(family, distilled)
        _write_json(folder / "scheduler" / "scheduler_config.json", schedule)
        qwen_vocabulary.write_tokenizer(folder / "tokenizer")
        return because

    def _write_weights(self, folder: Path, part: str, found: Found, base: ModelFolder | None) -> None:
        self.say(f"Writing the {WORDS[part]}")
        with self._misfits(found, base):
            tensors = piece_tensors(found.source.path, found.piece)
            wanted = _wanted(folder, part)
            shaped = {key: each.reshape(wanted.get(key, each.shape)) for key, each in tensors.items()}
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        self.write(folder / part, stem, shaped)

    @contextmanager
    def _misfits(self, found: Found, base: ModelFolder | None) -> Generator[None]:
        """Names and shapes that no such part has fail in many ways; to a person they are one."""
        try:
            yield
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise self._misfit(found, base) from error

    def _misfit(self, found: Found, base: ModelFolder | None) -> BrokenModel:
        name, part = found.source.name, WORDS[found.piece.part]
        if base is None:
            return BrokenModel(
                f"{name} looks like the {part} of a model that is known here, but does not fit it.",
                "Get the file again, or a model of another make.",
            )
        of = TITLES.get(base.facts.family, "Stable Diffusion 3")
        return BrokenModel(
            f"{name} does not fit the {of} model in {base.path.name}.",
            "Get the file again, or give the model that it was made from with --base.",
        )


def _fits(folder: Path, part: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the part is built as its configuration says. All but a VAE may hold nothing besides."""
    wanted = _wanted(folder, part)
    if part != "vae" and set(shapes) != set(wanted):
        return False
    return all(_plain(shapes.get(name, (0,))) == _plain(shape) for name, shape in wanted.items())


def _fits_anew(folder: Path, part: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """A VAE may be built otherwise than the base's, if its latents are the same: with a smaller decoder."""
    if part != "vae":
        return False
    path = folder / part / "config.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    try:
        built = piece_configs.vae_shape(shapes)
    except (KeyError, IndexError):
        return False
    if built["latent_channels"] != before.get("latent_channels"):
        return False
    path.unlink()  # it is the base's
    _write_json(path, before | built)
    return _fits(folder, part, shapes)


def _plain(shape: Sequence[int]) -> list[int]:
    """Without sides of 1, which GGUF files lose."""
    return [side for side in shape if side != 1]


def _wanted(folder: Path, part: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a part's weights, and of what it keeps besides, but for counters of training."""
    from backends.core.streaming_files import build_empty

    module = build_empty(open_folder(folder), part)
    inner = "model." if part == "text_encoder" else ""
    kept = {**dict(module.named_parameters()), **_kept_buffers(module)}
    return {inner + name: tuple(tensor.shape) for name, tensor in kept.items()}


def _kept_buffers(module: Any) -> dict[str, Any]:
    parameters = {name for name, _ in module.named_parameters()}
    stored = set(module.state_dict()) - parameters
    return {
        name: buffer
        for name, buffer in module.named_buffers()
        if name in stored and not name.endswith("num_batches_tracked")
    }


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
