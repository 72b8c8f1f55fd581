"""`mezzotint import --ask`: what has to be decided first, and `--as`: files that are no models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from backends.core.quiet import quiet
from convert.source.additions import addition_in
from tests import upscaler_files
from tests.convert import single_files, single_files_transformers
from tests.desktop.addition_files import write_lora
from tests.desktop.cli_runner import Mezzotint
from tests.tiny_models import EPSILON, make_tiny_refiner


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of models, and files of their parts."""
    quiet()
    place = tmp_path_factory.mktemp("asking")
    for version, name in (("1.x", "one"), ("2.x", "two"), ("XL", "large")):
        folder = single_files.make_folder(place / name, version)
        save_file(single_files.single_file(folder, version), place / f"{name}.safetensors")
    unet, vae = {}, {}
    for key, value in load_file(place / "one.safetensors").items():
        if key.startswith("model.diffusion_model."):
            unet[key] = value
        if key.startswith("first_stage_model."):
            vae[key] = value
    save_file(unet, place / "fox-unet.safetensors")
    save_file(vae, place / "fox-vae.safetensors")
    zimage = single_files_transformers.make_folder(place / "zimage", "zimage")
    for part in ("transformer", "text_encoder"):
        tensors = single_files_transformers.original(zimage, part)
        single_files_transformers.write(place / f"z_image_turbo_{part}.safetensors", tensors)
    return place


@pytest.fixture
def models(home: Path, place: Path) -> Path:
    for name in ("one", "two", "large", "zimage"):
        shutil.copytree(place / name, home / "models" / name)
    return home / "models"


def asked(mezzotint: Mezzotint, *words: object) -> dict[str, Any]:
    ran = mezzotint("import", *map(str, words), "--ask")
    assert ran.code == 0, ran.err
    (line,) = [each for each in ran.out.splitlines() if each.startswith('{"question"')]
    return json.loads(line)["question"]


def fitting(told: dict[str, Any]) -> list[str]:
    return [each["name"] for each in told["bases"] if not each["misfit"]]


def test_a_unet_alone_is_offered_the_models_that_fit(mezzotint: Mezzotint, place: Path, models: Path) -> None:
    told = asked(mezzotint, place / "fox-unet.safetensors")
    assert (told["of"], told["parts"], told["lacks"]) == ("1.x", ["unet"], ["text_encoder", "vae"])
    assert fitting(told)[0] == "one"
    assert "large" not in {each["name"] for each in told["bases"]}
    assert told["get"]["title"] == "Stable Diffusion 1.5"
    assert not (models / "fox-unet").exists()
    for base in told["bases"]:  # what is offered can be imported, and what is grey can't
        words = ("--name", f"by-{base['name']}", "--base", base["folder"])
        ran = mezzotint("import", str(place / "fox-unet.safetensors"), *words)
        assert (ran.code == 0) != bool(base["misfit"]), ran.err
        assert (models / f"by-{base['name']}").exists() != bool(base["misfit"])
    ran = mezzotint("import", str(place / "fox-unet.safetensors"), "--base", "large")
    assert "can't take its other parts from large. It is a model of another family." in ran.err


def test_a_vae_can_be_kept_or_become_a_model(mezzotint: Mezzotint, place: Path, models: Path) -> None:
    told = asked(mezzotint, place / "fox-vae.safetensors")
    assert (told["addition"], told["parts"], told["latents"]) == ("vae", ["vae"], 4)
    assert {"one", "two", "large"} <= set(fitting(told))
    assert "zimage" not in fitting(told)
    assert not fitting(told)[0].startswith("starter")
    (models.parent / "sdxl_vae.safetensors").hardlink_to(place / "fox-vae.safetensors")
    assert fitting(asked(mezzotint, models.parent / "sdxl_vae.safetensors"))[0] == "large"


def test_a_transformer_is_offered_its_own_kind_only(mezzotint: Mezzotint, place: Path, models: Path) -> None:
    told = asked(mezzotint, place / "z_image_turbo_transformer.safetensors")
    assert (told["of"], told["lacks"]) == ("zimage", ["text_encoder", "vae"])
    assert [each["name"] for each in told["bases"]] == ["zimage"]
    assert fitting(told) == ["zimage"]
    config = json.loads((models / "zimage/transformer/config.json").read_text())
    (models / "zimage/transformer/config.json").write_text(json.dumps(config | {"n_layers": 3}))
    told = asked(mezzotint, place / "z_image_turbo_transformer.safetensors")
    assert told["bases"][0]["misfit"] == "Its parts are built otherwise."
    shutil.rmtree(models / "zimage")
    told = asked(mezzotint, place / "z_image_turbo_transformer.safetensors")
    assert told["bases"] == []
    assert told["get"] == {"name": "z-image-turbo", "title": "Z-Image Turbo", "gigabytes": 32.9}
    told = asked(mezzotint, place / "z_image_turbo_text_encoder.safetensors")
    assert (told["of"], told["parts"], told["lacks"]) == ("", ["text_encoder"], ["transformer", "vae"])
    make_tiny_refiner(models / "refiner", EPSILON)  # it has no such part at all
    file = place / "z_image_turbo_text_encoder.safetensors"
    assert asked(mezzotint, file)["bases"] == []
    ran = mezzotint("import", str(file), "--base", "refiner")
    assert (ran.code, "refiner has no text encoder." in ran.err) == (2, True)


def test_a_file_of_version_2_asks_what_it_predicts(mezzotint: Mezzotint, place: Path, home: Path) -> None:
    told = asked(mezzotint, place / "two.safetensors")
    assert (told["lacks"], told["prediction"]) == ([], "v_prediction")
    assert told["because"] == "most files of version 2.x do"
    assert not (home / "models" / "two").exists()
    answered = ("--name", "two", "--prediction", "epsilon")
    assert mezzotint("import", str(place / "two.safetensors"), *answered).code == 0
    schedule = json.loads((home / "models/two/scheduler/scheduler_config.json").read_text())
    assert schedule["prediction_type"] == "epsilon"


def test_a_whole_file_is_imported_without_a_question_and_asks_for_a_name_once(
    mezzotint: Mezzotint, place: Path, home: Path
) -> None:
    assert mezzotint("import", str(place / "one.safetensors"), "--ask").code == 0
    assert (home / "models" / "one").exists()
    told = asked(mezzotint, place / "one.safetensors")
    assert (told["name"], told["taken"], told["lacks"]) == ("one-2", True, [])


def test_a_pickle_is_asked_about_when_it_has_been_read(
    mezzotint: Mezzotint, place: Path, models: Path, tmp_path: Path
) -> None:
    torch.save({"state_dict": load_file(place / "fox-unet.safetensors")}, tmp_path / "fox.ckpt")
    told = asked(mezzotint, tmp_path / "fox.ckpt")
    assert (told["source"], told["name"]) == (str(tmp_path / "fox.ckpt"), "fox")
    assert fitting(told)[0] == "one"
    assert not list(models.glob(".importing-*"))


def _write(path: Path, kind: str) -> Path:
    match kind:
        case "lora":
            return write_lora(path, 16, 16)
        case "controlnet":
            tensors = {
                "controlnet_cond_embedding.conv_in.weight": torch.zeros(2, 3, 3, 3),
                "conv_in.weight": torch.zeros(320, 4, 3, 3),
                "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": torch.zeros(8, 768),
            }
        case "upscaler":
            tensors = upscaler_files.esrgan()
        case _:
            tensors = {"emb_params": torch.zeros(2, 768)}
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("kind", ["lora", "controlnet", "upscaler", "embedding"])
def test_what_is_no_model_is_kept_where_its_kind_is(
    mezzotint: Mezzotint, home: Path, tmp_path: Path, kind: str
) -> None:
    file = _write(tmp_path / "thing.safetensors", kind)
    told = asked(mezzotint, file)
    folder = home / f"{kind}s"
    assert (told["addition"], told["folder"]) == (kind, str(folder))
    ran = mezzotint("import", str(file))
    assert (ran.code, f"mezzotint import thing.safetensors --as {kind}" in ran.err) == (1, True)
    for _ in range(2):  # the same once more changes nothing
        ran = mezzotint("import", str(file), "--as", kind)
        assert (ran.code, ran.out.strip()) == (0, str(folder / file.name)), ran.err
    assert [each.name for each in folder.iterdir()] == [file.name]
    assert (folder / file.name).read_bytes() == file.read_bytes()
    (folder / file.name).unlink()
    (folder / file.name).write_bytes(b"another")
    assert mezzotint("import", str(file), "--as", kind).out.strip() == str(folder / "thing-2.safetensors")
    assert (folder / file.name).read_bytes() == b"another"


def test_pickles_are_written_anew_or_kept_as_embeddings(
    mezzotint: Mezzotint, home: Path, tmp_path: Path
) -> None:
    torch.save({"params_ema": upscaler_files.esrgan()}, tmp_path / "x4.pth")
    assert asked(mezzotint, tmp_path / "x4.pth")["addition"] == "upscaler"
    assert mezzotint("import", str(tmp_path / "x4.pth"), "--as", "upscaler").code == 0
    kept = load_file(home / "upscalers" / "x4.safetensors")
    assert all(torch.equal(kept[key], value) for key, value in upscaler_files.esrgan().items())
    vector = torch.nn.Parameter(torch.ones(2, 768))
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": vector}}, tmp_path / "word.pt")
    assert asked(mezzotint, tmp_path / "word.pt")["addition"] == "embedding"
    assert mezzotint("import", str(tmp_path / "word.pt"), "--as", "embedding").code == 0
    assert (home / "embeddings/word.pt").read_bytes() == (tmp_path / "word.pt").read_bytes()


def test_a_vae_of_diffusers_keeps_its_name_and_words(mezzotint: Mezzotint, place: Path, home: Path) -> None:
    file = place / "one/vae/diffusion_pytorch_model.safetensors"
    assert mezzotint("import", str(file), "--as", "vae").code == 0
    assert (home / "vae/vae/config.json").read_text() == file.with_name("config.json").read_text()
    told = asked(mezzotint, place / "one/vae")  # as a folder of it is dropped
    assert (told["addition"], told["source"], "parts" in told) == ("vae", str(file), False)
    ran = mezzotint("import", str(place / "fox-unet.safetensors"), "--as", "lora")
    assert (ran.code, "fox-unet.safetensors is no LoRA." in ran.err) == (2, True)
    assert not list((home / "loras").iterdir())


@pytest.mark.parametrize("kind", upscaler_files.KINDS)
def test_upscalers_of_every_layout_are_told(kind: str) -> None:
    shapes = {key: tuple(each.shape) for key, each in upscaler_files.KINDS[kind]().items()}
    assert addition_in(shapes) == "upscaler"


def test_models_are_no_additions(place: Path) -> None:
    for path in place.glob("*.safetensors"):
        shapes = {key: tuple(each.shape) for key, each in load_file(path).items()}
        assert addition_in(shapes) == ("vae" if path.stem == "fox-vae" else "")
