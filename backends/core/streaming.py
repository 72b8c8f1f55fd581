"""Networks whose weights stay on disk, and come layer by layer to whatever computes.

A layer's weights are mapped from the file (CPU) or copied to the device (GPU) just before the layer
runs, and given back just after. How many layers keep theirs is decided by the room there is: none at
all, or all, and anything between. With room for all this is simply a model in memory.

Why not diffusers' group offloading (`apply_group_offloading`): it needs the whole model in memory first,
or writes it to disk a second time; on a CPU alone it has nowhere to offload to; what it takes off a
GPU it copies back, though the file still has it; and it keeps no budget. Sequential offloading by
accelerate copies each layer into fresh memory on every step. On a CPU a mapped page costs no copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from backends.core.memory import give_back_freed, keep_garbage, keep_no_garbage, trim
from backends.core.memory_lean import make_lean, onednn_works, pack_weight, packs, packs_for
from backends.core.model_folder import ModelFolder
from backends.core.parts import set_attention
from backends.core.streaming_files import (
    WeightFiles,
    build_empty,
    fill_buffers,
    layers,
    open_weights,
    own_weights,
    put,
)

Shape = tuple[int, ...]
Room = Callable[[str, Shape], int | None]
"""Bytes that the weights of a part may keep, for an input of this shape; None: as many as there are."""

Hold = Callable[[WeightFiles], WeightFiles]
"""How the weights of a part that do not stay are held; `as_stored` leaves them in their file."""

_SMALL = 64 * 2**10
"""Weights of at most so many bytes are always kept: together they are a few megabytes."""


def as_stored(weights: WeightFiles) -> WeightFiles:
    return weights


class Layer:
    """One layer with weights of its own: brings them before it runs, and gives them back after."""

    def __init__(
        self, module: nn.Module, names: dict[str, str], weights: WeightFiles, part: StreamedPart
    ) -> None:
        self._module, self._weights, self._part = module, weights, part
        self._away = own_weights(module)
        self._names = names
        large = [key for key in names if self._bytes(key) > _SMALL]
        self._large = dict.fromkeys(large)
        self.bytes = sum(self._bytes(key) for key in large)
        self.large_names = [names[key] for key in large]
        self.keeps = True
        self._packed = False
        self._here: set[str] = set()
        module.register_forward_pre_hook(self._enter)
        module.register_forward_hook(self._leave, always_call=True)

    @property
    def gains_from_keeping(self) -> bool:
        """Whether keeping saves more than the cost of mapping pages again."""
        return packs(self._module)

    def give_back(self) -> None:
        """Frees the large weights."""
        for key in self._here & set(self._large):
            put(self._module, key, self._away[key])
            self._here.discard(key)

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        shape = tuple(getattr(args[0], "shape", ())) if args else ()
        if packs(module):
            self._pack_for(shape)
        missing = self._names.keys() - self._here
        if not missing:
            return
        self._part.read_ahead(self)
        for key in missing:
            put(module, key, self._bring(key, shape))
            self._here.add(key)

    def _pack_for(self, shape: Shape) -> None:
        """Keeping pays for inputs that want a packed weight only: others leave their room to these."""
        wanted = packs_for(self._module, shape)
        self.keeps = self._part.exchange(self, wanted)
        if self._packed != (self.keeps and wanted):
            self.give_back()
            self._packed = self.keeps and wanted

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if not self.keeps:
            self.give_back()

    def _bring(self, key: str, input_shape: Shape) -> Tensor:
        name, device, dtype = self._names[key], self._part.device, self._part.dtype
        if key not in self._large:
            return self._weights.tensor(name).to(device, dtype, copy=True)
        if self.keeps and key == "weight" and self._packed:
            return pack_weight(self._module, self._weights.tensor(name).to(dtype), input_shape)
        if self.keeps:
            return self._weights.staying(name, device, dtype)
        return self._weights.tensor(name).to(device, dtype)

    def _bytes(self, key: str) -> int:
        return self._away[key].numel() * self._away[key].element_size()


class StreamedPart:
    """One network, built without weights, whose layers bring their own."""

    def __init__(
        self, folder: ModelFolder, part: str, device: torch.device, dtype: torch.dtype, hold: Hold
    ) -> None:
        self.module = build_empty(folder, part, dtype)
        self.device, self.dtype = device, dtype
        self._weights = hold(open_weights(folder, part, self.module))
        fill_buffers(self.module, self._weights, device)
        if device.type == "cpu" and dtype in (torch.float32, torch.bfloat16) and onednn_works():
            make_lean(self.module)
        self._layers = [
            Layer(layer, _names(prefix, layer), self._weights, self)
            for prefix, layer in layers(self.module)
            if own_weights(layer)
        ]
        self._order: list[Layer] = []
        self._place: dict[Layer, int] = {}
        self._left, self._all_stay = 0, False

    @property
    def bytes(self) -> int:
        """What the weights take when all are kept."""
        return sum(layer.bytes for layer in self._layers)

    def keep(self, room: int | None) -> None:
        """Decides which layers keep their weights: those that gain most, as many as there is room for."""
        self._order, self._place = [], {}
        self._left = self.bytes if room is None else room
        for layer in sorted(self._layers, key=lambda layer: (not layer.gains_from_keeping, layer.bytes)):
            layer.keeps = layer.bytes <= self._left
            self._left -= layer.bytes if layer.keeps else 0
            if not layer.keeps:
                layer.give_back()
        self._all_stay = all(layer.keeps for layer in self._layers)

    def exchange(self, layer: Layer, gains: bool) -> bool:
        """Whether this layer keeps its weights, now that it is known whether it gains from it."""
        if self._all_stay or gains == layer.keeps:
            return layer.keeps
        if layer.keeps:
            self._left += layer.bytes
            return False
        if layer.bytes > self._left:
            return False
        self._left -= layer.bytes
        return True

    def read_ahead(self, layer: Layer) -> None:
        """Called when a layer brings its weights: the next streaming one's, once known, are asked for."""
        if layer.keeps:
            return
        if layer not in self._place:
            self._place[layer] = len(self._order)
            self._order.append(layer)
        following = self._order[(self._place[layer] + 1) % len(self._order)]
        if following is not layer:
            self._weights.will_need(following.large_names)

    def give_back(self) -> None:
        """Frees all large weights. The network can be used again."""
        for layer in self._layers:
            layer.give_back()
        self._weights.let_go()

    def close(self) -> None:
        self.give_back()
        self._weights.close()


def _recycle(part: str, room: int | None) -> None:
    """What becomes of freed memory while a part runs.

    The UNet's steps reuse it where there is room: they take 4.8 s that way against 5.9 (SD 1.5's shape).
    The decoder's arrays make the peak, so they go at once; it is not slower.
    """
    if room is not None:
        trim()
    else:
        give_back_freed()
    if part in ("unet", "transformer") and room is None:
        keep_garbage()
    else:
        keep_no_garbage()


def _is_text(part: str) -> bool:
    return part.startswith("text_encoder")


def _names(prefix: str, layer: nn.Module) -> dict[str, str]:
    return {key: f"{prefix}.{key}" if prefix else key for key in own_weights(layer)}


class Streamed:
    """The networks of a model by room (see parts.Parts): what is not in use is given back.

    The text encoder is gone when denoising starts. With a limited room the UNet is gone before decoding.
    """

    def __init__(
        self,
        folder: ModelFolder,
        device: torch.device,
        dtypes: dict[str, torch.dtype],
        room: Room,
        attention: Any | None = None,
        hold: Hold = as_stored,
    ) -> None:
        self._folder, self._device, self._room = folder, device, room
        self._attention, self._hold = attention, hold
        self.parts = {part: self._open(part, dtype) for part, dtype in dtypes.items() if part in folder.parts}
        self._now: tuple[str, Shape] | None = None

    def use(self, part: str, shape: Shape) -> Any:
        if self._now != (part, shape):
            self._make_room(part, self._room(part, shape))
            self._now = (part, shape)
        return self.parts[part].module

    def module(self, part: str) -> Any:
        return self.parts[part].module

    def _make_room(self, part: str, room: int | None) -> None:
        for name, other in self.parts.items():
            if name != part and (room is not None or (_is_text(name) and not _is_text(part))):
                other.give_back()
        _recycle(part, room)
        self.parts[part].keep(room)

    def reload(self, part: str, dtype: torch.dtype) -> None:
        self.parts[part].close()
        self.parts[part], self._now = self._open(part, dtype), None

    def close(self) -> None:
        for part in self.parts.values():
            part.close()
        self.parts = {}
        trim()

    def _open(self, part: str, dtype: torch.dtype) -> StreamedPart:
        opened = StreamedPart(self._folder, part, self._device, dtype, self._hold)
        set_attention(opened.module, part, self._attention)
        return opened
