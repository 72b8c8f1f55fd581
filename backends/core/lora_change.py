"""What a LoRA does to one weight.

Hu et al. 2021 (arXiv:2106.09685): up @ down, times alpha / rank. Of LyCORIS (Yeh et al. 2023,
arXiv:2309.14859) convolutions with a middle factor, Hadamard products (LoHa), Kronecker products (LoKr) and
plain differences. DoRA (Liu et al. 2024, arXiv:2402.09353) gives rows or columns of the sum their lengths.
All is computed in float32, whatever the weights are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from backends.core.lora_places import Spans


@dataclass(frozen=True)
class Change:
    """One layer's change as its file has it: tensors by their short names ("down", "hada_w1_a", "alpha").

    Where the file's layer is more than the weight (queries, keys and values together), `whole` is its shape,
    and the weight's change is its rows in `spans`, one after the other.
    """

    tensors: Mapping[str, Tensor]
    whole: torch.Size | None = None
    spans: Spans = ()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The tensors' shapes."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}

    def of_shape(self, shape: torch.Size) -> Tensor:
        """What to add to a weight of this shape, float32. Raises RuntimeError when it does not fit."""
        product = self._product(self.whole or shape)
        return _rows(product, self.spans) if self.spans else product

    def of(self, weight: Tensor) -> Tensor:
        """What to add to this weight, float32."""
        added = self.of_shape(weight.shape)
        lengths = self.tensors.get("dora_scale")
        return added if lengths is None else _with_lengths(weight, added, lengths)

    def of_rows(self, whole: torch.Size, spans: Spans) -> Change:
        """The change of some rows of a weight that has this shape. Raises ValueError when it has another."""
        self.check(whole)
        by_rows = [name for name in ("up", "diff", "dora_scale") if name in self.tensors]
        own = {name: _rows(self.tensors[name], spans) for name in by_rows}
        found = Change({**self.tensors, **own})
        return found if {"up", "diff"} & own.keys() else replace(found, whole=whole, spans=spans)

    def check(self, shape: torch.Size) -> None:
        """Raises ValueError unless it fits a weight of this shape. No memory is taken."""
        if "up" in self.tensors and self.tensors["up"].shape[0] != (self.whole or shape)[0]:
            raise ValueError("another number of outputs")
        like = {name: _stand_in(tensor) for name, tensor in self.tensors.items() if name != "alpha"}
        try:
            with torch.device("meta"):
                made = Change(like, self.whole, self.spans).of(torch.empty(shape))
        except (RuntimeError, KeyError, IndexError) as error:
            raise ValueError(f"no change of a weight of shape {tuple(shape)}") from error
        if made.shape != shape:
            raise ValueError(f"no change of a weight of shape {tuple(shape)}")

    def _product(self, shape: torch.Size) -> Tensor:
        found = self.tensors
        if "diff" in found:
            return found["diff"].reshape(shape)
        if "down" in found:
            return self._scale(found["down"].shape[0]) * self._low_rank().reshape(shape)
        if "hada_w1_a" in found:
            first, second = (self._factor(f"hada_w{n}", f"hada_t{n}") for n in (1, 2))
            return self._scale(found["hada_w1_b"].shape[0]) * (first * second).reshape(shape)
        return self._kronecker().reshape(shape)

    def _low_rank(self) -> Tensor:
        """up @ down, with the middle factor of a convolution in between where there is one."""
        up, down = self.tensors["up"].flatten(1), self.tensors["down"].flatten(1)
        if "mid" not in self.tensors:
            return up @ down
        return torch.einsum("or,rshw,si->oihw", up, self.tensors["mid"], down)

    def _kronecker(self) -> Tensor:
        left, right = self._factor("lokr_w1", ""), self._factor("lokr_w2", "lokr_t2")
        left = left.reshape(*left.shape, *(1,) * (right.dim() - left.dim()))
        second, first = (self.tensors.get(f"lokr_w{n}_b") for n in (2, 1))
        divided = second if second is not None else first
        scale = 1.0 if divided is None else self._scale(divided.shape[0])
        return scale * torch.kron(left, right.contiguous())

    def _factor(self, name: str, middle: str) -> Tensor:
        """A factor as it is, or the product of its own two; with a middle one these are (rank, sides)."""
        if name in self.tensors:
            return self.tensors[name]
        first, second = self.tensors[f"{name}_a"], self.tensors[f"{name}_b"]
        if middle in self.tensors:
            return torch.einsum("rshw,ro,si->oihw", self.tensors[middle], first, second)
        return (first @ second.flatten(1)).reshape(-1, *second.shape[1:])

    def _scale(self, rank: int) -> float:
        alpha = self.tensors.get("alpha")
        return 1.0 if alpha is None else float(alpha) / rank


def _rows(tensor: Tensor, spans: Spans) -> Tensor:
    return torch.cat([tensor[start:end] for start, end in spans])


def _with_lengths(weight: Tensor, added: Tensor, lengths: Tensor) -> Tensor:
    """What makes of the weight its sum with `added`, each row (or column) of this length."""
    changed = weight.float() + added
    rows = lengths.numel() == len(changed) and (lengths.dim() == 1 or lengths.shape[0] == len(changed))
    others = [axis for axis in range(changed.dim()) if axis != (0 if rows else 1)]
    now = changed.square().sum(dim=others, keepdim=True).sqrt()
    return changed * (lengths.reshape(now.shape) / (now + torch.finfo(now.dtype).eps)) - weight.float()


@dataclass(frozen=True)
class Merged:
    """The changes of one weight by several LoRAs, each with how much it counts."""

    changes: tuple[tuple[Change, float], ...]

    def added_to(self, weight: Tensor) -> Tensor:
        """The changed weight, in float32."""
        changed = weight.float()
        for change, strength in self.changes:
            changed = changed + strength * change.of(weight)
        return changed


def _stand_in(tensor: Tensor) -> Tensor:
    """The same shape without memory."""
    return torch.empty_like(tensor, device="meta")
