"""What a LoRA does to one weight.

Hu et al. 2021 (arXiv:2106.09685): up @ down, times alpha / rank. Of LyCORIS (Yeh et al. 2023,
arXiv:2309.14859) convolutions with a middle factor, Hadamard products (LoHa) and Kronecker products (LoKr).
The sum is exact: float32, whatever the weights are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Change:
    """One layer's change as its file has it: tensors by their short names ("down", "hada_w1_a", "alpha")."""

    tensors: Mapping[str, Tensor]

    def of_shape(self, shape: torch.Size) -> Tensor:
        """What to add to a weight of this shape, float32. Raises RuntimeError when it does not fit."""
        found = self.tensors
        if "down" in found:
            return self._scale(found["down"].shape[0]) * self._product().reshape(shape)
        if "hada_w1_a" in found:
            first, second = (found[f"hada_w{n}_a"] @ found[f"hada_w{n}_b"] for n in (1, 2))
            return self._scale(found["hada_w1_b"].shape[0]) * (first * second).reshape(shape)
        return self._kronecker().reshape(shape)

    def check(self, shape: torch.Size) -> None:
        """Raises ValueError unless it fits a weight of this shape. No memory is taken."""
        if "up" in self.tensors and self.tensors["up"].shape[0] != shape[0]:
            raise ValueError("another number of outputs")
        like = {name: _stand_in(tensor) for name, tensor in self.tensors.items() if name != "alpha"}
        try:
            with torch.device("meta"):
                Change(like).of_shape(shape)
        except (RuntimeError, KeyError, IndexError) as error:
            raise ValueError(f"no change of a weight of shape {tuple(shape)}") from error

    def _product(self) -> Tensor:
        """up @ down, with the middle factor of a convolution in between where there is one."""
        up, down = self.tensors["up"].flatten(1), self.tensors["down"].flatten(1)
        if "mid" not in self.tensors:
            return up @ down
        return torch.einsum("or,rshw,si->oihw", up, self.tensors["mid"], down)

    def _kronecker(self) -> Tensor:
        whole, ranks = list[Tensor](), list[int]()
        for number in (1, 2):
            if (name := f"lokr_w{number}") in self.tensors:
                whole.append(self.tensors[name])
                continue
            first, second = self.tensors[f"{name}_a"], self.tensors[f"{name}_b"]
            ranks.append(second.shape[0])
            whole.append(first @ second.flatten(1))
        left, right = whole
        if right.dim() == 4:
            left = left[:, :, None, None]
        return (self._scale(ranks[-1]) if ranks else 1.0) * torch.kron(left, right.contiguous())

    def _scale(self, rank: int) -> float:
        alpha = self.tensors.get("alpha")
        return 1.0 if alpha is None else float(alpha) / rank


@dataclass(frozen=True)
class Merged:
    """The changes of one weight by several LoRAs, each with how much it counts."""

    changes: tuple[tuple[Change, float], ...]

    def added_to(self, weight: Tensor) -> Tensor:
        """The changed weight, in float32."""
        changed = weight.float()
        for change, strength in self.changes:
            changed = changed + strength * change.of_shape(weight.shape)
        return changed


def plain(name: str) -> str:
    """A weight's name without what older releases of transformers put before it."""
    return name.removeprefix("text_model.")


def _stand_in(tensor: Tensor) -> Tensor:
    """The same shape without memory."""
    return torch.empty_like(tensor, device="meta")
