"""As few bits as each layer can do with: a bit count a layer, so that the network stays as close as is asked.

What one layer's coarsest table does to the network's output is measured, with only that layer changed; finer
tables are taken to err less in proportion to their weights' error, and the layers' errors to add up. Then the
smallest choice within the allowed error is found by one price for error (Lagrange), and measured as a whole.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backends.core.contract import InternalError, InvalidRequest
from convert.coreml_networks import Door
from convert.palettize import FEWEST_WEIGHTS, FULL, GROUP, weight_names

_ROUNDS: Final = 12
_TIGHTER_DB: Final = 2.0


@dataclass(frozen=True)
class Choice:
    """One layer: its weights' number, and by bit count what it adds to the output's squared error."""

    weights: int
    errors: Mapping[int, float]

    def cheapest(self, price: float) -> int:
        """The bit count with the least sum of size and priced error."""
        return min(self.errors, key=lambda bits: self.weights * bits + price * self.errors[bits])


@torch.no_grad()
def search(network: nn.Module, example: Door, least_psnr: float, *, grouped: bool) -> dict[str, int]:
    """Bits by module name. Raises InvalidRequest when even 8 bits everywhere are not close enough."""
    inputs = tuple(example.inputs.values())
    reference: Tensor = network(*inputs)
    bits = (4, 6, 8, FULL) if grouped else (6, 8, FULL)
    choices = {name: _look_at(network, name, inputs, reference, bits) for name in _layers(network)}
    allowed = _allowed_error(reference, least_psnr)
    for round_ in range(_ROUNDS):
        found = choose(choices, allowed * 10 ** (-_TIGHTER_DB * round_ / 10))
        with _quantised(network, found):
            if psnr(reference, network(*inputs)) >= least_psnr:
                return found
    raise InvalidRequest(
        f"The weights can't be made smaller and stay within {least_psnr:g} dB.",
        "Name a lower number, or use --bits.",
    )


def choose(choices: Mapping[str, Choice], allowed: float) -> dict[str, int]:
    """The smallest choice whose errors add up to no more than `allowed`, to within one step of the price."""
    low, high = 1e-12, 1e30
    for _ in range(100):
        price = (low * high) ** 0.5
        error = sum(each.errors[each.cheapest(price)] for each in choices.values())
        low, high = (price, high) if error > allowed else (low, price)
    return {name: each.cheapest(high) for name, each in choices.items()}


def psnr(reference: Tensor, other: Tensor) -> float:
    """In dB, with the reference's largest magnitude as the signal, as Apple's converter counts it."""
    error = float((reference - other).pow(2).mean())
    peak = float(reference.abs().max())
    return float("inf") if error == 0 else 10 * float(np.log10(peak**2 / error))


def by_weight_name(model: Any, by_module: Mapping[str, int]) -> dict[str, int]:
    """The same bits by coremltools' names of the weights, which come from the modules' names."""
    names = weight_names(model)
    wanted = {f"{module.replace('.', '_')}_weight": bits for module, bits in by_module.items()}
    found = {name: bits for name in names for start, bits in wanted.items() if name.startswith(start)}
    if len(found) < len(wanted):
        raise InternalError(
            "coremltools named the UNet's weights in a way that is not known.",
            "Use --bits in place of --psnr.",
            f"{sorted(set(wanted))[:5]} in {sorted(names)[:5]}",
        )
    return found


def quantise(weight: Any, bits: int) -> Tensor:
    """The weight as a table of 2^bits values gives it back: 4 bits with a table every GROUP channels."""
    if bits == FULL:
        return weight
    if bits == 4 and weight.shape[0] % GROUP == 0:
        groups = [_from_table(part, bits) for part in weight.split(GROUP, dim=0)]
        return torch.cat(groups)
    return _from_table(weight, bits)


def _from_table(weight: Tensor, bits: int) -> Tensor:
    values, places = np.unique(weight.half().float().numpy(), return_inverse=True)
    counts = np.bincount(places.ravel(), minlength=len(values)).astype(np.float64)
    centres, labels = _kmeans(values.astype(np.float64), counts, 2**bits)
    return torch.as_tensor(centres[labels][places].astype(np.float32)).view_as(weight)


def _kmeans(
    values: NDArray[np.float64], counts: NDArray[np.float64], tables: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Lloyd's algorithm on sorted numbers with counts, begun at quantiles."""
    total = np.cumsum(counts)
    numpy: Any = np
    starts: NDArray[np.int64] = numpy.searchsorted(total, (np.arange(tables) + 0.5) / tables * total[-1])
    centres = values[np.minimum(starts, len(values) - 1)]
    weighted = np.concatenate([[0.0], np.cumsum(values * counts)])
    sums = np.concatenate([[0.0], total])
    edges = np.zeros(0, dtype=np.int64)
    for _ in range(30):
        edges = np.searchsorted(values, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(values)]])
        inside = np.diff(sums[bounds])
        means = np.diff(weighted[bounds]) / np.maximum(inside, 1e-30)
        centres = np.sort(np.where(inside > 0, means, centres))
    return centres, np.searchsorted(edges, np.arange(len(values)), side="right")


def _layers(network: nn.Module) -> list[str]:
    """The modules with a weight worth a table."""
    found: list[str] = []
    plainly: Any = network
    for name, module in plainly.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim > 1 and weight.numel() >= FEWEST_WEIGHTS:
            found.append(name)
    return found


def _look_at(
    network: nn.Module, name: str, inputs: tuple[Tensor, ...], reference: Tensor, bits: tuple[int, ...]
) -> Choice:
    weight: Any = network.get_submodule(name).weight
    off = {each: float((quantise(weight, each) - weight).pow(2).sum()) for each in bits}
    with _quantised(network, {name: bits[0]}):
        error = float((network(*inputs) - reference).pow(2).sum())
    return Choice(weight.numel(), {each: error * off[each] / max(off[bits[0]], 1e-30) for each in bits})


def _allowed_error(reference: Tensor, least_psnr: float) -> float:
    peak = float(reference.abs().max())
    return peak**2 / 10 ** (least_psnr / 10) * reference.numel()


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
