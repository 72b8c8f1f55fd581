"""Models from a hub: those worth having, any other by its name, and the question before a network is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, cast

from psygnal import SignalGroupDescriptor

from backends.core.contract import MezzotintError
from desktop.model.language import tr
from desktop.model.models_desk import ModelsDesk
from desktop.model.models_fit import Verdict, in_bytes, verdicts_in
from desktop.model.models_state import Runner
from desktop.model.sentences import said
from desktop.model.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A model that could be fetched. `source` is what the command is asked for, `name` what it will be called
    here; `size` and `licence` are words. `verdicts` say where it fits, of the backends that can run here;
    None while that is being found out.
    """

    source: str
    name: str
    title: str
    licence: str
    size: str
    words: str = ""
    checked: str = ""
    verdicts: tuple[Verdict, ...] | None = None


@dataclass(frozen=True)
class Wish:
    """What waits for the answer whether the network may be used."""

    source: str
    name: str = ""
    title: str = ""


@dataclass(kw_only=True)
class Hub:
    """What is shown. `asked` is a wish that needs the network while Offline is on; `checked` is the model
    that was looked up by its name, `looking` that name until then; `notice` says what went wrong.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    offers: tuple[Offer, ...] = ()
    read: bool = False
    asked: Wish | None = None
    looking: str = ""
    checked: Offer | None = None
    notice: str = ""


class Keeper(Protocol):
    """What has to be written first. Nothing here waits."""

    def settle(self, then: Callable[[], None]) -> None:
        """Calls `then` once the settings are on the disk, where other processes read them."""
        ...

    def keep_token(
        self, token: str, then: Callable[[], None], failed: Callable[[MezzotintError], None]
    ) -> None:
        """Puts the hub's token into the system's keyring."""
        ...


class HubDesk:
    """Turns what a person wants into commands; the network is asked for only when they may."""

    def __init__(self, runner: Runner, desk: ModelsDesk, settings: Settings, keeper: Keeper) -> None:
        self.hub = Hub()
        self._runner, self._desk, self._settings, self._keeper = runner, desk, settings, keeper
        self._listing = False
        settings.events.offline.connect(self._switched)

    def refresh(self) -> None:
        """What is worth having on this computer; no network is used. Once: it takes seconds of computing."""
        if not self._listing and not self.hub.read:
            self._listing = True
            self._runner.start(("desktop", "download", "--list", "--json"), self._listed, self._all_listed)

    def download(self, offer: Offer) -> None:
        """Fetches it, once the network may be used."""
        self._when_allowed(Wish(offer.source, offer.name, offer.title))

    def look_up(self, repo: str) -> None:
        """Asks the hub what a model is; its small files are fetched for that."""
        if repo.strip():
            self._when_allowed(Wish(repo.strip()))

    def allow(self) -> None:
        """The network may be used from now on, for what a person asks for."""
        wish, self.hub.asked = self.hub.asked, None
        self._settings.offline = False
        if wish is not None:
            self._keeper.settle(lambda: self._do(wish))

    def stay_offline(self) -> None:
        self.hub.asked = None

    def keep_token(self, token: str) -> None:
        """For models that are given only to people who accepted their terms."""

        def failed(error: MezzotintError) -> None:
            self.hub.notice = f"{said(error.message)} {said(error.action)}"

        def kept() -> None:
            self.hub.notice = tr("The token is in the system's keyring.")

        self._keeper.keep_token(token.strip(), kept, failed)

    # --- parts ---

    def _listed(self, line: str) -> None:
        """First all models, then of each how it fits here, which takes a while to find out."""
        told = _as_json(line)
        if "models" in told:
            known = {each.name: each.verdicts for each in self.hub.offers}
            offers = map(_recommended, cast(list[Mapping[str, Any]], told["models"]))
            self.hub.offers = tuple(replace(each, verdicts=known.get(each.name)) for each in offers)
        elif "verdicts" in told:
            found = verdicts_in(told["verdicts"])
            self.hub.offers = tuple(
                replace(each, verdicts=found) if each.name == told["name"] else each
                for each in self.hub.offers
            )

    def _all_listed(self, _: int) -> None:
        self._listing, self.hub.read = False, bool(self.hub.offers)

    def _when_allowed(self, wish: Wish) -> None:
        self.hub.notice = ""
        if self._settings.offline:
            self.hub.asked = wish
        else:
            self._keeper.settle(lambda: self._do(wish))

    def _do(self, wish: Wish) -> None:
        if wish.name:
            self._desk.fetch(wish.source, wish.name)
        else:
            self._look_up(wish.source)

    def _look_up(self, repo: str) -> None:
        self.hub.looking, self.hub.checked = repo, None
        lines: list[str] = []

        def ended(_: int) -> None:
            if self.hub.looking != repo:
                return  # another one is looked up by now
            self.hub.looking = ""
            told = [each["plan"] for each in map(_as_json, lines) if "plan" in each]
            if told:
                self.hub.checked = _checked(told[0])
            else:
                self.hub.notice = said(lines[-1]) if lines else tr("It could not be found out.")

        self._runner.start(("desktop", "download", repo, "--check", "--json"), lines.append, ended)

    def _switched(self, offline: bool) -> None:
        if offline:
            self._desk.pause_downloads()
        else:
            self.hub.asked = None


def _as_json(line: str) -> Mapping[str, Any]:
    try:
        value: object = json.loads(line)
    except ValueError:
        return {}
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _recommended(told: Mapping[str, Any]) -> Offer:
    steps = tr("1 step") if told["steps"] == 1 else tr("{count} steps", count=told["steps"])
    return Offer(
        source=told["name"],
        name=told["name"],
        title=told["title"],
        licence=said(told["licence"]),
        size=f"{tr('{count} GB', count=told['gigabytes'])}, {steps}",
        words=said(told["words"]),
        checked=said(told["checked"]),
    )


def _checked(told: Mapping[str, Any]) -> Offer:
    return Offer(
        source=told["repo"],
        name=told["name"],
        title=told["repo"],
        licence=told["licence"] or tr("its page names no licence"),
        size=in_bytes(told["bytes"]),
        verdicts=verdicts_in(told.get("verdicts")),
    )
