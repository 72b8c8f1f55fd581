"""Single files become folders that make the same pixels as the folders they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from backends.core import pipeline
from backends.core.contract import BrokenModel, InvalidRequest, PictureReady, Request
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from convert.source.kinds import REFINER, guess_prediction
from tests.convert import single_files_sd3
from tests.convert.elsewhere import Imported, import_cut_off
from tests.convert.single_files import make_folder, single_file

VERSIONS = ("1.x", "2.x", "XL", REFINER)
WITH_TRANSFORMER = "3.5"
SUFFIXES = {
    "1.x": ("safetensors", "ckpt"),
    "2.x": ("safetensors",),
    "XL": ("safetensors", "ckpt"),
    REFINER: ("safetensors",),
    WITH_TRANSFORMER: ("safetensors",),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("made")
    made = {version: make_folder(place / f"sd-{version}", version) for version in VERSIONS}
    return made | {WITH_TRANSFORMER: single_files_sd3.make_folder(place / "sd-3.5", newer=True)}


@pytest.fixture(scope="module")
def files(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    place = tmp_path_factory.mktemp("files")
    found: dict[tuple[str, str], Path] = {}
    for version, folder in folders.items():
        of_3 = version == WITH_TRANSFORMER
        tensors = single_files_sd3.single_file(folder) if of_3 else single_file(folder, version)
        for suffix in SUFFIXES[version]:
            path = found[version, suffix] = place / f"friends-512-{version}.{suffix}"
            if suffix == "ckpt":
                torch.save({"state_dict": tensors, "global_step": 3}, path)
            else:
                save_file(tensors, path)
    return found


@pytest.fixture(scope="module")
def imported(
    files: dict[tuple[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Imported]:
    """In a network namespace of its own where that is allowed."""
    models = tmp_path_factory.mktemp("models")
    found = import_cut_off(models, [*map(str, files.values())])
    yield found
    assert sorted(path.name for path in models.iterdir()) == sorted(p.name for p in found.folders.values())


def _pixels(folder: Path) -> np.ndarray:
    request = Request(
        prompt="a panda, at the beach",
        seed=7,
        steps=2,
        width=64,
        height=64,
        guidance_scale=5.0,
        sampler="euler",
    )
    stages = get_backend("cpu_offload").open(folder, {})
    try:
        events = list(pipeline.generate(request, stages, previews=False))
    finally:
        stages.close()
    picture = next(event.picture for event in events if isinstance(event, PictureReady))
    return np.frombuffer(picture.rgb, np.uint8)


def _weights(folder: Path) -> dict[str, str]:
    found = sorted(folder.rglob("*.safetensors"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_the_import_had_no_network(imported: Imported) -> None:
    if not imported.cut_off:
        pytest.skip("this system allows no network namespace, so the imports ran with the network there")
    assert not imported.reached


@pytest.mark.parametrize("version", SUFFIXES)
def test_same_pixels(
    folders: dict[str, Path], files: dict[tuple[str, str], Path], imported: Imported, version: str
) -> None:
    first = imported.folders[str(files[version, "safetensors"])]
    assert np.array_equal(_pixels(first), _pixels(folders[version]))
    for suffix in SUFFIXES[version]:
        source = files[version, suffix]
        folder = imported.folders[str(source)]
        assert _weights(folder) == _weights(first)
        told = json.loads((folder / "model.json").read_text())["imported"]
        assert told["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        assert told["short"] == told["sha256"][:10]
        kind = "flow_prediction" if version == WITH_TRANSFORMER else "epsilon"
        assert open_folder(folder).facts.prediction_type == kind


@pytest.mark.parametrize(
    ("name", "prediction"),
    [("v2-1_768-ema-pruned", "v_prediction"), ("512-base-ema", "epsilon"), ("sd_turbo", "epsilon")],
)
def test_version_2_is_told_apart_by_its_published_names(name: str, prediction: str) -> None:
    guess, why = guess_prediction(name, "2.x")
    assert guess == prediction
    assert why


def test_v_prediction_is_read_from_the_file(folders: dict[str, Path], tmp_path: Path) -> None:
    tensors = single_file(folders["1.x"], "1.x") | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    save_file(tensors, tmp_path / "v.safetensors")
    folder = import_model(Wish(source=tmp_path / "v.safetensors", models=tmp_path / "models"))
    assert open_folder(folder).facts.prediction_type == "v_prediction"
    assert open_folder(folder).configs["scheduler"]["rescale_betas_zero_snr"] is True


def test_a_vae_alone_needs_a_base_and_takes_the_rest_from_it(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    whole = single_file(folders["1.x"], "1.x")
    stem = "first_stage_model."
    vae = {k.removeprefix(stem): v * 0.5 for k, v in whole.items() if k.startswith(stem)}
    save_file(vae, tmp_path / "vae.safetensors")
    wish = Wish(source=tmp_path / "vae.safetensors", models=tmp_path / "models")
    with pytest.raises(BrokenModel, match="holds no text encoder and no UNet"):
        import_model(wish)
    assert list(wish.models.iterdir()) == []
    folder = import_model(Wish(source=wish.source, models=wish.models, base=folders["1.x"]))
    linked = folder / "unet/diffusion_pytorch_model.safetensors"
    assert linked.samefile(folders["1.x"] / "unet/diffusion_pytorch_model.safetensors")
    assert not np.array_equal(_pixels(folder), _pixels(folders["1.x"]))


def of_channels(folder: Path, version: str, channels: int, path: Path) -> Path:
    """The same model with a UNet that takes so many channels."""
    tensors = single_file(folder, version)
    tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(32, channels, 3, 3)
    save_file(tensors, path)
    return path


def test_an_inpainting_model_is_known_by_its_channels(folders: dict[str, Path], tmp_path: Path) -> None:
    source = of_channels(folders["1.x"], "1.x", 9, tmp_path / "x.safetensors")
    facts = open_folder(import_model(Wish(source=source, models=tmp_path / "models"))).facts
    assert (facts.family, facts.takes_mask) == ("sd1", True)


@pytest.mark.parametrize(
    ("version", "channels", "said"),
    [("XL", 5, "a depth model"), ("2.x", 7, "an upscaling model"), ("1.x", 8, "an editing model")],
)
def test_other_variants_are_said_to_be_what_they_are(
    folders: dict[str, Path], tmp_path: Path, version: str, channels: int, said: str
) -> None:
    source = of_channels(folders[version], version, channels, tmp_path / "x-512.safetensors")
    with pytest.raises(BrokenModel, match=f"{said}: its UNet takes {channels} channels, which this version"):
        import_model(Wish(source=source, models=tmp_path / "models"))
    assert list((tmp_path / "models").iterdir()) == []


def test_a_folder_is_linked_without_a_second_copy(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = import_model(Wish(source=folders["1.x"], models=tmp_path / "models", name="mine"))
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (folder / weights).samefile(folders["1.x"] / weights)
    with pytest.raises(InvalidRequest, match="already a model called mine"):
        import_model(Wish(source=folders["1.x"], models=tmp_path / "models", name="mine"))
