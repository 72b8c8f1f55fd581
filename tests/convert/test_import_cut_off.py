"""Packed files, GGUF and the authors' pickle of SANA-Sprint, imported without a network."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from backends.core.quiet import quiet
from convert.import_model import Wish, import_model
from tests.convert import single_files_transformers as files
from tests.convert import test_import_sana
from tests.convert.elsewhere import Imported, import_cut_off
from tests.convert.packed_files import pack
from tests.convert.test_gguf_transformers import write as write_gguf
from tests.convert.test_import_transformers import pixels
from tests.tiny_sana import make_tiny_sana

FEW_BITS = ("marker", "rows", "nvfp4")
FAMILIES = ("flux2", "zimage")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet()
    place = tmp_path_factory.mktemp("cut")
    for family in FAMILIES:
        files.make_folder(place / family, family)
        files.spoilt(place / family, place / f"{family}-base", "transformer")
    make_tiny_sana(place / "sana")
    files.spoilt(place / "sana", place / "sana-base", "transformer")
    return place


@pytest.fixture(scope="module")
def plain(place: Path) -> dict[str, Path]:
    """Files with the numbers that the packed ones stand for, by name."""
    found: dict[str, Path] = {}
    for family in FAMILIES:
        for style in FEW_BITS:
            name = f"{family}-{style}"
            packed, numbers, told = pack(files.original(place / family, "transformer"), style)
            files.write(place / f"{name}.safetensors", packed, "", told)
            found[name] = files.write(place / f"{name}-plain.safetensors", numbers)
    return found


@pytest.fixture(scope="module")
def imported(place: Path, plain: dict[str, Path]) -> Imported:
    sources = {name: place / f"{name}.safetensors" for name in plain}
    for family in FAMILIES:
        sources[f"{family}-gguf"] = place / f"{family}.gguf"
        original = files.original(place / family, "transformer")
        write_gguf(place / f"{family}.gguf", original, "BF16", prefix="model.diffusion_model.", lost=True)
    sources["sana-pickle"] = place / "Sana_Sprint_1.6B_1024px.pth"
    torch.save({"state_dict": files.original(place / "sana", "transformer")}, sources["sana-pickle"])
    wishes = [
        {"name": name, "source": str(path), "base": str(place / f"{name.split('-')[0]}-base")}
        for name, path in sources.items()
    ]
    return import_cut_off(place / "models", [json.dumps(wish) for wish in wishes])


def test_the_import_had_no_network(imported: Imported) -> None:
    if not imported.cut_off:
        pytest.skip("this system allows no network namespace, so the imports ran with the network there")
    assert not imported.reached


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gguf_file_makes_the_pixels_of_the_folder(place: Path, imported: Imported, family: str) -> None:
    assert np.array_equal(pixels(imported.folders[f"{family}-gguf"]), pixels(place / family))


def test_the_pickle_makes_the_pixels_of_the_folder(place: Path, imported: Imported) -> None:
    made = imported.folders["sana-pickle"]
    assert np.array_equal(test_import_sana.pixels(made), test_import_sana.pixels(place / "sana"))


QUICK = (("flux2", "marker"), ("zimage", "nvfp4"), ("zimage", "rows"))
"""Each style once; both families have each, thoroughly."""


@pytest.mark.parametrize(
    ("family", "style"),
    [
        pytest.param(*each, marks=() if each in QUICK else pytest.mark.thorough)
        for each in product(FAMILIES, FEW_BITS)
    ],
)
def test_few_bits_make_the_pixels_of_their_numbers(
    place: Path, plain: dict[str, Path], imported: Imported, tmp_path: Path, family: str, style: str
) -> None:
    name = f"{family}-{style}"
    expected = import_model(Wish(source=plain[name], models=tmp_path, base=place / family))
    assert np.array_equal(pixels(imported.folders[name]), pixels(expected))
    assert not np.array_equal(pixels(expected), pixels(place / family))
