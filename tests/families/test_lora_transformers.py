"""LoRAs for SD 3, FLUX.2 klein, Z-Image and SANA-Sprint: our pixels against diffusers' with peft.

Where diffusers does not read a layout, the file's products are added to the weights as the maker keeps them,
and diffusers' own converter for such files says what that is in its transformer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.loaders import single_file_utils
from safetensors.torch import save_file

from backends import cuda_int8, mps
from backends.core.contract import Notice, Request, Stages
from backends.core.cuda_settings import CardSettings
from backends.core.model_folder import open_folder
from backends.core.mps_quirks import Remedy
from backends.core.pipeline import generate
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.torch_stages import TorchStages
from tests.families.lora_transformers import (
    KINDS,
    RANK,
    STRONG,
    TEXT_LAYERS,
    Pair,
    Tensors,
    open_pair,
    pairs,
    product,
    save,
)
from tests.families.reference import MINIMUM_DB, psnr
from tests.tiny_transformers import make_tiny_sd3

CPU = torch.device("cpu")
CONVERTERS: dict[str, Callable[[Tensors], Tensors]] = {
    "sd3": single_file_utils.convert_sd3_transformer_checkpoint_to_diffusers,
    "flux2": single_file_utils.convert_flux2_transformer_checkpoint_to_diffusers,
    "zimage": single_file_utils.convert_z_image_transformer_checkpoint_to_diffusers,
    "sana": single_file_utils.convert_sana_transformer_to_diffusers,
}


@pytest.fixture(scope="module", params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def pair(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = open_pair(KINDS[name], tmp_path_factory.mktemp("home"))
    yield made
    made.stages.close()


def own(pair: Pair, seed: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    return pairs({layer: pair.shape(layer) for layer in pair.kind.layers}, seed)


def makers(pair: Pair, seed: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    return pairs({layer: pair.shape(layer) for layer in pair.kind.together}, seed)


def converted(name: str, weights: Tensors) -> Tensors:
    """The maker's weights as diffusers' converter reads them."""
    if name == "sana":
        return _of_sana(dict(weights))
    more = {"pos_embed": torch.ones(1)} if name == "sd3" else {}
    found = CONVERTERS[name](weights | more)
    return {key: value for key, value in found.items() if key != "pos_embed.pos_embed"}


def _of_sana(weights: Tensors) -> Tensors:
    """The converter is for SANA: what only Sprint has, norms of queries and a guidance, it does not know."""
    norms = {key: weights.pop(key) for key in list(weights) if "q_norm" in key or "k_norm" in key}
    guidance = {key: weights.pop(key) for key in list(weights) if key.startswith("cfg_embedder")}
    assert len(guidance) == 4
    assert len(norms) == 8
    tables = {key.replace("transformer_blocks.", "blocks."): value for key, value in weights.items()}
    tables["final_layer.scale_shift_table"] = tables.pop("scale_shift_table")
    found = CONVERTERS["sana"](tables | {"pos_embed": torch.ones(1), "y_embedder.y_embedding": torch.ones(1)})
    return {key.replace("time_embed.emb.", "time_embed."): value for key, value in found.items()}


def test_the_makers_names_are_those_of_diffusers_converter(name: str, pair: Pair) -> None:
    found = converted(name, pair.makers_weights())
    ours = dict(pair.pipe.transformer.named_parameters())
    assert found.keys() >= ours.keys() - {key for key in ours if name == "sana" and "norm_" in key} - {
        key for key in ours if "guidance_embedder" in key
    }
    assert all(torch.equal(found[key], ours[key]) for key in found if key in ours)


def test_two_at_once_in_pefts_layout(pair: Pair) -> None:
    save(pair.file("first"), own(pair, 1), prefix="transformer.")
    save(pair.file("second"), own(pair, 2), prefix="transformer.")
    before = pair.ours()
    expected = pair.by_diffusers(first=0.8, second=-0.4)
    assert psnr(pair.ours("<lora:first:0.8> <lora:second:-0.4>"), expected) >= MINIMUM_DB
    assert psnr(before, expected) < 45  # they do something
    assert np.array_equal(pair.ours(), before)  # and are gone afterwards


KOHYA: dict[str, Any] = {"prefix": "lora_unet_", "ends": "down up", "alpha": RANK / 2}


@pytest.mark.parametrize(
    ("name", "named", "layout"),
    [
        ("flux2", makers, {"prefix": "diffusion_model."}),  # ai-toolkit's
        pytest.param("flux2", makers, {"prefix": "base_model.model."}, marks=pytest.mark.thorough),  # peft's
        ("flux2", makers, KOHYA),
        pytest.param("zimage", own, {"prefix": "diffusion_model."}, marks=pytest.mark.thorough),
        ("zimage", makers, KOHYA),
    ],
    indirect=["name"],
)
def test_the_layouts_that_diffusers_reads(pair: Pair, named: Any, layout: dict[str, Any]) -> None:
    """As far as diffusers 0.42 has them; for the others see the next test."""
    save(pair.file("layout"), named(pair, 3), **layout)
    expected = pair.by_diffusers(layout=0.7)
    assert psnr(pair.ours("<lora:layout:0.7>"), expected) >= MINIMUM_DB
    assert psnr(pair.ours(), expected) < 50


TURNED = {"flux2": ("final_layer.adaLN_modulation.1",)}
"""Shift and scale change places on the way from the maker's names, which diffusers 0.42's reader forgets."""


@pytest.mark.parametrize(
    ("prefix", "ends"),
    [
        ("lora_unet_", "down up"),
        pytest.param("diffusion_model.", "A B", marks=pytest.mark.thorough),
        pytest.param("lycoris_", "down up", marks=pytest.mark.thorough),
    ],
)
def test_the_makers_names_by_definition(name: str, pair: Pair, prefix: str, ends: str) -> None:
    """Queries, keys and values as one layer, and shift and scale in the maker's order."""
    changes = makers(pair, 4) | pairs({layer: pair.shape(layer) for layer in TURNED.get(name, ())}, 8)
    save(pair.file("makers"), changes, prefix=prefix, ends=ends, alpha=RANK / 2)
    weights = pair.makers_weights()
    for layer, change in changes.items():
        weight = weights[f"{layer}.weight"]
        weights[f"{layer}.weight"] = weight + 0.6 * 0.5 * product(change, weight.shape)
    with pair.with_weights(converted(name, weights)):
        expected = pair.theirs()
    assert psnr(pair.ours("<lora:makers:0.6>"), expected) >= MINIMUM_DB
    assert psnr(pair.ours(), expected) < 50


def _kronecker(weight: torch.Tensor, seed: int) -> tuple[Tensors, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    out, into = weight.shape[0] // 3, weight[0].numel() // 2
    first = torch.randn(3, 2, generator=generator) * STRONG
    second = torch.randn(out, into, generator=generator) * STRONG
    return {"lokr_w1": first, "lokr_w2": second}, weight + torch.kron(first, second)


def _difference(weight: torch.Tensor, seed: int) -> tuple[Tensors, torch.Tensor]:
    added = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed)) * STRONG
    return {"diff": added}, weight + added


def _with_lengths(weight: torch.Tensor, seed: int) -> tuple[Tensors, torch.Tensor]:
    down, up = pairs({"x": weight.shape}, seed)["x"]
    lengths = torch.rand(len(weight), 1, generator=torch.Generator().manual_seed(seed)) + 0.5
    changed = weight + up @ down
    made = lengths * changed / changed.norm(dim=1, keepdim=True)
    return {"lora_down.weight": down, "lora_up.weight": up, "dora_scale": lengths}, made


def but_for(*quick: str) -> list[Any]:
    """All kinds of models; those that are not named, whose tests are like these, thoroughly."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.thorough) for name in KINDS]


@pytest.mark.parametrize("name", but_for("zimage"), indirect=True)
@pytest.mark.parametrize("kind", [_kronecker, _difference, _with_lengths])
def test_other_kinds_of_queries_keys_and_values_in_one(
    name: str, pair: Pair, kind: Callable[[torch.Tensor, int], tuple[Tensors, torch.Tensor]]
) -> None:
    """A LoKr, a plain difference and a DoRA of a layer that diffusers has in three: by definition."""
    layer, weights = pair.kind.together[0], pair.makers_weights()
    tensors, weights[f"{layer}.weight"] = kind(weights[f"{layer}.weight"], 11)
    save_file({f"diffusion_model.{layer}.{key}": each for key, each in tensors.items()}, pair.file("kinds"))
    with pair.with_weights(converted(name, weights)):
        expected = pair.theirs()
    assert psnr(pair.ours("<lora:kinds:1>"), expected) >= MINIMUM_DB
    assert psnr(pair.ours(), expected) < 55


@pytest.mark.parametrize("name", ["zimage", pytest.param("flux2", marks=pytest.mark.thorough)], indirect=True)
def test_lokr_as_peft_computes_it(pair: Pair) -> None:
    """As ai-toolkit and SimpleTuner write it, with our names of the layers and an alpha."""
    tensors: Tensors = {}
    generator = torch.Generator().manual_seed(12)
    for layer in (layer for layer in pair.kind.layers if "attn" in layer or "attention" in layer):
        out, into = pair.shape(layer)
        sides = {"lokr_w1": (4, 4), "lokr_w2_a": (out // 4, RANK), "lokr_w2_b": (RANK, into // 4)}
        stem = f"{pair.kind.lokr}{layer.replace('.', '_') if pair.kind.lokr.endswith('_') else layer}"
        random = {key: STRONG * torch.randn(size, generator=generator) for key, size in sides.items()}
        tensors |= {f"{stem}.{key}": each for key, each in random.items()}
        tensors[f"{stem}.alpha"] = torch.tensor(RANK / 2)
    save_file(tensors, pair.file("lokr"))
    expected = pair.by_diffusers(lokr=1.0)
    assert psnr(pair.ours("<lora:lokr:1>"), expected) >= MINIMUM_DB
    assert psnr(pair.ours(), expected) < 55


@pytest.mark.parametrize("name", but_for("sd3"), indirect=True)
@pytest.mark.parametrize(
    "prefix",
    [
        "lora_transformer_",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in ("lycoris_", "transformer.")),
    ],
)
def test_our_own_names_in_other_layouts(pair: Pair, prefix: str) -> None:
    """Of OneTrainer, SimpleTuner and others: the same as in peft's layout, with an alpha."""
    save(pair.file("plain"), own(pair, 5), prefix="transformer.")
    save(pair.file("other"), own(pair, 5), prefix=prefix, ends="down up", alpha=RANK / 2)
    assert np.array_equal(pair.ours("<lora:plain:0.4>"), pair.ours("<lora:other:0.8>"))


@pytest.mark.parametrize("name", ["sd3"], indirect=True)
def test_text_encoders_change_too(pair: Pair) -> None:
    layers = {part: {layer: pair.shape(layer, part) for layer in TEXT_LAYERS} for part in pair.kind.texts}
    tensors: Tensors = {}
    for part, shapes in layers.items():
        for layer, (down, up) in pairs(shapes, len(part)).items():
            stem = f"{part}.text_model.{layer}"
            tensors |= {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}
    for layer, (down, up) in own(pair, 6).items():
        tensors |= {f"transformer.{layer}.lora_A.weight": down, f"transformer.{layer}.lora_B.weight": up}
    save_file(tensors, pair.file("texts"))
    expected = pair.by_diffusers(texts=0.9)
    assert psnr(pair.ours("<lora:texts:0.9>"), expected) >= MINIMUM_DB


@pytest.mark.parametrize("name", but_for("sd3", "zimage", "sana"), indirect=True)
@pytest.mark.parametrize("in_kohyas", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_what_reads_the_prompt_changes_too(pair: Pair, in_kohyas: bool) -> None:
    """T5, Qwen3 and Gemma 2, for which diffusers' pipelines take no LoRA: the product is added here."""
    part, layer, prefix = pair.kind.reader
    change = pairs({layer: pair.shape(layer, part)}, 9)
    save(pair.file("reader"), change, prefix=prefix if in_kohyas else f"{part}.")
    weight = pair.module(part).get_submodule(layer).weight.data
    before = weight.clone()
    weight += 0.8 * product(change[layer], weight.shape)
    expected = pair.theirs()
    weight.copy_(before)
    assert psnr(pair.ours("<lora:reader:0.8>"), expected) >= MINIMUM_DB
    assert psnr(pair.ours(), expected) < 55


def _streamed(pair: Pair) -> Stages:
    return get_backend("cpu_offload").open(pair.folder, {"memory": "1GB"})


def _in_int8(pair: Pair) -> Stages:
    return get_backend("cpu_offload").open(pair.folder, {"weights": "int8"})


def _as_on_a_card(pair: Pair) -> Stages:
    """The NVIDIA backend's own placement, with bitsandbytes' 8 bits, on the CPU."""
    full = torch.float32
    settings = CardSettings(scheme="int8", keeps=(), text_dtype=full, unet_dtype=full, vae_dtype=full)
    return TorchStages(open_folder(pair.folder), cuda_int8.placement(settings, CPU, lambda: 8 * 10**9))


def _as_on_a_mac(pair: Pair) -> Stages:
    """The Mac backend's own placement, with its layers and attention, on the CPU."""
    everything = frozenset(Remedy) - {Remedy.REFUSE}
    folder = open_folder(pair.folder)
    placement = replace(mps.placement(folder, CPU, everything), free_bytes=lambda: 8 * 10**9)
    return TorchStages(folder, placement)


HELD = {_streamed: 99.0, _in_int8: 25.0, _as_on_a_card: 20.0, _as_on_a_mac: 30.0}
QUICK = {("sd3", _streamed), ("sana", _streamed), ("zimage", _as_on_a_card), ("flux2", _as_on_a_mac)}
"""One of each; the others are like these."""


@pytest.mark.parametrize(
    ("name", "opened", "least"),
    [
        pytest.param(name, opened, least, marks=[] if (name, opened) in QUICK else pytest.mark.thorough)
        for name in KINDS
        for opened, least in HELD.items()
    ],
    indirect=["name"],
)
def test_it_is_there_however_weights_are_held(
    pair: Pair, opened: Callable[[Pair], Stages], least: float
) -> None:
    save(pair.file("kept"), makers(pair, 7), prefix="diffusion_model.")
    expected, before = pair.ours("<lora:kept:0.7>"), pair.ours()
    stages = opened(pair)
    with_it, without = pair.ours("<lora:kept:0.7>", stages), pair.ours(stages=stages)
    stages.close()
    assert psnr(with_it, expected) >= least
    assert psnr(without, before) >= least
    assert psnr(with_it, without) < psnr(with_it, expected)


def test_what_a_model_lacks_is_told(tmp_path: Path) -> None:
    """T5's changes where there is no T5, a block too many, and what is no change of a layer."""
    quiet()
    folder = make_tiny_sd3(tmp_path / "models" / "tiny", t5=False)
    layers = ("transformer_blocks.0.attn.to_q", "transformer_blocks.9.attn.to_q")
    changes = pairs(dict.fromkeys(layers, torch.Size((16, 16))), 1)
    tensors: Tensors = {"bundle_emb.word.clip_l": torch.ones(1, 32)}
    for layer, (down, up) in changes.items():
        tensors |= {f"transformer.{layer}.lora_A.weight": down, f"transformer.{layer}.lora_B.weight": up}
    for end, size in (("lora_down", (RANK, 72)), ("lora_up", (16, RANK))):
        tensors[f"lora_te3_encoder_block_0_layer_0_SelfAttention_q.{end}.weight"] = torch.ones(size)
    (tmp_path / "loras").mkdir()
    save_file(tensors, tmp_path / "loras" / "much.safetensors")
    stages = get_backend("cpu_offload").open(folder, {})
    asked: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "guidance_scale": 1.0, "sampler": "euler"}
    request = Request(prompt="x <lora:much:1>", seed=1, **asked)
    events = list(generate(request, stages, previews=False, search=(tmp_path,)))
    stages.close()
    assert [event.message for event in events if isinstance(event, Notice)] == [
        "What much changes in a text encoder that this model lacks is left out.",
        "1 of the 3 layers of much can't be used with this model.",
        "1 of the 7 tensors of much can't be read.",
    ]
