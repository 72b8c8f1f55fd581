"""The words of an import's question: what the file is, what it lacks, and what helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from desktop.model.language import tr
from desktop.model.models_question import DENOISERS, Question
from desktop.model.sentences import said

_TITLES = {
    "1.x": "Stable Diffusion 1",
    "2.x": "Stable Diffusion 2",
    "3": "Stable Diffusion 3",
    "XL": "Stable Diffusion XL",
    "zimage": "Z-Image",
    "flux2": "FLUX.2 klein",
    "sana": "SANA-Sprint",
}
_IN_THREE = ("zimage", "flux2")


def what(question: Question) -> str:
    """What the file is, and what it lacks."""
    file = Path(question.source).name
    if question.addition and not question.parts:
        return _addition(file, question)
    of = _of(question)
    if not question.lacks:
        return tr("{file} is a model of {family}.", file=file, family=of)
    told = tr("{file} holds {parts} of {family}.", file=file, parts=_listed(question.parts), family=of)
    if question.lacks == tuple(sorted(DENOISERS)):
        return f"{told} {tr('The rest of a model is not in it.')}"
    return f"{told} {tr('It lacks {parts}.', parts=_listed(question.lacks))}"


def unmet(question: Question) -> str:
    """What helps where no model that is here has the other parts."""
    told = [tr("No model that is here has its other parts.")]
    if question.get:
        size = f"{question.get_size:g}"
        told.append(tr("{title} on the hub has them ({size} GB).", title=question.get, size=size))
    elif question.of:
        told.append(tr("Add a model of {family} first.", family=_of(question)))
    if question.of in _IN_THREE or _is_reader(question):
        told.append(tr("Or drop its transformer, text encoder and VAE together."))
    return " ".join(told)


def guessed(question: Question) -> str:
    """Why the prediction is thought to be what it is."""
    return tr("A guess, as {reason}. The file doesn't say.", reason=said(question.because))


def keeping(kind: str) -> str:
    """The words on the button that keeps a file as this."""
    return {
        "lora": tr("Keep with the LoRAs"),
        "controlnet": tr("Keep with the ControlNets"),
        "upscaler": tr("Keep with the upscalers"),
        "embedding": tr("Keep with the embeddings"),
        "vae": tr("Keep with the VAEs"),
    }.get(kind, tr("Keep"))


def kept(kind: str, file: str) -> str:
    """What is said when that is done."""
    return {
        "lora": tr("{file} is with the LoRAs now.", file=file),
        "controlnet": tr("{file} is with the ControlNets now.", file=file),
        "upscaler": tr("{file} is with the upscalers now.", file=file),
        "embedding": tr("{file} is with the embeddings now.", file=file),
        "vae": tr("{file} is with the VAEs now.", file=file),
    }.get(kind, file)


def where_used(kind: str) -> str:
    """What such a file is for, and where it is chosen."""
    return {
        "lora": tr("It teaches a model a style or a thing. Choose it under the prompt."),
        "controlnet": tr("It guides pictures by lines, depth or poses. Choose it in a guide."),
        "upscaler": tr("It enlarges pictures: in the gallery, and in the hi-res fix."),
        "embedding": tr("It is a word of its own in prompts."),
        "vae": tr("It can stand in for the VAE of any model that it fits. Choose it under More."),
    }.get(kind, "")


def _addition(file: str, question: Question) -> str:
    kinds = {
        "lora": tr("a LoRA"),
        "controlnet": tr("a ControlNet"),
        "upscaler": tr("an upscaler"),
        "embedding": tr("an embedding"),
        "vae": tr("a VAE alone"),
    }
    kind = kinds.get(question.addition, question.addition)
    if question.made_for:
        return tr("{file} is {kind} for {family}.", file=file, kind=kind, family=question.made_for)
    return tr("{file} is {kind}, and no model.", file=file, kind=kind)


def _of(question: Question) -> str:
    if question.of == "XL refiner":
        return tr("Stable Diffusion XL's refiner")
    if question.of:
        return _TITLES.get(question.of, question.of)
    if "vae" in question.parts:
        of_vaes = {16: ("Stable Diffusion 3", "Z-Image"), 32: ("FLUX.2 klein",)}
        return _or(of_vaes.get(question.latents, ("Stable Diffusion 1, 2", "XL")))
    return _or(("Z-Image", "FLUX.2 klein") if _is_reader(question) else ("Stable Diffusion",))


def _is_reader(question: Question) -> bool:
    """Whether it is Qwen3, which Z-Image and FLUX.2 klein read prompts with."""
    return not question.of and question.parts == ("text_encoder",) and "unet" not in question.lacks


def _or(names: Sequence[str]) -> str:
    return tr("{one} or {other}", one=names[0], other=names[1]) if len(names) > 1 else names[0]


def _listed(parts: Iterable[str]) -> str:
    words = {
        "transformer": tr("a transformer"),
        "unet": tr("a UNet"),
        "text_encoder": tr("a text encoder"),
        "text_encoder_2": tr("a second text encoder"),
        "vae": tr("a VAE"),
    }
    *first, last = (words.get(part, part) for part in parts)
    return tr("{first} and {last}", first=", ".join(first), last=last) if first else last
