"""Walking through the prompts of before, in the prompt's own field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop.model.form import Form

Texts = tuple[str, str]
"""A prompt and its negative prompt."""

_NEAR_THE_END = 5


class PromptWalk:
    """The prompts of before, the last used first, as far as they were needed.

    `fetch` is asked for more, with how many are known, when the walk nears their end; `extend` takes them.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self._texts: list[Texts] = []
        self._at = -1
        self._draft: Texts = ("", "")
        self._shown: Texts = ("", "")
        self.fetch: Callable[[int], None] = _nobody

    def go(self, steps: int) -> None:
        """So many prompts back (or forth, below 0). Before the last used one comes what was being typed."""
        if self._at < 0 or self._now() != self._shown:
            self._at, self._draft = -1, self._now()
        target = min(max(self._at + steps, -1), len(self._texts) - 1)
        if target != self._at:
            self._at = target
            self._show(self._draft if target < 0 else self._texts[target])
        if target >= len(self._texts) - _NEAR_THE_END:
            self.fetch(len(self._texts))

    def used(self, prompt: str, negative_prompt: str) -> None:
        """These were sent just now."""
        texts = prompt, negative_prompt
        self._texts = [texts, *(each for each in self._texts if each != texts)]
        self._at = -1

    def extend(self, older: Sequence[Texts]) -> None:
        """More prompts of before, older than those that are known."""
        known = set(self._texts)
        self._texts += [each for each in older if each not in known]

    def _now(self) -> Texts:
        return self._form.prompt, self._form.negative_prompt

    def _show(self, texts: Texts) -> None:
        self._shown = texts
        self._form.prompt, self._form.negative_prompt = texts


def _nobody(known: int) -> None:
    """Nobody has more."""
