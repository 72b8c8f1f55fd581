"""Model folders: what is in them, and what is said of a damaged one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from backends.core.contract import BrokenModel
from backends.core.model_folder import open_folder, read_facts
from backends.core.registry import get_backend

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model")


def test_facts_come_from_the_configuration(tiny_model: Path) -> None:
    facts = read_facts(tiny_model)
    assert (facts.family, facts.latent_channels, facts.latent_scale) == ("sd1", 4, 8)
    assert facts.latent_shape(96, 64) == (1, 4, 8, 12)
    assert (facts.defaults.width, facts.token_limit, facts.prediction_type) == (64, 24, "epsilon")


def test_our_manifest_sets_the_defaults(model: Path) -> None:
    defaults = {"width": 96, "height": 64, "steps": 9, "guidance_scale": 2.5, "sampler": "ddim"}
    (model / "model.json").write_text(json.dumps({"name": "mine", "defaults": defaults}))
    facts = read_facts(model)
    assert facts.name == "mine"
    assert (facts.defaults.width, facts.defaults.steps, facts.defaults.sampler) == (96, 9, "ddim")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def scramble_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8:40] = b"\xff" * 32
    path.write_bytes(bytes(data))


def huge_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:8] = b"\xff" * 8
    path.write_bytes(bytes(data))


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [Path.unlink, empty, cut, lengthen, scramble_header, huge_header])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_damaged_weights_are_named(model: Path, part: str, damage: Callable[[Path], None]) -> None:
    damage(next((model / part).glob("*.safetensors")))
    with pytest.raises(BrokenModel) as caught:
        get_backend("cpu_offload").open(model, {})
    assert part in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer_config.json",
    ],
)
@pytest.mark.parametrize("damage", [Path.unlink, empty, cut])
def test_damaged_configuration_is_named(model: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(model / name)
    with pytest.raises(BrokenModel, match=Path(name).name):
        read_facts(model)


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
@pytest.mark.parametrize("damage", [Path.unlink, empty])
def test_a_damaged_tokenizer_is_an_error_not_another_picture(
    model: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(model / "tokenizer" / name)
    with pytest.raises(BrokenModel, match=name):
        get_backend("cpu_offload").open(model, {})


def test_one_changed_byte_is_found_by_the_listed_hash(model: Path) -> None:
    digest = hashlib.sha256((model / UNET).read_bytes()).hexdigest()
    (model / "model.json").write_text(json.dumps({"files": {UNET: {"sha256": digest}}}))
    assert open_folder(model).model_hash() == digest
    get_backend("cpu_offload").open(model, {}).close()
    data = bytearray((model / UNET).read_bytes())
    data[-5] ^= 1
    (model / UNET).write_bytes(bytes(data))
    with pytest.raises(BrokenModel, match="damaged"):
        get_backend("cpu_offload").open(model, {})


def test_weights_that_do_not_fit_the_configuration_are_refused(model: Path) -> None:
    config = json.loads((model / "unet/config.json").read_text())
    (model / "unet/config.json").write_text(json.dumps(config | {"block_out_channels": [32, 96]}))
    with pytest.raises(BrokenModel, match="do not fit together"):
        get_backend("cpu_offload").open(model, {})


def test_other_kinds_of_model_are_named(model: Path) -> None:
    index = json.loads((model / "model_index.json").read_text())
    index |= {"_class_name": "FluxPipeline", "unet": ["diffusers", "FluxTransformer2DModel"]}
    (model / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(BrokenModel, match="FluxPipeline"):
        read_facts(model)


def test_editing_models_are_named(model: Path) -> None:
    config = json.loads((model / "unet/config.json").read_text())
    (model / "unet/config.json").write_text(json.dumps(config | {"in_channels": 8}))
    with pytest.raises(BrokenModel, match="editing"):
        read_facts(model)


def test_pickled_weights_are_refused(model: Path) -> None:
    (model / UNET).rename(model / "unet/diffusion_pytorch_model.bin")
    with pytest.raises(BrokenModel, match="pickle"):
        get_backend("cpu_offload").open(model, {})


def test_half_precision_files_are_opened(model: Path) -> None:
    for path in model.rglob("*.safetensors"):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    get_backend("cpu_offload").open(model, {}).close()


def test_no_folder_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="There is no folder"):
        read_facts(tmp_path / "nowhere")
    with pytest.raises(BrokenModel, match="not a model folder"):
        read_facts(tmp_path)


ODD_VALUES = [
    ("model.json", {"defaults": {"width": "abc"}}),
    ("model.json", {"defaults": {"width": -8}}),
    ("model.json", {"defaults": {"sampler": "nope"}}),
    ("model.json", {"defaults": []}),
    ("vae/config.json", {"block_out_channels": 5}),
    ("vae/config.json", {"latent_channels": "x"}),
    ("vae/config.json", {"scaling_factor": "x"}),
    ("unet/config.json", {"sample_size": "x"}),
    ("model_index.json", {"text_encoder": 5}),
    ("model_index.json", {"unet": []}),
    ("tokenizer/tokenizer_config.json", {"model_max_length": "x"}),
]


@pytest.mark.parametrize(("name", "change"), ODD_VALUES)
def test_values_that_make_no_sense_are_a_broken_model(
    model: Path, name: str, change: dict[str, object]
) -> None:
    file = model / name
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | change))
    with pytest.raises(BrokenModel):
        read_facts(model)


@pytest.mark.parametrize("files", [[], {UNET: "text"}, {UNET: {"sha256": 5}}, {"gone/file": {"sha256": "0"}}])
def test_a_manifest_of_the_wrong_shape_is_a_broken_model(model: Path, files: object) -> None:
    (model / "model.json").write_text(json.dumps({"files": files}))
    with pytest.raises(BrokenModel):
        get_backend("cpu_offload").open(model, {})


def test_a_tokenizer_without_a_limit_reads_77_tokens(model: Path) -> None:
    """Older models' tokenizer_config.json says 10^30, or nothing."""
    (model / "tokenizer/tokenizer_config.json").write_text("{}")
    assert read_facts(model).token_limit == 77


def make_variant(base: Path) -> Path:
    """A variant beside `base` whose change adds to one convolution and one linear layer."""
    variant = base.parent / "variant"
    variant.mkdir()
    torch.manual_seed(1)
    change = {
        "unet.conv_in.lora_A.weight": torch.randn(2, 4, 3, 3) / 6,
        "unet.conv_in.lora_B.weight": torch.randn(32, 2, 1, 1),
        "unet.time_embedding.linear_1.lora_A.weight": torch.randn(3, 32) / 6,
        "unet.time_embedding.linear_1.lora_B.weight": torch.randn(128, 3),
    }
    save_file(change, variant / "change.safetensors")
    digest = hashlib.sha256((variant / "change.safetensors").read_bytes()).hexdigest()
    files = {"change.safetensors": {"sha256": digest}}
    manifest = {"name": "fast", "base": base.name, "change": "change.safetensors", "files": files}
    (variant / "model.json").write_text(json.dumps(manifest))
    return variant


def test_a_variant_is_its_base_with_changed_weights(model: Path) -> None:
    variant, latents = make_variant(model), torch.randn(1, 4, 8, 8)
    assert read_facts(variant).name == "fast"
    reference = UNet2DConditionModel.from_pretrained(model / "unet")
    change = load_file(variant / "change.safetensors")
    with torch.no_grad():
        conv, linear = reference.conv_in, reference.time_embedding.linear_1
        up, down = (change[f"unet.conv_in.lora_{side}.weight"] for side in "BA")
        conv.weight += torch.einsum("or,rihw->oihw", up[:, :, 0, 0], down)
        up, down = (change[f"unet.time_embedding.linear_1.lora_{side}.weight"] for side in "BA")
        linear.weight += up @ down
        states = torch.randn(1, 24, 32)
        expected = reference(latents, 500, states).sample
    stages = get_backend("cpu_offload").open(variant, {})
    found = stages.denoise(latents, 500, {"encoder_hidden_states": states})
    assert torch.allclose(found, expected, atol=1e-5)
    assert open_folder(variant).model_hash() != open_folder(model).model_hash()


def test_a_variant_with_a_damaged_change_is_refused(model: Path) -> None:
    variant = make_variant(model)
    cut(variant / "change.safetensors")
    with pytest.raises(BrokenModel, match="cut short"):
        open_folder(variant).check_files()


@pytest.mark.parametrize("base", ["../model", "..", "variant", "other", "nowhere", 7])
def test_a_variant_without_a_base_beside_it_is_refused(model: Path, base: object) -> None:
    variant = make_variant(model)
    manifest = json.loads((variant / "model.json").read_text())
    (variant / "model.json").write_text(json.dumps({**manifest, "base": base}))
    other = shutil.copytree(variant, variant.parent / "other")
    (other / "model.json").write_text(json.dumps({**manifest, "base": "variant"}))
    with pytest.raises(BrokenModel):
        open_folder(variant)
