"""Captions for a picture, worded differently every time: synonyms, plurals, word orders, unknown words."""

from __future__ import annotations

import random
import string

from compose import Spec
from world import BACKDROPS, CONCEPTS, INDEX, Backdrop, Concept

ADJECTIVES = (
    "cute", "beautiful", "tiny", "shiny", "happy", "funny", "little", "big", "lovely", "friendly", "sleepy",
    "small",
    "large", "magical", "rainbow-coloured", "rainbow-colored", "colourful", "colorful", "adorable", "fluffy",
    "charming", "nice", "old", "young", "cheerful", "brave", "hungry", "delicious", "pretty", "huge", "giant",
)  # fmt: skip
OPENINGS = ("a picture of", "a drawing of", "an illustration of", "picture of", "an image of", "a photo of",
            "a painting of", "draw", "illustration:", "a cartoon of")  # fmt: skip
ENDINGS = (
    ", highly detailed",
    ", 4k",
    ", digital art",
    ", beautiful",
    ", cute",
    ", icon",
    ", simple",
    "!",
    ".",
    ".",
)
STYLES = {
    "flat": (", flat style", " in flat style", ", flat", ", flat art", ", flat colours", " in a flat style"),
    "soft": (", soft style", " in soft style", ", soft", ", soft art", ", soft shading", " in a soft style"),
}
STYLE_NAMED = {"flat": 0.15, "soft": 1.0}
PAIRS = {
    "left": ("{x} and {y}", "{x} and {y}", "{x} next to {y}", "{x} next to {y}", "{x} left of {y}",
             "{x} to the left of {y}", "{x} beside {y}", "{x} with {y}", "{y} right of {x}",
             "{y} to the right of {x}", "{x} by {y}", "{x}, {y}"),
    "above": ("{x} above {y}", "{x} above {y}", "{x} over {y}", "{x} on top of {y}", "{y} below {x}",
              "{y} under {x}", "{y} beneath {x}"),
    "eating": ("{x} eating {y}", "{x} eating {y}", "{x} eating {y}", "{x} eats {y}", "{x} is eating {y}",
               "{x} that eats {y}", "{x} having {y}", "{x} munching {y}", "{x} enjoying {y}",
               "{x} holding {y}"),
}  # fmt: skip
COLOUR_PHRASES = (
    "{x} on a {c} background", "{x} on a {c} background", "{x} on {c}", "{x} with a {c} background",
    "{x} against a {c} background", "{x}, {c} background", "{c} background, {x}",
    "{x} in front of a {c} background",
    "on a {c} background, {x}", "{x} on {c} background", "{c} background with {x}",
)  # fmt: skip
SCENE_PHRASES = ("{x} {p}", "{x} {p}", "{x} {p}", "{x} {p}", "{x}, {p}", "{p}, {x}", "{p} {x}")
NOUN_PHRASES = (
    "{n} scene with {x}",
    "{x}, {n}",
    "{n} with {x}",
    "{n}, {x}",
    "{x}, {n} background",
    "{n}: {x}",
)
WORDLESS_BACKDROP = 0.06


def chance(rng: random.Random, probability: float) -> bool:
    """True that often."""
    return rng.random() < probability


def pseudo_word(rng: random.Random) -> str:
    """Letters that are no word, so that unknown words learn to mean nothing."""
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 9)))


def article(words: str) -> str:
    """The indefinite article of a phrase."""
    return "an" if words[0] in "aeiou" and not words.startswith(("unicorn", "uni")) else "a"


def noun(concept: Concept, rng: random.Random) -> str:
    """The concept's usual name, or a synonym."""
    if concept.synonyms and chance(rng, 0.25):
        return rng.choice(concept.synonyms)
    return concept.name


def qualifier(rng: random.Random) -> str:
    """Nothing, an adjective, or a word that is unknown."""
    if chance(rng, 0.12):
        return rng.choice(ADJECTIVES) + " "
    return pseudo_word(rng) + " " if chance(rng, 0.03) else ""


def thing(name: str, rng: random.Random, plural_share: float = 0.04) -> str:
    """A concept as a noun phrase."""
    concept = CONCEPTS[INDEX[name]]
    if concept.plural == concept.name or chance(rng, plural_share):
        return rng.choice(("", "", "", "some ", "the ")) + qualifier(rng) + concept.plural
    words = qualifier(rng) + noun(concept, rng)
    choice = rng.random()
    if choice < 0.72:
        return f"{article(words)} {words}"
    return words if choice < 0.9 else f"the {words}"


def scene_content(spec: Spec, rng: random.Random) -> str:
    """Who and what, without the backdrop."""
    if spec.second is None:
        return thing(spec.first, rng)
    plural_share = 0.35 if spec.relation == "eating" else 0.04
    first, second = thing(spec.first, rng), thing(spec.second, rng, plural_share)
    return rng.choice(PAIRS[spec.relation]).format(x=first, y=second)


def with_backdrop(content: str, backdrop: Backdrop, rng: random.Random) -> str:
    """The content with its scene or colour."""
    if backdrop.rgb is not None:
        return rng.choice(COLOUR_PHRASES).format(x=content, c=rng.choice(backdrop.nouns))
    if chance(rng, 0.85):
        return rng.choice(SCENE_PHRASES).format(x=content, p=rng.choice(backdrop.phrases))
    return rng.choice(NOUN_PHRASES).format(x=content, n=rng.choice(backdrop.nouns))


def caption(spec: Spec, rng: random.Random) -> str:
    """One wording of what a picture shows."""
    text = scene_content(spec, rng)
    if not chance(rng, WORDLESS_BACKDROP):
        text = with_backdrop(text, BACKDROPS[spec.backdrop], rng)
    if chance(rng, 0.08):
        text = f"{rng.choice(OPENINGS)} {text}"
    if chance(rng, STYLE_NAMED[spec.style]):
        text += rng.choice(STYLES[spec.style])
    return text + rng.choice(ENDINGS) if chance(rng, 0.1) else text


def plain_caption(spec: Spec) -> str:
    """The usual wording, the same every time."""
    text = _plain_content(spec)
    backdrop = BACKDROPS[spec.backdrop]
    return f"{text} on a {backdrop.name} background" if backdrop.rgb else f"{text} {backdrop.phrases[0]}"


def _plain_content(spec: Spec) -> str:
    first = _plain_thing(spec.first)
    return (
        first if spec.second is None else PAIRS[spec.relation][0].format(x=first, y=_plain_thing(spec.second))
    )


def _plain_thing(name: str) -> str:
    concept = CONCEPTS[INDEX[name]]
    return name if concept.plural == name else f"{article(name)} {name}"


def vocabulary() -> list[str]:
    """Every phrase of the grammar, for the tokenizer."""
    things = [words for c in CONCEPTS for words in (c.name, c.plural, *c.synonyms)]
    plurals = [words + "s" for c in CONCEPTS for words in c.synonyms]
    backdrops = [words for b in BACKDROPS.values() for words in (b.name, *b.phrases, *b.nouns)]
    templates = [
        *SCENE_PHRASES,
        *NOUN_PHRASES,
        *COLOUR_PHRASES,
        *(p for pairs in PAIRS.values() for p in pairs),
    ]
    styles = [words for style in STYLES.values() for words in style]
    extra = ["a an the of in on at by with some scene colour color coloured colored colours colors two three"]
    return things + plurals + backdrops + templates + styles + [*ADJECTIVES, *OPENINGS, *ENDINGS] + extra
