"""`mezzotint import` of Z-Image in three files, as ComfyUI keeps it: --with, --beside, or lent by a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backends.core.quiet import quiet
from convert.belonging import Belonging, belonging
from tests.convert import single_files_transformers as files
from tests.desktop.cli_runner import Mezzotint


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    place = tmp_path_factory.mktemp("comfy") / "models"
    folder = files.make_folder(place.parent / "folder", "zimage")
    names = {
        "transformer": "diffusion_models/z_image_turbo",
        "text_encoder": "text_encoders/qwen_3_4b",
        "vae": "vae/ae",
    }
    for part, name in names.items():
        path = place / f"{name}.safetensors"
        path.parent.mkdir(parents=True)
        files.write(path, files.original(folder, part))
    return place


@pytest.fixture
def three(place: Path) -> tuple[Path, Path, Path]:
    return (
        place / "diffusion_models/z_image_turbo.safetensors",
        place / "text_encoders/qwen_3_4b.safetensors",
        place / "vae/ae.safetensors",
    )


def imported(mezzotint: Mezzotint, *words: object) -> dict[str, Any]:
    ran = mezzotint("import", *map(str, words), "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def origin(home: Path, name: str) -> dict[str, Any]:
    return json.loads((home / "models" / name / "model.json").read_text())


def test_with_names_the_other_parts(mezzotint: Mezzotint, three: tuple[Path, ...], home: Path) -> None:
    first, reader, vae = three
    told = imported(mezzotint, first, "--with", reader, "--with", vae)
    assert (told["family"], told["defaults"]["steps"], told["problem"]) == ("zimage", 8, None)
    kept = origin(home, "z_image_turbo")
    assert kept["origin"] == "imported from z_image_turbo.safetensors, qwen_3_4b.safetensors, ae.safetensors"
    assert [each["file"] for each in kept["imported"]["with"]] == [reader.name, vae.name]
    assert kept["imported"]["prediction_because"] == "its name holds 'turbo'"
    assert kept["imported"]["file"] == first.name
    # what is here now lends its parts to the next transformer, which takes no second copy of them
    lent = imported(mezzotint, first, "--name", "another-turbo")
    assert lent["problem"] is None
    weights = "text_encoder/model.safetensors"
    assert (home / "models/another-turbo" / weights).samefile(home / "models/z_image_turbo" / weights)
    refused = mezzotint(
        "import", str(first), "--name", "z-image-base"
    )  # of which there is no model that lends
    assert refused.code == 1
    assert "There is no text encoder or VAE in z_image_turbo.safetensors." in refused.err


def test_files_that_came_together_become_one_model(
    mezzotint: Mezzotint, three: tuple[Path, ...], home: Path
) -> None:
    """As the window asks for them when they are dropped."""

    def beside(path: Path) -> list[object]:
        return [path, *(word for other in three if other != path for word in ("--beside", other))]

    assert imported(mezzotint, *beside(three[1])) == {"part_of": str(three[0])}
    assert not (home / "models" / "qwen_3_4b").exists()
    assert imported(mezzotint, *beside(three[0]))["family"] == "zimage"
    ran = mezzotint("import", *map(str, beside(three[2])))
    assert ran.out.strip() == (
        "ae.safetensors is a part of the model in z_image_turbo.safetensors: it comes with that."
    )


def test_what_belongs_together(three: tuple[Path, ...], tmp_path: Path) -> None:
    first, reader, vae = three
    assert belonging(first, three) == Belonging((reader, vae))
    assert belonging(vae, [reader]) == Belonging()
    assert belonging(tmp_path, three) == Belonging()
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    assert belonging(first, [tmp_path / "x.safetensors", tmp_path / "gone.gguf", tmp_path]) == Belonging()
    assert belonging(tmp_path / "x.safetensors", three) == Belonging()


def test_comfyuis_folder_is_listed_with_what_each_file_is(mezzotint: Mezzotint, place: Path) -> None:
    pytest.importorskip("gguf")
    from tests.convert.test_gguf_transformers import write

    (place / "unet").mkdir()
    write(place / "unet/zimage.gguf", files.original(place.parent / "folder", "transformer"), "Q8_0")
    words = files.llama_names(files.weights(place.parent / "folder", "text_encoder"))
    write(place / "text_encoders/Qwen3-4B.gguf", words, "F16")
    told = json.loads(mezzotint("models", "--json", "--models", str(place.parent)).out)
    reads = "a text encoder alone (Qwen3), of Z-Image or FLUX.2 klein: import it with --base or --with"
    assert {Path(each["path"]).name: each["what"] for each in told["files"]} == {
        "ae.safetensors": "a VAE alone: import it with --base",
        "qwen_3_4b.safetensors": reads,
        "Qwen3-4B.gguf": reads,
        "z_image_turbo.safetensors": "a Z-Image transformer: import it with --base or --with",
        "zimage.gguf": "a Z-Image transformer: import it with --base or --with",
    }
