"""As few bits as each layer can do with: a bit count a layer.

What one layer's coarsest table does to the network's outputs is measured, with only that layer changed; each
bit more is taken to quarter it, as it does where centres are dense, and the layers' errors to add up. Then
the closest network of a size (`closest`) has bits added where each helps most, and the smallest one that is
close enough (`smallest`) follows from one price for error (Lagrange), and is measured as a whole.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from backends.core.contract import InternalError, InvalidRequest
from convert.palettize import FEWEST_WEIGHTS, FULL, GROUPED_BITS, quantise, weight_names

Inputs = Mapping[str, Tensor]
"""A network's inputs; each row is an example, and the worst row counts."""
SPARE_BITS: Final = 0.5
"""How many bits more than named a weight may have on average, for the layers that need them most."""
_COUNTS: Final = (4, 6, 8, FULL)
_ROUNDS: Final = 12
_TIGHTER_DB: Final = 2.0


@dataclass(frozen=True)
class Choice:
    """One layer: its weights' number, and by bit count the noise it adds: squared error over squared peak."""

    weights: int
    noise: Mapping[int, float]

    def cheapest(self, price: float) -> int:
        """The bit count with the least sum of size and priced noise."""
        return min(self.noise, key=lambda bits: self.weights * bits + price * self.noise[bits])


@torch.no_grad()
def closest(network: nn.Module, inputs: Inputs, bits: int) -> dict[str, int]:
    """Bits by module name: at least `bits` each, at most SPARE_BITS more on average, as close as can be."""
    choices = _look(network, inputs, tuple(count for count in _COUNTS if count >= bits))
    return within_size(choices, bits + SPARE_BITS)


@torch.no_grad()
def smallest(network: nn.Module, inputs: Inputs, least_psnr: float, *, grouped: bool) -> dict[str, int]:
    """Bits by module name. Raises InvalidRequest when even 8 bits everywhere are not close enough."""
    reference = _outputs(network, inputs)
    counts = tuple(count for count in _COUNTS if grouped or count != GROUPED_BITS)
    choices = _look(network, inputs, counts)
    for round_ in range(_ROUNDS):
        found = within_noise(choices, 10 ** (-(least_psnr + _TIGHTER_DB * round_) / 10))
        with _quantised(network, found):
            if psnr(reference, _outputs(network, inputs)) >= least_psnr:
                return found
    raise InvalidRequest(
        f"The weights can't be made smaller and stay within {least_psnr:g} dB.",
        "Name a lower number, or use --bits.",
    )


def within_noise(choices: Mapping[str, Choice], allowed: float) -> dict[str, int]:
    """The smallest choice whose noise adds up to no more than `allowed`, to within one step of the price."""
    low, high = 1e-12, 1e30
    for _ in range(100):
        price = (low * high) ** 0.5
        enough = _noise(choices, _at_price(choices, price)) <= allowed
        low, high = (low, price) if enough else (price, high)
    return _at_price(choices, high)


def within_size(choices: Mapping[str, Choice], bits: float) -> dict[str, int]:
    """No more than so many bits a weight on average: added step by step, where a bit saves most noise, and
    where there is room for it."""
    found = {name: min(each.noise) for name, each in choices.items()}
    spare = sum(each.weights * (bits - found[name]) for name, each in choices.items())
    for _, name, count, size in sorted(_steps(choices), reverse=True):
        if size <= spare and count > found[name]:
            found[name], spare = count, spare - size
    return found


def _steps(choices: Mapping[str, Choice]) -> Iterator[tuple[float, str, int, int]]:
    """Each layer's steps from one bit count to the next: noise saved a bit, name, bits then, bits added."""
    for name, each in choices.items():
        for before, after in pairwise(sorted(each.noise)):
            size = each.weights * (after - before)
            yield (each.noise[before] - each.noise[after]) / size, name, after, size


def mean_bits(choices: Mapping[str, Choice], found: Mapping[str, int]) -> float:
    """Bits a weight, on average."""
    numbers = sum(each.weights for each in choices.values())
    return sum(choices[name].weights * bits for name, bits in found.items()) / max(numbers, 1)


def psnr(reference: list[Tensor], other: list[Tensor]) -> float:
    """In dB, of the worst row of the worst output; its largest magnitude is the signal (see parity.py)."""
    worst = max(_row_noise(got, want) for want, got in zip(reference, other, strict=True))
    return float("inf") if worst == 0 else -10 * float(np.log10(worst))


def by_weight_name(model: Any, by_module: Mapping[str, int]) -> dict[str, int]:
    """The same bits by coremltools' names of the weights, which come from the modules' names."""
    names = weight_names(model)
    wanted = {f"{module.replace('.', '_')}_weight": bits for module, bits in by_module.items()}
    found = {name: bits for name in names for start, bits in wanted.items() if name.startswith(start)}
    if len(found) < len(wanted):
        raise InternalError(
            "coremltools named the network's weights in a way that is not known.",
            "Use 16 bits, which need no names.",
            f"{sorted(set(wanted))[:5]} in {sorted(names)[:5]}",
        )
    return found


def _noise(choices: Mapping[str, Choice], found: Mapping[str, int]) -> float:
    return sum(choices[name].noise[bits] for name, bits in found.items())


def _at_price(choices: Mapping[str, Choice], price: float) -> dict[str, int]:
    return {name: each.cheapest(price) for name, each in choices.items()}


def _layers(network: nn.Module) -> list[str]:
    """The modules with a weight worth a table."""
    found: list[str] = []
    plainly: Any = network
    for name, module in plainly.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1 and weight.numel() > FEWEST_WEIGHTS:
            found.append(name)
    return found


def _look(network: nn.Module, inputs: Inputs, counts: tuple[int, ...]) -> dict[str, Choice]:
    reference = _outputs(network, inputs)
    return {name: _look_at(network, name, inputs, reference, counts) for name in _layers(network)}


def _look_at(
    network: nn.Module, name: str, inputs: Inputs, reference: list[Tensor], counts: tuple[int, ...]
) -> Choice:
    weight: Any = network.get_submodule(name).weight
    coarsest = counts[0]
    with _quantised(network, {name: coarsest}):
        noise = 10 ** (-psnr(reference, _outputs(network, inputs)) / 10)
    return Choice(
        weight.numel(), {bits: 0 if bits == FULL else noise / 4 ** (bits - coarsest) for bits in counts}
    )


def _outputs(network: nn.Module, inputs: Inputs) -> list[Tensor]:
    made: Any = network(*inputs.values())
    return list(cast(tuple[Tensor, ...], made)) if isinstance(made, tuple) else [made]


def _row_noise(got: Tensor, want: Tensor) -> float:
    """The largest of the rows' mean squared errors over their squared peaks."""
    error = (got - want).double().flatten(1).pow(2).mean(dim=1)
    return float((error / want.double().flatten(1).abs().amax(dim=1).pow(2).clamp(min=1e-30)).max())


@contextmanager
def _quantised(network: nn.Module, bits: Mapping[str, int]) -> Generator[None]:
    """The network with these layers' weights as their tables give them back, meanwhile."""
    modules: dict[str, Any] = {name: network.get_submodule(name) for name in bits}
    before = {name: module.weight.data for name, module in modules.items()}
    try:
        for name, module in modules.items():
            module.weight.data = quantise(before[name], bits[name])
        yield
    finally:
        for name, module in modules.items():
            module.weight.data = before[name]
