"""ControlNets on a torch device: loaded beside a model, run before its UNet at each step.

A file is `diffusion_pytorch_model.safetensors` with its config.json, or a single file with diffusers' names
or the original ones, whose configuration is then the UNet's (Zhang et al. 2023, arXiv:2302.05543).
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from backends.core.contract import InvalidRequest
from backends.core.header import UNREADABLE, read_entries
from backends.core.memory import in_words
from backends.core.model_folder import ModelFolder
from backends.core.parts import set_attention

if TYPE_CHECKING:
    from backends.core.placement import Placement

PICTURE, WEIGHT = "control_picture_", "control_weight_"
"""Before a ControlNet's number: names of its picture, (B, 3, H, W) in 0..1, and its weight, (B, 1)."""
_ADDED = ("text_embeds", "time_ids")
_ANOTHER = "Choose a ControlNet made for this kind of model."


def split(conditioning: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[int, tuple[Tensor, float]]]:
    """What the UNet is told, and by number each ControlNet's picture and weight."""
    numbers = [int(name.removeprefix(PICTURE)) for name in conditioning if name.startswith(PICTURE)]
    plain = {n: each for n, each in conditioning.items() if not n.startswith((PICTURE, WEIGHT))}
    controls = {
        number: (conditioning[f"{PICTURE}{number}"], float(conditioning[f"{WEIGHT}{number}"].flatten()[0]))
        for number in numbers
    }
    return plain, controls


def residuals(
    networks: Sequence[Any],
    controls: Mapping[int, tuple[Tensor, float]],
    latents: Tensor,
    time: Tensor,
    inputs: Mapping[str, Tensor],
) -> dict[str, Any]:
    """What the UNet adds on its way, the sum over the ControlNets; nothing without one."""
    down: list[Tensor] = []
    middle: Tensor | None = None
    added = {name: inputs[name] for name in _ADDED if name in inputs}
    for number, (picture, weight) in controls.items():
        network = networks[number]
        each, last = network(
            latents[:, : network.config["in_channels"]],
            time,
            encoder_hidden_states=inputs["encoder_hidden_states"],
            controlnet_cond=picture,
            conditioning_scale=weight,
            added_cond_kwargs=added or None,
            return_dict=False,
        )
        down = [a + b for a, b in zip(down, each, strict=True)] if down else list(each)
        middle = last if middle is None else middle + last
    if middle is None:
        return {}
    return {"down_block_additional_residuals": tuple(down), "mid_block_additional_residual": middle}


class ControlNets:
    """Those at hand for a model, numbered in their order; loaded again after a rest."""

    def __init__(self, folder: ModelFolder, placement: Placement) -> None:
        self._folder, self._to = folder, placement
        self._files: tuple[Path, ...] = ()
        self._networks: dict[Path, Any] = {}

    def use(self, files: tuple[Path, ...]) -> None:
        """From now on these. Raises InvalidRequest."""
        held, to = self._networks, self._to
        self._networks, self._files = {}, files
        make_room(files, held, to)
        for file in dict.fromkeys(files):
            network = held.get(file) or load(self._folder, file, to.device, to.unet_dtype)
            set_attention(network, "unet", to.attention)
            self._networks[file] = network

    def rest(self) -> None:
        """Gives their weights back until they are used again."""
        self._networks = {}
        self._to.reserve(0)

    def in_order(self) -> list[Any]:
        """The networks."""
        if len(self._networks) < len(set(self._files)):
            self.use(self._files)
        return [self._networks[file] for file in self._files]


def make_room(files: Iterable[Path], held: Collection[Path], to: Placement) -> None:
    """What the files take is not the model's any more. Raises InvalidRequest where those that aren't `held`
    would not fit into what is free."""
    needs = {file: _bytes(file, to.unet_dtype) for file in files}
    to.reserve(sum(needs[file] for file in needs if file in held))
    fresh, free = sum(needs[file] for file in needs if file not in held), to.free_bytes()
    if fresh > max(0, free):
        raise InvalidRequest(
            f"ControlNets need about {in_words(fresh)} of memory beside the model; {in_words(free)} is free.",
            "Close other programs, or leave them out.",
        )
    to.reserve(sum(needs.values()))


def _bytes(file: Path, dtype: torch.dtype) -> int:
    """By its header; nothing for one that loading will refuse."""
    try:
        _, entries = read_entries(file)
        shapes = [entry["shape"] for name, entry in entries.items() if name != "__metadata__"]
        return dtype.itemsize * sum(math.prod(map(int, shape)) for shape in shapes)
    except UNREADABLE:
        return 0


def load(folder: ModelFolder, file: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """A ControlNet for this model, in eval mode. Raises InvalidRequest for one that does not fit."""
    from diffusers.models.controlnets.controlnet import ControlNetModel
    from safetensors import SafetensorError
    from safetensors import torch as stored

    kind: Any = ControlNetModel
    read_file: Callable[[Path], dict[str, Tensor]] = cast(Any, stored).load_file

    unet = folder.configs.get("unet")
    if unet is None:
        raise InvalidRequest(f"{folder.facts.name} can't be guided by a ControlNet.", "Leave it out.")
    try:
        config = _config(file) or _as_the_unet(unet, kind)
        _check(file, config, unet)
        with torch.device("meta"):
            network: Any = kind.from_config(config)
        network.load_state_dict(_renamed(read_file(file), network.config), assign=True)
    except (OSError, SafetensorError) as error:
        raise InvalidRequest(f"The ControlNet {file.name} can't be read.", "Get it again.") from error
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise _misfit(file) from error
    return network.to(device, dtype).eval().requires_grad_(False)


def _renamed(weights: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
    """With diffusers' names, where the file has those of the first ControlNets."""
    from diffusers.loaders import single_file_utils

    convert: Callable[..., dict[str, Tensor]] = cast(Any, single_file_utils).convert_controlnet_checkpoint
    return convert(weights, config)


def _config(file: Path) -> dict[str, Any] | None:
    beside = file.parent / "config.json"
    if not file.stem.startswith("diffusion_pytorch_model") or not beside.is_file():
        return None
    return cast(dict[str, Any], json.loads(beside.read_text(encoding="utf-8")))


def _as_the_unet(unet: Mapping[str, Any], network: Any) -> dict[str, Any]:
    names = set(inspect.signature(network.__init__).parameters)
    return {name: value for name, value in unet.items() if name in names} | {"in_channels": 4}


def _check(file: Path, config: Mapping[str, Any], unet: Mapping[str, Any]) -> None:
    same = ("cross_attention_dim", "block_out_channels", "layers_per_block")
    if any(name in config and config[name] != unet.get(name, config[name]) for name in same):
        raise _misfit(file)
    if config.get("_class_name", "ControlNetModel") not in ("ControlNetModel", "UNet2DConditionModel"):
        raise _misfit(file)
    if config.get("global_pool_conditions"):
        raise InvalidRequest(
            f"The ControlNet {file.name} (shuffle) looks at a picture in a way that is not known here.",
            "Choose one for edges, depth, poses, scribbles or tiles.",
        )


def _misfit(file: Path) -> InvalidRequest:
    name = file.parent.name if file.stem.startswith("diffusion_pytorch_model") else file.name
    return InvalidRequest(f"{name} is no ControlNet for this kind of model.", _ANOTHER)
