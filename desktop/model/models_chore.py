"""A conversion, an import or a download that goes on in a process of its own, as its lines tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast
from uuid import uuid4

from desktop.model.language import tr
from desktop.model.models_ask import Ask
from desktop.model.models_question import Answer, Question, read_question
from desktop.model.sentences import said

State = Literal["waiting", "running", "stopping", "stopped", "failed", "asking"]


@dataclass(frozen=True, kw_only=True)
class Chore:
    """`words` are what goes on, `done` of `of` parts are finished (0 of 0: nobody knows) and `part` (0 to 1)
    of the next; `began` is the clock's time. `command` is what is run, `folder` the model that came of it.
    A conversion has an `ask`; one that was stopped goes on from its finished parts. A download has a
    `source`, what it was asked for by; its `done` and `of` are bytes, and `about` is its licence. An import
    may end in a `question`; `makes` is what the model is called that comes of the answer, and `keeps` the
    kind of a file that is no model and only put into its folder.
    """

    title: str
    command: tuple[str, ...]
    ask: Ask | None = None
    state: State = "waiting"
    words: str = ""
    done: int = 0
    of: int = 0
    part: float = 0.0
    began: float | None = None
    problem: str = ""
    folder: str = ""
    source: str = ""
    about: str = ""
    question: Question | None = None
    makes: str = ""
    keeps: str = ""
    id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def fraction(self) -> float | None:
        return min(1.0, (self.done + self.part) / self.of) if self.of else None

    @property
    def is_over(self) -> bool:
        """Whether nothing goes on any more; it stays until somebody goes on with it or throws it away."""
        return self.state in ("stopped", "failed", "asking")

    @property
    def is_news(self) -> bool:
        """Whether it goes on, or waits for an answer."""
        return not self.is_over or self.state == "asking"


def conversion(ask: Ask, title: str) -> Chore:
    """Prepares a model for other hardware."""
    return Chore(title=title, command=("convert", *ask.words()), ask=ask)


def importing(source: str, name: str, beside: Sequence[str] = ()) -> Chore:
    """Makes a model of a file or a folder from elsewhere; parts of it may be in files that came with it."""
    others = (word for path in beside for word in ("--beside", path))
    return Chore(title=name, command=("desktop", "import", source, *others, "--ask"))


def answered(chore: Chore, answer: Answer) -> Chore:
    """The same import with what a person said."""
    words = (word for word in chore.command if word != "--ask")
    command = (*words, *answer.words())
    return replace(chore, command=command, state="waiting", question=None, words="", makes=answer.name)


def keeping(chore: Chore) -> Chore:
    """Puts the file of a question into the folder of its kind."""
    if chore.question is None:
        return chore
    source, kind = chore.question.source, chore.question.addition
    command = ("desktop", "import", source, "--as", kind)
    return replace(chore, command=command, state="waiting", question=None, words="", keeps=kind)


def downloading(source: str, name: str, done: int = 0, of: int = 0) -> Chore:
    """Fetches a model from a hub: "owner/name" or one of the recommended. It goes on where it was."""
    words = ("desktop", "download", source, "--name", name, "--json")
    return Chore(title=name, command=words, source=source, done=done, of=of)


def told(chore: Chore, line: str) -> Chore:
    """The same chore after its process printed this line."""
    if chore.ask is None and not chore.source:
        return _told_in_words(chore, line)
    try:
        found: object = json.loads(line)
    except ValueError:
        return replace(chore, problem=said(line)) if chore.source else chore
    if not isinstance(found, dict):
        return chore
    tell = _told_of_download if chore.source else _told_as_json
    return tell(chore, cast(Mapping[str, Any], found))


def ended(chore: Chore, code: int) -> Chore:
    """The same chore after its process ended, with this exit code, without a model."""
    if chore.state == "stopping":
        return replace(chore, state="stopped", problem="", began=None)
    problem = chore.problem or tr("The process that did it ended ({code}). Try again.", code=code)
    return replace(chore, state="failed", problem=problem, began=None)


def _told_as_json(chore: Chore, found: Mapping[str, Any]) -> Chore:
    """Lines of `python -m convert`."""
    match found:
        case {"problem": str(problem), "action": str(action)}:
            return replace(chore, problem=f"{said(problem)} {said(action)}")
        case {"folder": str(folder)}:
            return replace(chore, folder=folder)
        case {"words": str(words), "done": int(done), "of": int(of)}:
            return replace(chore, words=words, done=done, of=of, part=_share(found))
        case _:
            return chore


def _told_of_download(chore: Chore, found: Mapping[str, Any]) -> Chore:
    """Lines of `mezzotint download --json`."""
    match found:
        case {"plan": {"bytes": int(size), "licence": str(licence)}}:
            return replace(chore, of=size, about=licence or tr("its page names no licence"))
        case {"done": int(done), "of": int(of)}:
            return replace(chore, done=done, of=of)
        case _:
            return chore


def _share(found: Mapping[str, Any]) -> float:
    """How much of the part that goes on is done, 0 to 1, where the converter says."""
    match found:
        case {"step": int(step), "steps": int(steps)} if steps > 0:
            return min(1.0, step / steps)
        case _:
            return 0.0


def _told_in_words(chore: Chore, line: str) -> Chore:
    """Lines of `mezzotint import`: what it does ends in dots; the last other one is why it failed."""
    if line.endswith(" ..."):
        return replace(chore, words=line.removesuffix(" ..."))
    if question := read_question(line):
        return replace(chore, question=question)
    return replace(chore, problem=said(line))
