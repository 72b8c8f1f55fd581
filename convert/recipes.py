"""How a model is converted, as data: attention by compute unit, and what each system can load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backends.core.contract import InvalidRequest, unknown

CONVERTER: Final = 1
"""Counts up whenever folders made before can't be opened any more."""
BITS: Final = (16, 8, 6, 4)
COREML, COREAI = "coreml", "coreai"
TO: Final = (COREML, COREAI)
"""What a model can be converted to."""


@dataclass(frozen=True, kw_only=True)
class System:
    """What a deployment target can do. `name` is coremltools' name of it."""

    name: str
    fused_attention: bool = False
    grouped_palettes: bool = False
    functions: bool = False
    most_bytes: int | None = None
    """The most a package may weigh: larger networks are cut."""


SYSTEMS: Final[Mapping[str, System]] = {
    "macOS13": System(name="macOS13"),
    "macOS14": System(name="macOS14"),
    "macOS15": System(name="macOS15", fused_attention=True, grouped_palettes=True, functions=True),
    "iOS16": System(name="iOS16", most_bytes=10**9),
    "iOS17": System(name="iOS17", most_bytes=10**9),
    "iOS18": System(
        name="iOS18", fused_attention=True, grouped_palettes=True, functions=True, most_bytes=10**9
    ),
}


_COREAI_SYSTEM: Final = System(name="macOS27", fused_attention=True)
"""The first that has Core AI."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A kind of compute unit: its attention on old and on new systems, for one size and for several.

    Chunks need fixed sizes: where several sizes share one function their number would be wrong.
    """

    attention: str
    newer: str
    shared: str
    units: str
    """The compute units such a folder is first opened with (see backends/coreml.py)."""


TARGETS: Final[Mapping[str, Target]] = {
    "neural-engine": Target(
        attention="split-einsum-chunked",
        newer="split-einsum-chunked",
        shared="split-einsum",
        units="neural-engine",
    ),
    "gpu": Target(attention="original", newer="fused", shared="original", units="gpu"),
    "any": Target(attention="split-einsum", newer="fused", shared="split-einsum", units="all"),
}
ATTENTIONS: Final = ("original", "fused", "split-einsum", "split-einsum-chunked")


@dataclass(frozen=True)
class BakedLora:
    """A LoRA to be added to the weights, this strongly."""

    file: Path
    scale: float


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be converted, and how. Raises InvalidRequest for what can't be combined.

    `sizes` are (width, height) in pixels; empty for the model's own. `attention` overrides the target's.
    `least_psnr` asks for a bit count per layer, the fewest that keep the UNet that close, in dB. `replace`
    puts the new model in the place of one of the same name.
    """

    model: Path
    destination: Path
    target: str = "any"
    sizes: tuple[tuple[int, int], ...] = ()
    bits: int = 16
    least_psnr: float | None = None
    attention: str | None = None
    guidance_batch: int | None = None
    system: str = "macOS13"
    loras: tuple[BakedLora, ...] = ()
    check: bool = False
    replace: bool = False
    to: str = COREML

    def __post_init__(self) -> None:
        _one_of("format", self.to, TO)
        _one_of("target", self.target, TARGETS)
        _one_of("deployment target", self.system, SYSTEMS)
        if self.attention is not None:
            _one_of("attention", self.attention, ATTENTIONS)
        if self.bits not in BITS:
            raise InvalidRequest(f"Weights of {self.bits} bits can't be made.", "Use 16, 8, 6 or 4.")
        if self.guidance_batch not in (None, 1, 2):
            raise InvalidRequest(f"A guidance batch of {self.guidance_batch} can't be used.", "Use 1 or 2.")
        self._check_system()

    @property
    def on(self) -> System:
        return _COREAI_SYSTEM if self.to == COREAI else SYSTEMS[self.system]

    @property
    def functions(self) -> bool:
        """Whether each size is a function of its own, sharing the weights."""
        return len(self.sizes) > 1 and self.on.functions

    @property
    def chosen_attention(self) -> str:
        """The attention that the UNet and the VAE are written with."""
        target = TARGETS[self.target]
        if self.attention is not None:
            return self.attention
        if len(self.sizes) > 1 and not self.functions:
            return target.shared
        return target.newer if self.on.fused_attention else target.attention

    def _check_system(self) -> None:
        if self.to == COREAI and (self.bits != 16 or self.least_psnr is not None or len(self.sizes) > 1):
            raise InvalidRequest(
                "For Core AI, models are converted with weights of 16 bits and for one size.",
                "Leave --bits and --psnr out and name one size, or use --to coreml.",
            )
        newer = "Use --deployment-target macOS15."
        if self.bits == 4 and not self.on.grouped_palettes:
            raise InvalidRequest("Weights of 4 bits need macOS 15, which can give channels their own.", newer)
        if self.attention == "fused" and not self.on.fused_attention:
            raise InvalidRequest("Fused attention needs macOS 15.", newer)
        if len(self.sizes) > 1 and not self.functions and self.attention == "split-einsum-chunked":
            raise InvalidRequest("Chunked attention for several sizes in one package needs macOS 15.", newer)
        if self.functions and self.on.most_bytes:
            raise InvalidRequest(
                "Several sizes can't share a package that is cut into pieces.", "Convert one size at a time."
            )


def to_plain(order: Order) -> dict[str, Any]:
    """What decides the result, for model.json and for recognising a conversion that was broken off."""
    return {
        "converter": CONVERTER,
        "to": order.to,
        "for": order.target,
        "attention": order.chosen_attention,
        "bits": order.bits,
        "least_psnr": order.least_psnr,
        "guidance_batch": order.guidance_batch,
        "deployment_target": order.on.name,
        "sizes": [list(size) for size in order.sizes],
        "loras": [{"file": lora.file.name, "scale": lora.scale} for lora in order.loras],
    }


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """ "512x512,768x512" -> ((512, 512), (768, 512)). Raises InvalidRequest."""
    return tuple(dict.fromkeys(_size(each) for each in text.split(",")))


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,5})\s*[x×*]\s*([0-9]{1,5})\s*", text, re.IGNORECASE)
    if match is None:
        raise InvalidRequest(f"{text[:40]!r} is not a size.", "Write sizes like 512x512,768x512.")
    return int(match[1]), int(match[2])


def parse_lora(text: str) -> BakedLora:
    """ "file.safetensors:0.8" -> the file and how strongly; 1 where no number is given."""
    file, _, scale = text.rpartition(":")
    if not file or not re.fullmatch(r"-?[0-9]*\.?[0-9]+", scale):
        return BakedLora(Path(text), 1.0)
    return BakedLora(Path(file), float(scale))


def default_name(order: Order, model_name: str) -> str:
    """What a converted model is called when nobody says: "starter-coreml-neural-engine-6bit"."""
    words = [model_name, order.to, order.target]
    words += [f"{order.bits}bit"] if order.bits != 16 else []
    words += ["mixed"] if order.least_psnr is not None else []
    return "-".join(words)


def check_sizes(order: Order, multiple: int) -> None:
    """Raises InvalidRequest for a side that the UNet can't halve as often as it wants to."""
    for width, height in order.sizes:
        for side in (width, height):
            if side < multiple or side % multiple:
                nearest = max(multiple, round(side / multiple) * multiple)
                raise InvalidRequest(
                    f"This model can't be converted for {width} x {height}: sides must be multiples "
                    f"of {multiple}.",
                    f"Use {nearest} in place of {side}.",
                )


def _one_of(kind: str, name: str, known: Any) -> None:
    if name not in known:
        raise unknown(kind, name, known)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a conversion goes on: `done` of `of` parts are finished, and what is being done now.

    Of that, `step` of `steps` are done, where it is known; each stretch of it counts anew.
    """

    words: str
    done: int = 0
    of: int = 0
    step: int = 0
    steps: int = 0
