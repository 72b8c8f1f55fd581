"""A request's prompts as the text encoder gets them: choices made, LoRAs and embeddings found and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from backends.core import few_steps, prompt_choices, prompt_embeddings
from backends.core.contract import InvalidRequest, ModelFacts, Request, Stages
from backends.core.model_folder import sha256
from backends.core.prompt_tags import LoraTag, split_tags
from backends.core.shelf import Shelf

_MORE_GUIDANCE = 1.5
"""Than a LoRA is made for, before it is said."""
_CONVERTED = "Bake it in with `mezzotint convert --lora`, or choose the model that it was made from."


@dataclass(frozen=True)
class Text:
    """One picture's prompts: as they are recorded, and the words in them without tags."""

    prompt: str
    negative: str
    words: str
    loras: tuple[LoraTag, ...]


class Prompts:
    """The prompts of a request's pictures. Raises InvalidRequest for names that nothing has."""

    def __init__(self, request: Request, shelf: Shelf) -> None:
        self._request, self._shelf = request, shelf
        self._files: dict[str, Path] = {}
        self.of, self._digest = cache(self._of), cache(sha256)

    def _of(self, index: int) -> Text:
        seed = self._request.seed + index
        prompt = prompt_choices.resolve(self._request.prompt, seed, self._shelf.wildcard)
        negative = prompt_choices.resolve(self._request.negative_prompt, seed, self._shelf.wildcard)
        return Text(prompt, negative, *split_tags(prompt))

    def differs(self, index: int) -> bool:
        """Whether this picture's prompts are not those of the one before."""
        return index > 0 and self.of(index) != self.of(index - 1)

    def where_chosen(self, index: int) -> tuple[str | None, str | None]:
        """The prompts where a choice was made, for the record."""
        text, asked = self.of(index), self._request
        chosen = (text.prompt, text.negative) != (asked.prompt, asked.negative_prompt)
        return (text.prompt, text.negative) if chosen else (None, None)

    def prepare(self, stages: Stages, index: int) -> None:
        """Gives the stages what the prompts name. Raises InvalidRequest when they can't take it."""
        text = self.of(index)
        loras = tuple((self._shelf.lora(tag.name), tag.weight) for tag in text.loras)
        self._hand_loras(stages, loras)
        files = prompt_embeddings.used_in((text.words, text.negative), self._shelf.embeddings)
        _hand(stages, "use_embeddings", files, "an embedding")
        self._files = {tag.name: file for tag, (file, _) in zip(text.loras, loras, strict=True)} | files

    def _hand_loras(self, stages: Stages, loras: tuple[tuple[Path, float], ...]) -> None:
        _hand(stages, "use_loras", loras, "a LoRA")

    def scheduler_settings(self, facts: ModelFacts) -> Mapping[str, Any]:
        """What a LoRA that makes pictures in a few steps wants of this model's noise schedule."""
        found = few_steps.of_loras((tag.name for tag in self.of(0).loras), facts.samplers)
        return found.scheduler if found else {}

    def advice(self, facts: ModelFacts) -> Iterator[str]:
        """What to say when a LoRA wants other steps, guidance or weight than are asked for."""
        tags, asked = self.of(0).loras, self._request
        found = few_steps.of_loras((tag.name for tag in tags), facts.samplers)
        most = found.guidance_scale + _MORE_GUIDANCE if found else 0.0
        if found and (asked.steps > 2 * found.steps or asked.guidance_scale > most):
            yield (
                f"A LoRA in the prompt is made for about {found.steps} steps with a guidance of "
                f"{found.guidance_scale:g}; this picture has {asked.steps} with {asked.guidance_scale:g}."
            )
        for tag in tags:
            usual = few_steps.usual_weight(tag.name)
            if usual < 1 and tag.weight > 2 * usual:
                yield f"{tag.name} is made to count {usual:g}; in this picture it counts {tag.weight:g}."

    @property
    def provenance(self) -> dict[str, str]:
        """The files that the last prompts named, by name, with the SHA-256 of each."""
        told = ", ".join(f"{name}: {self._digest(file)}" for name, file in self._files.items())
        return {"additions": told} if told else {}


class RefinersPrompts(Prompts):
    """The same for a refiner, which no LoRA is for: those in the prompt are the first model's."""

    def _hand_loras(self, stages: Stages, loras: tuple[tuple[Path, float], ...]) -> None:
        super()._hand_loras(stages, ())


def _hand(stages: Stages, door: str, things: Any, what: str) -> None:
    take: Callable[[Any], None] | None = getattr(stages, door, None)
    if take is not None:
        take(things)
    elif things:
        raise InvalidRequest(f"A converted model can't take {what} as it is.", _CONVERTED)
