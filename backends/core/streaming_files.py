"""A part's weights as they lie on disk: mapped, named as today's modules name them, copied only when needed.

A tensor of `WeightFiles` is a view of the file in the page cache, mapped when asked for and unmapped
when the tensor is freed. Unmapping is the one way of giving clean pages back that works on Linux,
macOS and Windows alike (`madvise(MADV_DONTNEED)` is a mere hint on macOS and absent on Windows).
Mappings are private: a write to such a tensor stays in memory and never reaches the file.
"""

from __future__ import annotations

import importlib
import mmap
import os
from collections import OrderedDict
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from backends.core import vae_names
from backends.core.contract import BrokenModel, InvalidRequest
from backends.core.header import read_entries
from backends.core.lora_change import Change, Merged
from backends.core.lora_file import read
from backends.core.lora_fit import plain
from backends.core.model_folder import ModelFolder
from backends.core.tables import make_tables

CLASSES = {
    "CLIPTextModel": "transformers.models.clip.modeling_clip",
    "CLIPTextModelWithProjection": "transformers.models.clip.modeling_clip",
    "CLIPTokenizer": "transformers.models.clip.tokenization_clip",
    "Gemma2Model": "transformers.models.gemma2.modeling_gemma2",
    "GemmaTokenizer": "transformers.models.gemma.tokenization_gemma",
    "T5EncoderModel": "transformers.models.t5.modeling_t5",
    "T5Tokenizer": "transformers.models.t5.tokenization_t5",
    "Qwen2Tokenizer": "transformers.models.qwen2.tokenization_qwen2",
    "Qwen3Model": "transformers.models.qwen3.modeling_qwen3",
    "Flux2Transformer2DModel": "diffusers.models.transformers.transformer_flux2",
    "SD3Transformer2DModel": "diffusers.models.transformers.transformer_sd3",
    "SanaTransformer2DModel": "diffusers.models.transformers.sana_transformer",
    "ZImageTransformer2DModel": "diffusers.models.transformers.transformer_z_image",
    "UNet2DConditionModel": "diffusers.models.unets.unet_2d_condition",
    "AutoencoderDC": "diffusers.models.autoencoders.autoencoder_dc",
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
    "AutoencoderKLFlux2": "diffusers.models.autoencoders.autoencoder_kl_flux2",
}
"""The classes a model folder may name, and where they are. Nothing else is ever imported for it."""

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_INNER = {"Qwen3ForCausalLM": "Qwen3Model"}
"""Of language models that could write, too, the part that reads. Its weights are called "model." there."""
_OLD_PREFIXES = ("text_model.", "model.")
"""What older releases of transformers, or a larger model, put before the names of a part's weights."""


@dataclass(frozen=True)
class Stored:
    """One tensor in a safetensors file: `start` and `length` in bytes from the file's beginning."""

    path: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    length: int

    def view(self) -> Tensor:
        """The tensor as a mapping of its own, which lives as long as the tensor does."""
        offset = self.start % mmap.ALLOCATIONGRANULARITY
        with self.path.open("rb") as file:
            area = mmap.mmap(
                file.fileno(), offset + self.length, access=mmap.ACCESS_COPY, offset=self.start - offset
            )
        return self.within(area, offset)

    def within(self, area: mmap.mmap, offset: int) -> Tensor:
        """The tensor at this offset of a mapping."""
        flat = torch.frombuffer(area, dtype=self.dtype, count=prod(self.shape), offset=offset)
        return flat.view(self.shape)


class WeightFiles:
    """The weights of one part, by the names of the module's parameters: as they are `stored`, and what a
    variant and LoRAs have `added`."""

    def __init__(
        self,
        tensors: Mapping[str, Stored],
        added: Mapping[str, Merged] | None = None,
    ) -> None:
        self.stored = dict(tensors)
        self.added = dict(added or {})
        self._files = {path: path.open("rb") for path in {stored.path for stored in tensors.values()}}
        self._areas: dict[Path, mmap.mmap] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.stored

    def tensor(self, name: str) -> Tensor:
        """A view of the file, as it is stored; a changed copy for a variant or with LoRAs."""
        weight = self.stored[name].view()
        return self.added[name].added_to(weight) if name in self.added else weight

    def staying(self, name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
        """A tensor that stays, on a device and in a type.

        Where no copy is needed these share one mapping a file, as systems limit the number of mappings.
        """
        stored = self.stored[name]
        if device.type != "cpu" or stored.dtype != dtype or name in self.added:
            return self.tensor(name).to(device, dtype)
        if stored.path not in self._areas:
            descriptor = self._files[stored.path].fileno()
            self._areas[stored.path] = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
        return stored.within(self._areas[stored.path], stored.start)

    def let_go(self) -> None:
        """Forgets the mappings of tensors that stay: the last tensor of each gives its pages back."""
        self._areas.clear()

    def will_need(self, names: Iterable[str]) -> None:
        """Asks the system to read ahead, where it can be asked (Linux); returns at once."""
        if not hasattr(os, "posix_fadvise"):
            return
        for stored in (self.stored[name] for name in names):
            file = self._files[stored.path].fileno()
            os.posix_fadvise(file, stored.start, stored.length, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        """Closes the files. Tensors already handed out stay good."""
        self.let_go()
        for file in self._files.values():
            file.close()


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file, by their names in it. Assumes that `check_files` has passed."""
    base, header = read_entries(path)
    return {
        name: Stored(
            path,
            _DTYPES[entry["dtype"]],
            tuple(entry["shape"]),
            base + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def class_named(name: str) -> Any:
    """A class that a model folder names. Raises BrokenModel for one we don't run."""
    # CLIPTokenizerFast was folded into CLIPTokenizer in transformers 5.
    name = name.removesuffix("Fast")
    name = _INNER.get(name, name)
    if name not in CLASSES:
        raise BrokenModel(f"The model needs {name}, which this version can't run.", "Use another model.")
    return getattr(importlib.import_module(CLASSES[name]), name)


def build_empty(folder: ModelFolder, part: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A part's module with its parameters on "meta": no memory, no initialisation. Buffers are real.

    Those that are computed and not stored stay in the type they were computed in: a language model's
    frequencies of places, rounded to bfloat16, would turn distant words by a wrong angle.
    """
    network: Any = class_named(folder.class_name(part))
    with parameters_on_meta():
        made = _construct_borrowed(network, folder) if _is_borrowed(folder, part) else None
        module = cast(nn.Module, made or _construct(network, folder.path / part))
    module.eval().requires_grad_(False)
    computed: list[tuple[Any, dict[str, Tensor]]] = [(one, dict(_computed(one))) for one in module.modules()]
    module.to(dtype)
    for layer, buffers in computed:
        layer._buffers.update(buffers)
    return module


def _computed(layer: Any) -> Iterable[tuple[str, Tensor]]:
    """A layer's own buffers that no file holds."""
    return ((key, layer._buffers[key]) for key in layer._non_persistent_buffers_set if key in layer._buffers)


def _is_borrowed(folder: ModelFolder, part: str) -> bool:
    return part == "vae" and folder.borrowed is not None


def _construct_borrowed(network: Any, folder: ModelFolder) -> Any:
    return network.from_config(dict(folder.configs["vae"]))


def _construct(network: Any, path: Path) -> Any:
    if hasattr(network, "load_config"):  # diffusers
        return network.from_config(network.load_config(str(path), local_files_only=True))
    return network(network.config_class.from_pretrained(str(path), local_files_only=True))


@contextmanager
def parameters_on_meta() -> Generator[None]:
    """While a module is built, each parameter goes to "meta" before anything fills it.

    A plain `torch.device("meta")` would take the buffers along, and those that are computed and not
    stored (CLIP's position ids) could not be brought back.
    """
    original = nn.Module.register_parameter

    def register(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        if param is not None:
            param = nn.Parameter(param.detach().to("meta"), requires_grad=False)
        original(self, name, param)

    nn.Module.register_parameter = register
    try:
        yield
    finally:
        nn.Module.register_parameter = original


def open_weights(folder: ModelFolder, part: str, module: nn.Module) -> WeightFiles:
    """The weights of one part under the names that `module` has for them. Raises BrokenModel."""
    stored: dict[str, Stored] = {}
    for path in folder.weight_files(part):
        stored.update(read_header(path))
    if _is_borrowed(folder, part):
        stored = vae_names.renamed(stored, folder.configs[part])
    names = _names_now(stored, module)
    for name, parameter in module.named_parameters():
        if name not in names or stored[names[name]].shape != tuple(parameter.shape):
            raise BrokenModel(
                f"The model's {part} in {folder.path} can't be loaded as {type(module).__name__}: "
                "its files do not fit together.",
                "Copy or download the model again.",
            )
    found = {name: stored[names[name]] for name, _ in _stored_members(module) if name in names}
    return WeightFiles(found, _added(folder, part, found))


def _added(folder: ModelFolder, part: str, weights: Mapping[str, Stored]) -> dict[str, Merged]:
    """What a variant and LoRAs add, by the names of the module's parameters. Raises BrokenModel."""
    added = dict(folder.additions.get(part, {}))
    if part == "unet" and folder.change:
        for name, change in _own_changes(folder.change.path, weights).items():
            later = added[name].changes if name in added else ()
            added[name] = Merged(((change, 1.0), *later))
    return {name: added[plain(name)] for name in weights if plain(name) in added}


def _own_changes(file: Path, weights: Mapping[str, Stored]) -> dict[str, Change]:
    """What makes a variant of its base: a LoRA of the UNet, by the names of the weights."""
    try:
        changes = {".".join(target).removeprefix("unet."): change for target, change in read(file).items()}
        for name, change in changes.items():
            change.check(torch.Size(weights[name].shape))
    except (InvalidRequest, KeyError, ValueError) as error:
        raise BrokenModel(
            f"{file.parent.name}/{file.name} does not fit the model it changes.",
            "Copy or download the model again.",
        ) from error
    return changes


def _stored_members(module: nn.Module) -> Generator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _names_now(stored: Iterable[str], module: Any) -> dict[str, str]:
    """Names of the module's members -> names in the file, which may be of an older release."""
    names: OrderedDict[str, Any] = OrderedDict((name, name) for name in stored)
    if hasattr(module, "_fix_state_dict_keys_on_load"):
        module._fix_state_dict_keys_on_load(names)
    members = {name for name, _ in _stored_members(module)}
    for old in list(names):
        for prefix in _OLD_PREFIXES:
            if old not in members and old.removeprefix(prefix) in members:
                names[old.removeprefix(prefix)] = names.pop(old)
                break
    tied: object = getattr(module, "_tied_weights_keys", None)
    for name, source in (cast(dict[str, str], tied) if isinstance(tied, dict) else {}).items():
        if name in members and source in names:
            names.setdefault(name, names[source])
    return cast(dict[str, str], names)


def layers(module: Any) -> list[tuple[str, nn.Module]]:
    """The layers that have weights or buffers of their own, by name."""
    return [(name, child) for name, child in module.named_modules() if own_weights(child) or child._buffers]


def own_weights(module: Any) -> dict[str, Any]:
    """A layer's own parameters by key, without those that are None."""
    return {key: parameter for key, parameter in module._parameters.items() if parameter is not None}


def put(module: Any, key: str, weight: Any) -> None:
    """Puts a weight into a layer: a Parameter, or a tensor in a layout that Parameters can't have."""
    module._parameters[key] = weight


def fill(module: nn.Module, weights: WeightFiles, device: torch.device, dtype: torch.dtype) -> None:
    """Puts the weights into the module, tensor by tensor straight to the device.

    On the CPU, weights already of this type stay views of the file.
    """
    seen: dict[int, nn.Parameter] = {}
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    for _, layer in layers(module):
        for key, empty in own_weights(layer).items():
            if id(empty) not in seen:
                tensor = weights.staying(names[id(empty)], device, dtype)
                seen[id(empty)] = nn.Parameter(tensor, requires_grad=False)
            put(layer, key, seen[id(empty)])
    fill_buffers(module, weights, device)


def fill_buffers(module: Any, weights: WeightFiles, device: torch.device) -> None:
    """Stored buffers from the file, the others to the device as they were computed; and tables."""
    make_tables(module)
    for name, buffer in list(module.named_buffers()):
        found = weights.tensor(name).to(buffer.dtype) if name in weights else buffer
        path, _, key = name.rpartition(".")
        module.get_submodule(path)._buffers[key] = found.to(device)
