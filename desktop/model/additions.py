"""What a prompt can name besides words: LoRAs, embeddings and lists of wildcards, and which of them it names.

The prompt itself says what is used, as `<lora:name:0.8>`, as a word or as `__list__`: the rows that a person
sees are read from it and write into it, so that both always say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from psygnal import SignalGroupDescriptor

from backends.core import few_steps
from backends.core.contract import InvalidRequest
from backends.core.prompt_choices import wildcards_in
from backends.core.prompt_tags import LoraTag, as_word, tags_in, weigh_tag, with_tag, without_tag
from backends.core.shelf import Shelf
from desktop.model.form import Form
from desktop.model.guides import NetCard
from desktop.model.language import tr
from desktop.model.sentences import said
from desktop.model.studio import Note, Studio

Kind = Literal["lora", "embedding", "wildcard"]
KINDS: tuple[Kind, ...] = ("lora", "embedding", "wildcard")


@dataclass(frozen=True, kw_only=True)
class AdditionCard:
    """A file that a prompt can name. `base` is the kind of model it is made for, "" where nobody says;
    `words` are those that wake it; `lines` a list's choices; `fits` is None where nobody can tell before it
    is used. `misfit`, `problem` and `left_out` (what of it this model has no use for) are sentences.
    """

    kind: Kind
    name: str
    path: Path
    base: str = ""
    words: tuple[str, ...] = ()
    lines: int = 0
    fits: bool | None = None
    misfit: str = ""
    left_out: tuple[str, ...] = ()
    problem: str = ""

    @property
    def written(self) -> str:
        """How a prompt names it."""
        names = {
            "lora": str(LoraTag(self.name, few_steps.usual_weight(self.name))),
            "wildcard": f"__{self.name}__",
        }
        return names.get(self.kind, self.name)


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that there is, where it was looked for, and the folders of our own where more may be put.

    `nets` are ControlNets, and `depth_models` what finds depth for them. `vaes` has a sentence for each VAE
    that does not fit the model, and "" for the others.
    """

    cards: tuple[AdditionCard, ...] = ()
    shelf: Shelf = field(default_factory=Shelf)
    folders: Mapping[Kind, Path] = field(default_factory=dict[Kind, Path])
    upscalers: tuple[str, ...] = ()
    pickled_upscalers: tuple[str, ...] = ()
    nets: tuple[NetCard, ...] = ()
    nets_folder: Path | None = None
    depth_models: tuple[str, ...] = ()
    depth_folder: Path | None = None
    vaes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Used:
    """A LoRA that the prompt names; no card: there is no such file."""

    tag: LoraTag
    card: AdditionCard | None


class Lister(Protocol):
    def list(self, model: Path | None, then: Callable[[Found], None]) -> None:
        """Reads what there is, and what of it fits the model in this folder. Nothing waits."""
        ...


@dataclass(kw_only=True)
class Additions:
    """What is shown. `used`, `named` (the cards' kinds and names) and `problems` follow the prompts."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    found: Found = field(default_factory=Found)
    read: bool = False
    used: tuple[Used, ...] = ()
    named: frozenset[tuple[Kind, str]] = frozenset()
    problems: tuple[str, ...] = ()


Known = Mapping[tuple[Kind, str], AdditionCard]


class AdditionsDesk:
    """Turns what a person wants into words of the prompt, and the prompt's words into rows."""

    def __init__(self, form: Form, studio: Studio, lister: Lister) -> None:
        self.additions = Additions()
        self._form, self._studio, self._lister = form, studio, lister
        form.events.prompt.connect(self._read_prompts)
        form.events.negative_prompt.connect(self._read_prompts)
        form.events.model.connect(self._model_changed)
        self._read_prompts()

    # --- what the person does ---

    def refresh(self) -> None:
        """Reads the folders anew."""
        folders = {choice.name: choice.folder for choice in self._studio.models}
        self._lister.list(folders.get(self._form.model), self._listed)

    def add(self, card: AdditionCard, *, negative: bool = False) -> None:
        """Writes it into the prompt, or into what is to be left out."""
        if card.kind == "lora":
            strong = few_steps.usual_weight(card.name)
            self._form.prompt = with_tag(self._form.prompt, LoraTag(card.name, strong))
            self._offer_settings(card.name)
        else:
            self.write(card.written, negative=negative)

    def write(self, words: str, *, negative: bool = False) -> None:
        """Puts words at a prompt's end, before its LoRAs' tags, unless they are there."""
        text = self._form.negative_prompt if negative else self._form.prompt
        if not as_word(words).search(text):
            text = _with_words(text, words)
        if negative:
            self._form.negative_prompt = text
        else:
            self._form.prompt = text

    def weigh(self, name: str, weight: float) -> None:
        """How much a LoRA of the prompt counts."""
        self._form.prompt = weigh_tag(self._form.prompt, LoraTag(name, round(weight, 3)))

    def remove(self, name: str) -> None:
        """Takes a LoRA out of the prompt."""
        self._form.prompt = without_tag(self._form.prompt, name).strip()

    # --- what comes back ---

    def _listed(self, found: Found) -> None:
        self.additions.read, self.additions.found = True, found
        self._read_prompts()

    def _model_changed(self) -> None:
        if self.additions.read:
            self.refresh()

    def _read_prompts(self) -> None:
        cards = self.additions.found.cards
        known: Known = {(card.kind, card.name): card for card in cards}
        tags = tags_in(self._form.prompt)
        self.additions.used = tuple(Used(tag, known.get(("lora", tag.name))) for tag in tags)
        self.additions.named = frozenset(self._named(known))
        self.additions.problems = tuple(self._problems(known)) if self.additions.read else ()

    def _named(self, known: Known) -> Iterator[tuple[Kind, str]]:
        texts = f"{self._form.prompt}\n{self._form.negative_prompt}"
        embeddings = [name for kind, name in known if kind == "embedding"]
        found = {word.lower() for word in as_word(*embeddings).findall(texts)} if embeddings else set[str]()
        loras, lists = {use.tag.name for use in self.additions.used}, wildcards_in(texts)
        for kind, name in known:
            if name in {"lora": loras, "wildcard": lists}.get(kind, ()) or (
                kind == "embedding" and name.lower() in found
            ):
                yield kind, name

    def _problems(self, known: Known) -> Iterator[str]:
        """What the prompts name and no file has, and what is wrong with files that they name."""
        lists = wildcards_in(f"{self._form.prompt}\n{self._form.negative_prompt}")
        loras: list[tuple[Kind, str]] = [("lora", use.tag.name) for use in self.additions.used]
        wildcards: list[tuple[Kind, str]] = [("wildcard", name) for name in lists]
        for each in (*loras, *wildcards):
            card = known.get(each)
            if card is None:
                yield from self._missing(*each)
            elif card.problem:
                yield card.problem

    def _missing(self, kind: Kind, name: str) -> Iterator[str]:
        shelf = self.additions.found.shelf
        try:
            shelf.lora(name) if kind == "lora" else shelf.wildcard(name)
        except InvalidRequest as error:
            yield f"{said(error.message)} {said(error.action)}"

    def _offer_settings(self, name: str) -> None:
        """A LoRA that makes pictures in a few steps brings its steps, sampler and guidance, as it is said."""
        choice = next((each for each in self._studio.models if each.name == self._form.model), None)
        few = few_steps.of_loras([name], choice.samplers if choice else ())
        wanted = few.settings if few else {}
        before = {key: getattr(self._form, key) for key in wanted}
        if few is None or before == wanted:
            return
        for key, value in wanted.items():
            setattr(self._form, key, value)
        words = tr("{name} is made for {count} steps: sampler and guidance are set for it, too.",
                   name=name, count=few.steps)  # fmt: skip
        self._studio.note = Note(words, (), tr("Put back"), lambda: self._put_back(before))

    def _put_back(self, before: Mapping[str, object]) -> None:
        for key, value in before.items():
            setattr(self._form, key, value)
        self._studio.note = None


def _with_words(text: str, words: str) -> str:
    at = text.find("<lora:")
    own, tags = (text, "") if at < 0 else (text[:at].rstrip(), f" {text[at:]}")
    own = own.strip().rstrip(",")
    return (f"{own}, {words}" if own else words) + tags


def told(prompt: str, provenance: Mapping[str, str]) -> str:
    """The LoRAs of a picture with their weights, and the embeddings, in a line: "ink 0.8, easynegative"."""
    weights = {tag.name: tag.weight for tag in tags_in(prompt) if tag.weight}
    files = [part.rpartition(": ")[0] for part in provenance.get("additions", "").split(", ")]
    others = [name for name in files if name and name not in weights]
    return ", ".join([*(f"{name} {weight:g}" for name, weight in weights.items()), *others])
