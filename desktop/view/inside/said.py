"""What Inside says: each station in plain words, with the field's own terms for tooltips."""

from __future__ import annotations

from dataclasses import dataclass

from backends.core.contract import Stage
from desktop.model.inside import Record
from desktop.model.language import tr


@dataclass(frozen=True)
class Station:
    """One part of the way. `says` is how it works; `terms` what the field calls it."""

    id: str
    title: str
    says: str
    terms: str


def stations() -> tuple[Station, ...]:
    """The five of them, from left to right, in the language in use."""
    return (
        Station(
            "prompt",
            tr("Prompt"),
            tr(
                "Your words are all the model is told about the picture. Whatever they leave open, it "
                "makes up from the captioned pictures it once learned from."
            ),
            tr("Text to image with a latent diffusion model"),
        ),
        Station(
            "tokens",
            tr("Tokens"),
            tr(
                "The model reads tokens: words, or pieces of them, that it knows by number. Each becomes "
                "a list of numbers, a vector, coloured by the words around it. Choose a token to see "
                "where in the picture it mattered."
            ),
            tr("Tokenizer and text encoder (CLIP); the heat map is the mean cross-attention, as in DAAM"),
        ),
        Station(
            "noise",
            tr("Noise"),
            tr(
                "Every picture begins as noise, and the seed decides every grain of it: the same seed, "
                "the same start. It is not made of pixels yet but of latents, a few numbers for each "
                "place, shown here as colours."
            ),
            tr("Gaussian noise in latent space"),
        ),
        Station(
            "steps",
            tr("Steps"),
            tr(
                "At each step the denoiser, a U-Net, says what in the noise should be taken away, and "
                "some of it is. It answers twice, without your words and with them; guidance goes further"
                " in the direction in which your words pull."
            ),
            tr("Denoising with classifier-free guidance; the sampler decides how far each step goes"),
        ),
        Station(
            "picture",
            tr("Picture"),
            tr(
                "When the noise is gone, the decoder turns the latents into pixels: every place becomes a"
                " small square of them, with the texture that its numbers stand for."
            ),
            tr("VAE decode"),
        ),
    )


_STAGES = {"tokens": Stage.READING_PROMPT, "steps": Stage.DENOISING, "picture": Stage.DEVELOPING}


def facts_of(station: str, record: Record | None) -> str:
    """What is known at a station, in two or three words."""
    if record is None:
        return ""
    request = record.request
    facts = {
        "prompt": _count_words(request.prompt),
        "tokens": _count_tokens(record),
        "noise": tr("seed {seed}", seed=record.seed),
        "steps": _count_steps(record),
        "picture": "{} x {}".format(*request.picture_size),
    }
    return facts[station]


def seconds_of(station: str, record: Record | None) -> str:
    """How long the station took, where it took any time."""
    stage = _STAGES.get(station)
    seconds = record.seconds.get(stage) if record and stage else None
    return "" if seconds is None else in_seconds(seconds)


def in_seconds(seconds: float) -> str:
    """ "0.05 s", "1.6 s", "24 s"."""
    digits = 0 if seconds >= 20 else 1 if seconds >= 1 else 2
    return f"{seconds:.{digits}f} s"


def _count_words(text: str) -> str:
    words = len(text.split())
    return tr("1 word") if words == 1 else tr("{count} words", count=words)


def _count_tokens(record: Record) -> str:
    if not record.tokens and not record.cut:
        return ""
    count = len(record.tokens)
    if record.cut:
        return tr("{count} read, {cut} cut", count=count, cut=len(record.cut))
    return tr("1 token") if count == 1 else tr("{count} tokens", count=count)


def _count_steps(record: Record) -> str:
    done = record.steps[-1].step if record.steps else 0
    if Stage.DENOISING in record.seconds:
        return tr("1 step") if done == 1 else tr("{count} steps", count=done)
    return tr("step {done}", done=done) if done else ""
