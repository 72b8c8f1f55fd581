"""`mezzotint download`: what is worth having, what it would take, and getting it."""

from __future__ import annotations

import getpass
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.core.contract import InvalidRequest
from backends.core.memory import available_bytes, in_words
from backends.core.model_folder import ModelFolder
from desktop.cli.download_options import DownloadOptions
from desktop.cli.fit import Verdict, verdicts_of
from desktop.cli.models import as_plain, look_at, print_model
from desktop.cli.show import Progress, choose_progress, printable, say
from desktop.cli.stop import Stop
from desktop.downloads.client import is_offline, open_client, set_offline
from desktop.downloads.errors import DownloadFailed
from desktop.downloads.job import Download, Plan, discard, resume_or_plan, waiting
from desktop.downloads.job import Progress as Came
from desktop.downloads.recommended import RECOMMENDED, Recommended, find_recommended
from desktop.downloads.tokens import find_token, forget_token, keep_token
from desktop.library import paths
from desktop.library.models import InstalledModel


def run(options: DownloadOptions, stop: Stop) -> int:
    """Does what the options ask for. Returns 0; raises a MezzotintError."""
    done = _settle(options)
    if options.list:
        _list(options)
    elif options.model:
        _fetch(options, stop)
    elif not done:
        raise InvalidRequest("Nothing was named.", "`mezzotint download --list` shows what is worth having.")
    return 0


def _settle(options: DownloadOptions) -> bool:
    """What is only written down. Returns whether there was any."""
    if options.online or options.offline:
        set_offline(options.offline)
        say(f"Offline is {'on' if options.offline else 'off'} now.")
    if options.sign_in:
        keep_token(getpass.getpass("The hub's token (it is not shown): ").strip())
        say("The token is in the system's keyring.")
    if options.sign_out:
        forget_token()
        say("The token is gone from the system's keyring.")
    if options.discard:
        discard(paths.models_folder(), options.discard)
        say(f"{printable(options.discard)} was dropped.")
    told = (options.online, options.offline, options.sign_in, options.sign_out, options.discard)
    return any(told)


# --- The list -----------------------------------------------------------------------------------


def _list(options: DownloadOptions) -> None:
    begun = waiting(paths.models_folder())
    if options.json:
        waits = [{"name": w.plan.name, "repo": w.plan.repo, "done": w.done, "of": w.plan.size} for w in begun]
        models = list(map(_recommended_as_plain, RECOMMENDED))
        print(json.dumps({"offline": is_offline(), "models": models, "waiting": waits}), flush=True)
        for each in RECOMMENDED:
            print(json.dumps({"name": each.name} | _fits_as_plain(_recommended_verdicts(each))), flush=True)
        return
    print(
        f"{in_words(available_bytes())} of memory and {in_words(_free_disk())} on the models' disk are free."
    )
    for each in RECOMMENDED:
        print(
            f"\n{each.name}: {each.title}, {each.gigabytes} GB, {each.steps} steps. Licence: {each.licence}"
        )
        print(f"  {each.words} (Looked up: {each.checked}.)")
        for verdict in _recommended_verdicts(each):
            print(f"  {_fit_words(verdict)}", flush=True)
    for each in begun:
        print(f"\nWaiting: {printable(each.plan.name)}, {in_words(each.done)} of {in_words(each.plan.size)}.")
    if is_offline():
        print("\nOffline is on; `mezzotint download --online` turns it off.")


def _verdicts(name: str, folder: ModelFolder) -> list[Verdict]:
    """On each backend that can run here and knows the family."""
    from backends.core.registry import all_backends

    able = [backend.capabilities.id for backend in all_backends() if backend.probe() is None]
    try:
        found = [verdict for backend in able for verdict in verdicts_of(name, folder, backend)]
    except (ValueError, TypeError, RuntimeError, KeyError) as error:  # as the libraries refuse a network
        raise DownloadFailed(
            f"{name} can't be used here: no network can be built by its configuration ({str(error)[:80]}).",
            "Use another model.",
        ) from error
    return [verdict for verdict in found if verdict.problem is None]


def _fit_words(verdict: Verdict) -> str:
    fit = verdict.fit
    if fit is None:
        return f"On {verdict.backend}: {verdict.problem}."
    need = f"{in_words(fit.need)} of memory for {fit.size[0]} x {fit.size[1]}, at least {in_words(fit.least)}"
    return f"On {verdict.backend}: {need}. {fit.action}"


def _recommended_verdicts(each: Recommended) -> list[Verdict]:
    with tempfile.TemporaryDirectory() as place:
        return _verdicts(each.name, each.describe_in(Path(place)))


def _recommended_as_plain(each: Recommended) -> dict[str, Any]:
    names = ("name", "title", "repo", "licence", "gigabytes", "steps", "words", "checked")
    return {name: getattr(each, name) for name in names}


def _fits_as_plain(verdicts: list[Verdict]) -> dict[str, Any]:
    """In a word for each backend, and in full as `mezzotint fit --json` has them."""
    fits = {verdict.backend: verdict.fit.verdict for verdict in verdicts if verdict.fit}
    return {"fits": fits, "verdicts": [asdict(verdict) for verdict in verdicts]}


def _free_disk() -> int:
    folder = paths.models_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


# --- Fetching -----------------------------------------------------------------------------------


def _fetch(options: DownloadOptions, stop: Stop) -> None:
    known = find_recommended(options.model or "")
    repo = known.repo if known else str(options.model)
    name = options.name or (known.name if known else "")
    revision = options.revision or (known.revision if known else "main")
    models = paths.models_folder()
    before = {each.plan.name for each in waiting(models)}
    with open_client(find_token()) as client:
        plan = resume_or_plan(client, models, repo, revision, name)
        download = Download(client=client, plan=plan, models=models)
        folder = download.describe()
        told = {"plan": _plan_as_plain(plan, _verdicts(plan.name, folder))}
        print(json.dumps(told), flush=True) if options.json else _say_plan(plan, folder, options)
        if options.check:
            if plan.name not in before:
                discard(models, plan.name)
            return
        _run(download, options, stop)
    _print_model(models / plan.name, options)


def _run(download: Download, options: DownloadOptions, stop: Stop) -> None:
    with choose_progress(not (options.quiet or options.json)) as progress:
        try:
            for came in _now_and_then(download.run(), stop):
                _show(came, download.plan, progress, options)
        except KeyboardInterrupt:
            say("What came is kept: the same command goes on from there.")
            raise


def _now_and_then(steps: Iterator[Came], stop: Stop) -> Iterator[Came]:
    """Each hundredth of the way."""
    shown = -1
    for came in steps:
        stop.check()
        if (now := came.done * 100 // max(came.of, 1)) > shown:
            shown = now
            yield came


def _show(came: Came, plan: Plan, progress: Progress, options: DownloadOptions) -> None:
    if options.json:
        print(json.dumps({"file": came.file, "done": came.done, "of": came.of}), flush=True)
    else:
        words = f"{plan.name}: {in_words(came.done)} of {in_words(came.of)}"
        progress.step(words, came.done * 100 // max(came.of, 1), 100)


def _say_plan(plan: Plan, folder: ModelFolder, options: DownloadOptions) -> None:
    if options.quiet:
        return
    say(f"{plan.repo} at {plan.commit[:10]}: {len(plan.files)} files, {in_words(plan.size)}.")
    say(f"Licence: {printable(plan.licence) or 'its page names none'}.")
    for verdict in _verdicts(plan.name, folder):
        say(_fit_words(verdict))


def _plan_as_plain(plan: Plan, verdicts: list[Verdict]) -> dict[str, Any]:
    told = {"name": plan.name, "repo": plan.repo, "commit": plan.commit, "licence": plan.licence}
    return told | {"bytes": plan.size} | _fits_as_plain(verdicts)


def _print_model(folder: Path, options: DownloadOptions) -> None:
    look = look_at(InstalledModel(folder.name, folder))
    if options.json:
        print(json.dumps({"model": as_plain(look)}))
    elif options.quiet:
        print(printable(str(folder)))
    else:
        print_model(look)
