"""`mezzotint loras`, and what it reads: for which models a file is, the words that wake it, what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from backends.core import lora_facts, lora_fit
from backends.core.contract import InvalidRequest
from backends.core.lora import additions
from backends.core.model_folder import open_folder
from tests.desktop.cli_runner import Mezzotint
from tests.families.lora_files import pairs, save_as_peft
from tests.tiny_flux2 import make_tiny_flux2
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_sdxl
from tests.tiny_sana import make_tiny_sana
from tests.tiny_transformers import make_tiny_sd3
from tests.tiny_zimage import make_tiny_zimage

ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


TRANSFORMERS = {
    "sd3": (make_tiny_sd3, "joint_blocks.0.x_block.attn.qkv", (48, 16), "Stable Diffusion 3"),
    "flux2": (make_tiny_flux2, "single_blocks.0.linear1", (288, 32), "FLUX.2"),
    "zimage": (make_tiny_zimage, "layers.0.attention.qkv", (96, 32), ""),
    "sana": (make_tiny_sana, "blocks.0.mlp.inverted_conv.conv", (80, 16, 1, 1), "SANA"),
}
"""How each is made, a layer by its maker's name, the shape of its weight, and what the name says alone."""


@pytest.fixture(scope="module")
def transformers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("transformers")
    return {name: made[0](home / name) for name, made in TRANSFORMERS.items()}


@pytest.mark.parametrize("kind", TRANSFORMERS)
@pytest.mark.parametrize("prefix", ["diffusion_model.", "lora_unet_"])
def test_a_lora_for_another_transformer_says_which(
    transformers: dict[str, Path], tmp_path: Path, kind: str, prefix: str
) -> None:
    """Before, from headers, and when a picture is made, by one rule."""
    _, layer, (out, *into), base = TRANSFORMERS[kind]
    stem = prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)
    ones = (1,) * (len(into) - 1)
    file = write(tmp_path / "a.safetensors", stem, (2, *into), (out, 2, *ones))
    facts = lora_facts.read_facts(file)
    for name, model in transformers.items():
        folder = open_folder(model)
        told = lora_fit.misfit(facts, lora_fit.read_model(folder))
        if name == kind:
            assert told == ""
            assert additions(folder, [(file, 1.0)]).keys() == {"transformer"}
            continue
        assert told == (f"It is for {base}, and this model is of another kind." if base else lora_fit.ANOTHER)
        with pytest.raises(InvalidRequest) as caught:
            additions(folder, [(file, 1.0)])
        assert f"is for {base or 'a model of another kind'}" in caught.value.message


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("models")
    return {
        "sd1": make_tiny_model(home / "sd1", EPSILON),
        "sdxl": make_tiny_sdxl(home / "sdxl", EPSILON),
    }


def write(file: Path, stem: str, down: tuple[int, ...], up: tuple[int, ...], **told: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"{stem}.lora_down.weight": torch.zeros(down), f"{stem}.lora_up.weight": torch.zeros(up)}
    save_file(tensors, file, told)
    return file


def widths(model: Path) -> tuple[int, int]:
    """Inputs and outputs of ATTENTION in this model."""
    (file,) = open_folder(model).weight_files("unet")
    out, into = lora_facts.read_facts(file).shapes[f"{ATTENTION}.weight"]
    return into, out


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
@pytest.mark.parametrize("layout", ["peft", "kohya"])
def test_what_the_header_says_is_what_making_a_picture_says(
    models: dict[str, Path], tmp_path: Path, kind: str, layout: str
) -> None:
    other = models["sdxl" if kind == "sd1" else "sd1"]
    into, out = widths(models[kind])
    file, changes = tmp_path / "a.safetensors", pairs({f"unet.{ATTENTION}": torch.Size((out, into))}, 1)
    stem = f"unet.{ATTENTION}"
    if layout == "peft":
        save_as_peft(file, changes)
    else:
        write(file, f"lora_unet_{ATTENTION.replace('.', '_')}", (3, into), (out, 3))
    assert stem in changes
    for model in (models[kind], other):
        folder = open_folder(model)
        told = lora_fit.misfit(lora_facts.read_facts(file), lora_fit.read_model(folder))
        try:
            additions(folder, [(file, 1.0)])
            refused = False
        except InvalidRequest:
            refused = True
        assert bool(told) == refused
    assert lora_fit.misfit(lora_facts.read_facts(file), lora_fit.read_model(open_folder(models[kind]))) == ""


@pytest.mark.parametrize(
    ("width", "told", "base"),
    [
        (768, {}, "Stable Diffusion 1"),
        (1024, {}, "Stable Diffusion 2"),
        (2048, {}, "Stable Diffusion XL"),
        (64, {}, ""),
        (768, {"ss_base_model_version": "sdxl_base_v1-0"}, "Stable Diffusion XL"),
        (64, {"modelspec.architecture": "stable-diffusion-v1/lora"}, "Stable Diffusion 1"),
    ],
)
def test_for_which_models_a_lora_is(tmp_path: Path, width: int, told: dict[str, str], base: str) -> None:
    stem = f"lora_unet_{ATTENTION.replace('.', '_')}"
    file = write(tmp_path / "a.safetensors", stem, (4, width), (8, 4), **told)
    assert lora_facts.read_facts(file).base == base


@pytest.mark.parametrize(
    ("stem", "down", "up", "base"),
    [
        ("lora_unet_joint_blocks_0_x_block_attn_qkv", 1536, 4608, "Stable Diffusion 3"),
        ("transformer.transformer_blocks.0.attn.to_q", 2432, 2432, "Stable Diffusion 3"),
        ("lora_unet_single_blocks_0_linear1", 3072, 21504, "FLUX.1"),
        ("lora_unet_double_blocks_0_img_mlp_0", 3072, 12288, "FLUX.1"),
        ("diffusion_model.single_blocks.0.linear1", 3072, 27648, "FLUX.2"),
        ("lora_unet_double_blocks_0_txt_mlp_0", 4096, 24576, "FLUX.2"),
        ("transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj", 3072, 27648, "FLUX.2"),
        ("transformer.single_transformer_blocks.0.attn.to_q", 3072, 3072, "FLUX.1"),
        ("transformer.transformer_blocks.0.attn.to_q", 3072, 3072, ""),
        ("diffusion_model.layers.0.attention.to_q", 3840, 3840, "Z-Image"),
        ("lora_unet_layers_0_attention_qkv", 3840, 11520, "Z-Image"),
        ("lora_unet_layers_0_attention_qkv", 2304, 6912, "Lumina"),
        ("transformer.transformer_blocks.0.attn1.to_q", 2240, 2240, "SANA"),
        ("transformer.transformer_blocks.0.ff.conv_inverted", 1152, 5760, "SANA"),
        ("transformer.transformer_blocks.0.img_mlp.net.2", 12288, 3072, "Qwen-Image"),
    ],
)
def test_for_which_transformers_a_lora_is(tmp_path: Path, stem: str, down: int, up: int, base: str) -> None:
    """By the widths of the published models."""
    file = write(tmp_path / "a.safetensors", stem, (4, down), (up, 4))
    assert lora_facts.read_facts(file).base == base


@pytest.mark.parametrize(
    ("told", "base"),
    [("Flux.2-klein-4b/lora", "FLUX.2"), ("flux-1-dev/lora", "FLUX.1"), ("Z-Image/lora", "Z-Image"),
     ("stable-diffusion-3-5-large/lora", "Stable Diffusion 3")],
)  # fmt: skip
def test_what_trainers_write(tmp_path: Path, told: str, base: str) -> None:
    """sd-scripts and musubi-tuner."""
    file = write(tmp_path / "a.safetensors", "x", (1, 1), (1, 1), **{"modelspec.architecture": told})
    assert lora_facts.read_facts(file).base == base


def test_words_come_from_the_file_and_from_the_notes_beside_it(tmp_path: Path) -> None:
    counted = json.dumps({"10_x": {"ink style": 40, "1girl": 3}, "5_y": {"1girl": 60}})
    file = write(tmp_path / "a.safetensors", "x", (1, 1), (1, 1), ss_tag_frequency=counted)
    assert lora_facts.read_facts(file).words == ("1girl", "ink style")
    (tmp_path / "a.civitai.info").write_text(json.dumps({"trainedWords": ["inkstyle, sumi-e", "inkstyle"]}))
    assert lora_facts.read_facts(file).words == ("inkstyle", "sumi-e")
    (tmp_path / "a.json").write_text(json.dumps({"activation text": "brush"}))
    assert lora_facts.read_facts(file).words[0] == "brush"
    (tmp_path / "a.json").write_text("[")
    (tmp_path / "a.civitai.info").write_text("[1]")
    assert lora_facts.read_facts(file).words == ("1girl", "ink style")


def test_what_can_not_be_read_is_told_before(models: dict[str, Path], tmp_path: Path) -> None:
    into, out = widths(models["sd1"])
    folder, file, stem = open_folder(models["sd1"]), tmp_path / "a.safetensors", f"unet.{ATTENTION}"
    down, up = torch.zeros(2, into), torch.zeros(out, 2)
    pair_of_it = {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}
    for tensors, words in (
        ({f"{stem}.lora_A.weight": down}, f"is damaged: a part of {stem} is missing"),
        ({f"{stem}.oft_blocks": torch.zeros(1, 2, 2)}, "is OFT, which this version can't read"),
        (
            pair_of_it | {f"{stem}.lora_B.bias": torch.zeros(out)},
            "is a change of biases that this model lacks",
        ),
        (pair_of_it, ""),
    ):
        save_file(tensors, file)
        told = lora_fit.misfit(lora_facts.read_facts(file), lora_fit.read_model(folder))
        assert words in told
        if not words:
            assert told == ""
            continue
        with pytest.raises(InvalidRequest) as caught:
            additions(folder, [(file, 1.0)])
        assert words in caught.value.message


def test_lycoris_shapes(models: dict[str, Path], tmp_path: Path) -> None:
    into, out = widths(models["sd1"])
    stem, model = f"lora_unet_{ATTENTION.replace('.', '_')}", lora_fit.read_model(open_folder(models["sd1"]))
    for wrong in (0, 1):
        sides = {"hada_w1_a": (out + wrong, 2), "hada_w1_b": (2, into), "hada_w2_a": (out, 2)}
        hadamard = sides | {"hada_w2_b": (2, into)}
        kronecker = {"lokr_w1": (4, 4), "lokr_w2_a": (out // 4 + wrong, 2), "lokr_w2_b": (2, into // 4)}
        for shapes in (hadamard, kronecker):
            file = tmp_path / "a.safetensors"
            save_file({f"{stem}.{name}": torch.zeros(shape) for name, shape in shapes.items()}, file)
            assert bool(lora_fit.misfit(lora_facts.read_facts(file), model)) == bool(wrong)


def test_everything_is_listed_with_its_fit(mezzotint: Mezzotint, home: Path, models: dict[str, Path]) -> None:
    into, out = widths(models["sd1"])
    stem = f"lora_unet_{ATTENTION.replace('.', '_')}"
    write(
        home / "loras/deep/ink.safetensors", stem, (2, into), (out, 2), **{"modelspec.trigger_phrase": "ink"}
    )
    write(home / "loras/large.safetensors", stem, (2, 2048), (1280, 2))
    (home / "loras/damaged.safetensors").write_bytes(b"no")
    (home / "embeddings").mkdir()
    width = open_folder(models["sd1"]).configs["text_encoder"]["hidden_size"]
    save_file({"emb_params": torch.zeros(2, width)}, home / "embeddings/moody.safetensors")
    save_file({"clip_l": torch.zeros(2, 7), "clip_g": torch.zeros(2, 9)}, home / "embeddings/xl.safetensors")
    (home / "embeddings/old.pt").write_bytes(b"a pickle that is not opened")
    (home / "wildcards/in").mkdir(parents=True)
    (home / "wildcards/in/animal.txt").write_text("# mine\nfox\nowl\n")
    (home / "wildcards/empty.txt").write_text("\n")
    ran = mezzotint("loras", "--model", str(models["sd1"]), "--json")
    told = json.loads(ran.out)
    found = {each["name"]: each for each in told["additions"]}
    fits = {name: each["fits"] for name, each in found.items() if each["kind"] != "wildcard"}
    assert fits == {"ink": True, "large": False, "damaged": None, "moody": True, "xl": False, "old": None}
    assert found["ink"]["words"] == ["ink"]
    assert found["large"]["base"] == "Stable Diffusion XL"
    assert "its header can't be read" in found["damaged"]["problem"]
    assert (found["in/animal"]["lines"], found["in/animal"]["written"]) == (2, "__in/animal__")
    assert "is empty" in found["empty"]["problem"]
    assert told["folders"]["lora"] == str(home / "loras")
    ran = mezzotint("loras", "--model", str(models["sd1"]))
    assert f"ink: it names no kind of model, fits {models['sd1']}, words: ink" in ran.out
    assert "in/animal: 2 choices" in ran.out


def test_other_programs_folders_are_searched(mezzotint: Mezzotint, home: Path, tmp_path: Path) -> None:
    write(tmp_path / "webui/models/Lora/theirs.safetensors", "x", (1, 1), (1, 1))
    ran = mezzotint("loras", "--model", "tiny", "--models", str(tmp_path / "webui"), "--json")
    assert [each["name"] for each in json.loads(ran.out)["additions"]] == ["theirs"]


def test_without_any_the_folders_are_said(mezzotint: Mezzotint, home: Path) -> None:
    ran = mezzotint("loras", "--model", "tiny")
    assert ran.code == 0
    assert ran.out.count("none yet") == 3
    assert f"put more into {home / 'loras'}" in ran.out
    assert "There is no model called 'nothing'" in mezzotint("loras", "--model", "nothing").err
