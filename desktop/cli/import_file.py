"""`mezzotint import`: a file or a folder from elsewhere becomes an installed model. No network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from backends.core.contract import BrokenModel
from backends.core.model_folder import made_for
from backends.core.shelf import UNNAMED
from convert.belonging import belonging
from convert.import_model import Say, Wish, import_model
from convert.prepare import Source
from convert.source.additions import addition_in
from convert.source.describe import header_of
from convert.source.piece_configs import FAMILIES as GUIDED_OR_NOT
from desktop.cli import import_as
from desktop.cli.import_asking import Asks, ask, ask_to_keep, free_name
from desktop.cli.models import Look, as_plain, look_at, print_model
from desktop.cli.models_options import PREDICTIONS, ImportOptions
from desktop.cli.show import choose_progress, printable
from desktop.cli.stop import Stop
from desktop.library import paths
from desktop.library.models import InstalledModel, find_model, installed_models


def run(options: ImportOptions, stop: Stop) -> int:
    """Imports and prints what the model is. Returns 0; raises a MezzotintError."""
    source = paths.expand(options.source)
    if options.kind:
        return import_as.run(source, options)
    belongs = belonging(source, [paths.expand(each) for each in options.beside])
    if belongs.of is not None:
        _print_part(source, belongs.of, options)
        return 0
    wish = Wish(
        source=source,
        models=paths.models_folder(),
        name=options.name or "",
        base=find_model(options.base).folder if options.base else None,
        prediction=PREDICTIONS[options.prediction] if options.prediction else None,
        others=(*map(paths.expand, options.others), *belongs.others),
        lend=_lend,
    )
    try:
        folder = _import(wish, options, stop)
    except Asks as question:
        print(question.line)
        return 0
    _print(look_at(InstalledModel(folder.name, folder)), folder, options)
    return 0


def asking(wish: Wish, say: Say) -> Wish:
    """The same, ended with a question where there is one: at once, or when a pickle has been read.

    Raises Asks or BrokenModel.
    """
    if not wish.source.is_file():
        return _asking_of_folder(wish)
    name = wish.name or wish.source.stem
    sources = _unread(wish)
    if all(each.header.shapes for each in sources):
        ask(sources, name, say)
        return wish
    return replace(wish, name=free_name(name), seen=lambda read: ask(read, name, say))


def _asking_of_folder(wish: Wish) -> Wish:
    """A folder of diffusers' may hold a VAE or a ControlNet alone. Raises Asks."""
    unnamed = sorted(wish.source.glob(f"{UNNAMED}*.safetensors")) if wish.source.is_dir() else []
    if len(unnamed) == 1 and not (wish.source / "model_index.json").exists():
        file = unnamed[0]
        ask_to_keep(Source(file, file, header_of(file), ""), wish.name or wish.source.name)
    return wish


def _unread(wish: Wish) -> list[Source]:
    """What the files' headers say; nothing of pickles."""
    files = [each for each in (wish.source, *wish.others) if each.is_file()]
    return [Source(file, file, header_of(file), "") for file in files]


def _refuse_additions(wish: Wish) -> None:
    """Raises BrokenModel for what is no model and no part of one."""
    for source in _unread(wish)[:1]:
        kind = addition_in(source.header.shapes)
        if kind not in ("", "vae"):
            raise BrokenModel(
                f"{source.name} is no model, but goes with the {kind}s.",
                f"Put it there: mezzotint import {source.name} --as {kind}",
            )


def _import(wish: Wish, options: ImportOptions, stop: Stop) -> Path:
    with choose_progress(not (options.quiet or options.json)) as progress:

        def say(words: str) -> None:
            stop.check()
            progress.stage(words)

        if options.ask:
            return import_model(asking(wish, say), say)
        _refuse_additions(wish)
        return import_model(wish, say)


def _print_part(source: Path, of: Path, options: ImportOptions) -> None:
    if options.json:
        print(json.dumps({"part_of": str(of)}))
    elif not options.quiet:
        print(f"{printable(source.name)} is a part of the model in {printable(of.name)}: it comes with that.")


def _lend(family: str, distilled: bool) -> Path | None:
    """An installed model of this family that has the parts that a file lacks."""
    looks = (look_at(model) for model in installed_models())
    fitting = [
        look.installed.folder
        for look in looks
        if look.facts and look.facts.family == family and not made_for(look.installed.folder)
        if family not in GUIDED_OR_NOT or look.facts.takes_guidance != distilled
    ]
    return next(iter(fitting), None)


def _print(look: Look, folder: Path, options: ImportOptions) -> None:
    if options.json:
        print(json.dumps(as_plain(look)))
    elif options.quiet:
        print(printable(str(folder)))
    else:
        print_model(look)
        print(f'Use it: mezzotint generate --model {printable(folder.name)} "a fox in the snow"')
