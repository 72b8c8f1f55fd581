"""Single files of Z-Image and FLUX.2 klein, imported without a network, make the pixels of their folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from backends.core.contract import BrokenModel, InvalidRequest, Stages
from backends.core.model_folder import open_folder
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.import_model import Wish, import_model
from convert.source.describe import describe
from convert.source.piece_configs import guess_distilled
from tests.convert import single_files_transformers as files
from tests.convert.elsewhere import Imported, import_cut_off
from tests.convert.single_files_transformers import PREFIXES, all_in_one, original, spoilt, weights, write
from tests.families.reference import make
from tests.tiny_transformers import make_tiny_sd3

FAMILIES = ("flux2", "zimage")
TITLES = {"flux2": "FLUX.2 klein", "zimage": "Z-Image"}


def pixels(folder: Path) -> np.ndarray:
    stages: Stages = get_backend("cpu_offload").open(folder, {})
    try:
        return make(stages, (64, 64), steps=2, guidance_scale=1.0, negative_prompt="")
    finally:
        stages.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    return tmp_path_factory.mktemp("transformers")


@pytest.fixture(scope="module")
def folders(place: Path) -> dict[str, Path]:
    return {family: files.make_folder(place / family, family) for family in FAMILIES}


@pytest.fixture(scope="module")
def expected(folders: dict[str, Path]) -> dict[str, np.ndarray]:
    return {family: pixels(folder) for family, folder in folders.items()}


@pytest.fixture(scope="module")
def bases(place: Path, folders: dict[str, Path]) -> Callable[[str, str], Path]:
    """By family and part: a model whose weights of this part are others."""
    return lambda family, part: spoilt(folders[family], place / f"{family}-without-{part}", part)


def _wishes(place: Path, folders: dict[str, Path], bases: Callable[[str, str], Path]) -> list[dict[str, Any]]:
    """By name: what is imported, with which base or other files."""
    made: list[dict[str, Any]] = []
    for family, folder in folders.items():
        alone = [write(place / f"{family}-{part}.safetensors", original(folder, part)) for part in PREFIXES]
        whole = write(place / f"{family}-aio.safetensors", all_in_one(folder))
        made.append({"name": f"{family} whole", "source": whole})
        made.append({"name": f"{family} three", "source": alone[0], "others": alone[1:]})
        for part, file in zip(PREFIXES, alone, strict=True):
            base = bases(family, part)
            made.append({"name": f"{family} {part}", "source": file, "base": base})
            named = write(
                place / f"{family}-{part}-diffusers.safetensors", weights(folder, part), PREFIXES[part]
            )
            made.append({"name": f"{family} {part} diffusers", "source": named, "base": base})
    return made


@pytest.fixture(scope="module")
def imported(place: Path, folders: dict[str, Path], bases: Callable[[str, str], Path]) -> Imported:
    words = [json.dumps(wish, default=_plain) for wish in _wishes(place, folders, bases)]
    return import_cut_off(place / "models", words)


def _plain(value: Any) -> Any:
    return str(value)


def test_the_import_had_no_network(imported: Imported) -> None:
    if not imported.cut_off:
        pytest.skip("this system allows no network namespace, so the imports ran with the network there")
    assert not imported.reached


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["whole", "three", *PREFIXES, *(f"{part} diffusers" for part in PREFIXES)])
def test_same_pixels(
    folders: dict[str, Path], expected: dict[str, np.ndarray], imported: Imported, family: str, kind: str
) -> None:
    folder = imported.folders[f"{family} {kind}"]
    open_folder(folder).check_files()
    for part in PREFIXES:
        found, wanted = weights(folder, part), weights(folders[family], part)
        assert found.keys() >= {name for name in wanted if "num_batches" not in name}
        assert all(torch.equal(found[name], wanted[name]) for name in found)
    assert np.array_equal(pixels(folder), expected[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_would_have_made_other_pixels(
    place: Path, expected: dict[str, np.ndarray], imported: Imported, family: str
) -> None:
    for part in PREFIXES:
        assert not np.array_equal(pixels(place / f"{family}-without-{part}"), expected[family])


def test_what_they_are_is_said(place: Path, imported: Imported) -> None:
    told = {path.stem: describe(path) for path in place.glob("*.safetensors")}
    assert told["zimage-aio"] == "Z-Image"
    assert told["flux2-aio"] == "FLUX.2 klein"
    for family, title in TITLES.items():
        assert told[f"{family}-transformer"] == f"a {title} transformer: import it with --base or --with"
        assert told[f"{family}-text_encoder"].startswith("a text encoder alone (Qwen3)")
    assert told["flux2-vae"] == "a FLUX.2 klein VAE: import it with --base or --with"
    assert told["zimage-vae"] == "a VAE alone: import it with --base"


def test_what_is_lacking_is_said(place: Path, imported: Imported, tmp_path: Path) -> None:
    def lacking(name: str) -> BrokenModel:
        with pytest.raises(BrokenModel) as caught:
            import_model(Wish(source=place / f"{name}.safetensors", models=tmp_path / "models"))
        assert not list((tmp_path / "models").iterdir())
        return caught.value

    error = lacking("zimage-transformer")
    assert error.message == "There is no text encoder or VAE in zimage-transformer.safetensors."
    assert error.action == (
        "Import its files together (--with), or with a Z-Image model that has the rest (--base)."
    )
    error = lacking("zimage-text_encoder")
    assert error.message == "There is no transformer or VAE in zimage-text_encoder.safetensors."
    assert "with a Z-Image or FLUX.2 klein model that has the rest" in error.action
    assert "with a FLUX.2 klein model that has the rest" in lacking("flux2-vae").action


def test_a_wrong_base_is_said_to_be_one(
    place: Path, folders: dict[str, Path], imported: Imported, tmp_path: Path
) -> None:
    def refused(name: str, base: Path) -> str:
        with pytest.raises((BrokenModel, InvalidRequest)) as caught:
            import_model(Wish(source=place / f"{name}.safetensors", models=tmp_path / "models", base=base))
        assert not list((tmp_path / "models").iterdir())
        return caught.value.message

    assert refused("zimage-transformer", folders["flux2"]) == "flux2 is no Z-Image model."
    assert refused("flux2-transformer", make_tiny_sd3(tmp_path / "sd3")) == "sd3 is no FLUX.2 klein model."
    for part in ("text_encoder", "vae"):  # another depth, and another width of the latents
        told = refused(f"flux2-{part}", folders["zimage"])
        assert told in (
            "zimage is no FLUX.2 klein model.",
            f"flux2-{part}.safetensors does not fit the Z-Image model in zimage.",
        )
    other = files.make_folder(tmp_path / "wider", "zimage")
    config = json.loads((other / "transformer/config.json").read_text())
    (other / "transformer/config.json").write_text(json.dumps(config | {"n_layers": 3}))
    assert refused("zimage-transformer", other) == (
        "zimage-transformer.safetensors does not fit the Z-Image model in wider."
    )


def test_parts_of_two_models_are_refused(place: Path, imported: Imported, tmp_path: Path) -> None:
    def refused(*names: str) -> str:
        first, *others = (place / f"{name}.safetensors" for name in names)
        with pytest.raises(InvalidRequest) as caught:
            import_model(Wish(source=first, models=tmp_path / "models", others=tuple(others)))
        return caught.value.message

    assert "are parts of different models" in refused(
        "zimage-transformer", "flux2-vae", "zimage-text_encoder"
    )
    assert "both hold a VAE" in refused("zimage-aio", "zimage-vae")
    wrong = files.weights(place / "zimage", "text_encoder")
    wide = {
        name: each.repeat(1, 2) if name == "model.embed_tokens.weight" else each
        for name, each in wrong.items()
    }
    write(place / "wide.safetensors", wide)
    assert "not of the size that the transformer reads" in refused("zimage-transformer", "wide", "zimage-vae")


def test_a_damaged_one_is_said_to_be(
    place: Path, folders: dict[str, Path], imported: Imported, tmp_path: Path
) -> None:
    for family in FAMILIES:
        whole = load_file(place / f"{family}-transformer.safetensors")
        cut = {name: each for name, each in whole.items() if ".1." not in name or "final" in name}
        odd = whole | {"double_blocks.0.img_attn.nothing.weight": torch.zeros(2)}
        for tensors in (cut, odd):
            file = write(tmp_path / "x.safetensors", tensors)
            with pytest.raises(BrokenModel, match=f"x.safetensors does not fit the {TITLES[family]} model"):
                import_model(Wish(source=file, models=tmp_path / "models", base=folders[family]))


def test_a_model_that_is_here_lends_what_is_lacking(
    place: Path, folders: dict[str, Path], expected: dict[str, np.ndarray], imported: Imported, tmp_path: Path
) -> None:
    asked: list[tuple[str, bool]] = []

    def lend(family: str, distilled: bool) -> Path:
        asked.append((family, distilled))
        return folders[family]

    said: list[str] = []
    source = place / "zimage-transformer.safetensors"
    wish = Wish(source=source, models=tmp_path, name="z-image-base", lend=lend)
    assert np.array_equal(pixels(import_model(wish, said.append)), expected["zimage"])
    assert asked == [("zimage", False)]
    assert "Taking the other parts from zimage" in said
    told = json.loads((tmp_path / "z-image-base" / "model.json").read_text())
    assert told["imported"]["parts_from"] == "zimage"


@pytest.mark.parametrize(
    ("family", "name", "distilled"),
    [
        ("zimage", "z_image_turbo_bf16", True),
        ("zimage", "z_image_bf16", False),
        ("zimage", "Z-Image-Q8_0", False),
        ("zimage", "moody-mix-v4", True),
        ("flux2", "flux-2-klein-4b-fp8", True),
        ("flux2", "flux-2-klein-base-4b", False),
    ],
)
def test_the_published_names_tell_what_was_distilled(family: str, name: str, distilled: bool) -> None:
    told, why = guess_distilled(family, name)
    assert told is distilled
    assert why


def test_a_smaller_decoder_is_taken_as_it_is(folders: dict[str, Path], tmp_path: Path) -> None:
    """Black Forest Labs publish one for FLUX.2: its latents are the same."""
    torch.manual_seed(5)
    small: Any = files.AutoencoderKLFlux2
    vae = small(**files._VAE, latent_channels=4, decoder_block_out_channels=(32, 32, 64, 64))
    vae.save_pretrained(tmp_path / "vae")
    file = write(tmp_path / "small_decoder.safetensors", original(tmp_path, "vae"))
    folder = import_model(Wish(source=file, models=tmp_path / "models", base=folders["flux2"]))
    assert open_folder(folder).configs["vae"]["decoder_block_out_channels"] == [32, 32, 64, 64]
    assert open_folder(folders["flux2"]).configs["vae"]["decoder_block_out_channels"] is None
    pixels(folder)


def test_flux_2_dev_is_called_by_its_name(folders: dict[str, Path], tmp_path: Path) -> None:
    tensors = original(folders["flux2"], "transformer") | {"guidance_in.in_layer.weight": torch.zeros(2, 2)}
    file = write(tmp_path / "flux2-dev.safetensors", tensors)
    with pytest.raises(
        BrokenModel, match=r"flux2-dev.safetensors is FLUX.2 dev, which this version can't run"
    ):
        import_model(Wish(source=file, models=tmp_path / "models"))
    assert "FLUX.2 dev" in describe(file)


def test_another_model_that_reads_with_qwen_is_none_of_these(
    place: Path, imported: Imported, tmp_path: Path
) -> None:
    whole = load_file(place / "zimage-aio.safetensors")
    other = {name.replace("diffusion_model.", "diffusion_model.other_"): each for name, each in whole.items()}
    file = write(tmp_path / "other.safetensors", other)
    with pytest.raises(BrokenModel, match=r"other\.safetensors holds no model that is known here"):
        import_model(Wish(source=file, models=tmp_path / "models"))
    assert describe(file) == "other.safetensors holds no model that is known here."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.layers.0.pre_feedforward_layernorm.weight", "a language model, and not Qwen3"),
        ("encoder.project_in.conv.bias", "SANA's autoencoder alone"),
    ],
)
def test_other_parts_are_refused_by_name(tmp_path: Path, name: str, said: str) -> None:
    file = write(tmp_path / "x.safetensors", {name: torch.zeros(2)})
    with pytest.raises(BrokenModel, match=rf"x\.safetensors is {said}, which this version can't import"):
        import_model(Wish(source=file, models=tmp_path / "models"))
    assert said in describe(file)
