"""LoRAs of the kinds that LyCORIS makes: our weights and pictures against LyCORIS' own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from lycoris.wrapper import create_lycoris
from safetensors.torch import save_file

from backends.core.lora import additions
from backends.core.lora_names import names_in_files
from backends.core.lora_places import Piece
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from tests.convert.single_files import unet_name, unet_settings
from tests.families.reference import MINIMUM_DB, arguments, make, psnr, scheduler_for
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_sdxl

KINDS: dict[str, dict[str, Any]] = {
    "LoRA and LoCon": {"algo": "lora"},
    "LoCon with a middle factor": {"algo": "lora", "use_tucker": True},
    "LoHa": {"algo": "loha"},
    "LoHa with middle factors": {"algo": "loha", "use_tucker": True},
    "LoKr": {"algo": "lokr", "factor": 4},
    "LoKr with a middle factor": {"algo": "lokr", "factor": 4, "use_tucker": True},
    "LoKr of four factors": {"algo": "lokr", "factor": 16, "decompose_both": True},
    "LoKr of two factors": {"algo": "lokr", "factor": 4, "full_matrix": True},
    "full differences, biases and norms": {"algo": "full", "train_norm": True},
    "DoRA": {"algo": "lora", "dora_wd": True},
    "DoRA of columns": {"algo": "lora", "dora_wd": True, "wd_on_output": False},
    "DoRA of LoHa": {"algo": "loha", "dora_wd": True},
    "DoRA of LoKr": {"algo": "lokr", "factor": 4, "dora_wd": True},
}
RANK, STRONG = 3, 0.1


def make_change(unet: Any, file: Path, kind: str, alpha: float) -> Any:
    """LyCORIS' network of changes, one for every layer, with random tensors; and the file of it."""
    sizes = {"linear_dim": RANK, "linear_alpha": alpha, "conv_dim": RANK, "conv_alpha": alpha}
    network: Any = create_lycoris(unet, 1.0, **sizes, **KINDS[kind])
    generator = torch.Generator().manual_seed(len(kind))
    tensors: dict[str, torch.Tensor] = {}
    for change in network.loras:
        for parameter in change.parameters():
            parameter.data += STRONG * torch.randn(parameter.shape, generator=generator)
        own = _of_full(change) if hasattr(change, "is_diff") else change.state_dict().items()
        tensors |= {f"{change.lora_name}.{key}": value.contiguous() for key, value in own}
    save_file(tensors, file)
    return network


def _of_full(change: Any) -> list[tuple[str, torch.Tensor]]:
    """A plain difference, before it is in use: then LyCORIS keeps the difference, and says the weights."""
    found = [("diff", change.weight.data.clone())]
    return found if change.bias is None else [*found, ("diff_b", change.bias.data.clone())]


@pytest.fixture(
    scope="module", params=[make_tiny_model, pytest.param(make_tiny_sdxl, marks=pytest.mark.thorough)]
)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return request.param(tmp_path_factory.mktemp("model") / "tiny", EPSILON)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_that_lycoris_merges(folder: Path, tmp_path: Path, kind: str) -> None:
    """Of every layer of a UNet. An alpha as large as the rank: LyCORIS 4.1 counts others twice as it merges,
    and once as it computes (see the next but one)."""
    unet: Any = UNet2DConditionModel.from_pretrained(str(folder / "unet"))
    before = {name: weight.clone() for name, weight in unet.named_parameters()}
    weight = 1.0 if "DoRA" in kind else 0.7
    file = tmp_path / "a.safetensors"
    make_change(unet, file, kind, alpha=RANK).merge_to(weight)
    added = additions(open_folder(folder), [(file, weight)])["unet"]
    changed = {name for name, expected in unet.named_parameters() if not torch.equal(expected, before[name])}
    assert added.keys() == changed
    assert len(changed) > 50
    for name, expected in unet.named_parameters():
        ours = added[name].added_to(before[name]) if name in added else before[name]
        assert torch.allclose(ours, expected, rtol=1e-4, atol=2e-6 * float(expected.abs().max())), name


@pytest.mark.parametrize("version", ["1.x", "XL"])
def test_stabilitys_names_are_those_of_a_table_written_by_hand(version: str) -> None:
    """Of each layer of a whole UNet: convolutions, norms and what tells the time, too."""
    with torch.device("meta"):
        unet: Any = UNet2DConditionModel(**unet_settings(version))
    layers = [name.removesuffix(".weight") for name, _ in unet.named_parameters() if name.endswith(".weight")]
    named = names_in_files("unet", "UNet2DConditionModel", layers)
    for layer in layers:
        theirs = unet_name(f"{layer}.weight", version).removesuffix(".weight")
        assert named[f"lora_unet_{theirs.replace('.', '_')}"] == (Piece(layer),)
        assert named[f"diffusion_model.{theirs}"] == (Piece(layer),)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    path = tmp_path_factory.mktemp("home")
    make_tiny_model(path / "models" / "tiny", EPSILON)
    (path / "loras").mkdir()
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "DoRA of LoHa",
        "LoKr with a middle factor",
        *(
            pytest.param(kind, marks=pytest.mark.thorough)
            for kind in ("full differences, biases and norms", "LoHa")
        ),
    ],
)
def test_pictures_are_those_that_lycoris_computes(home: Path, kind: str) -> None:
    """With half of the rank as alpha, by LyCORIS' own layers in diffusers' UNet."""
    folder = home / "models" / "tiny"
    pipe: Any = StableDiffusionPipeline.from_pretrained(str(folder))
    pipe.set_progress_bar_config(disable=True)
    scheduler_for(pipe, "euler")
    prompt, size = "a panda at the beach", (64, 64)
    before = np.asarray(pipe(prompt, width=64, height=64, **arguments(4.0)).images[0])
    weight = 1.0 if "DoRA" in kind else 0.7
    network = make_change(pipe.unet, home / "loras" / "made.safetensors", kind, alpha=RANK / 2)
    network.apply_to()
    network.set_multiplier(weight)
    expected = np.asarray(pipe(prompt, width=64, height=64, **arguments(4.0)).images[0])
    for options, least in (({"memory": "1GB"}, MINIMUM_DB), ({"weights": "int8"}, 22.0)):
        stages = get_backend("cpu_offload").open(folder, options)
        ours = make(stages, size, search=(home,), prompt=f"{prompt} <lora:made:{weight}>")
        stages.close()
        assert psnr(ours, expected) >= least
    assert psnr(before, expected) < 45
