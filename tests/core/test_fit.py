"""Predictions of memory, and the verdicts on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.fit import (
    FITS,
    STREAMS,
    TOO_LARGE,
    Needs,
    describe,
    plain_footprint,
    predict,
    size_that_fits,
)
from backends.core.model_folder import ModelFolder, open_folder
from backends.cpu_offload import BACKEND
from desktop.cli.bench_model import make_configuration

GB = 10**9
FLOAT32 = plain_footprint(4, 4)


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """SD 1.5's configuration, without any weights."""
    return open_folder(make_configuration(tmp_path_factory.mktemp("sd15")))


@pytest.fixture(scope="module")
def needs(full_size: ModelFolder) -> Needs:
    return Needs(full_size, FLOAT32)


def test_weights_are_those_of_stable_diffusion(needs: Needs) -> None:
    assert needs.weights("unet") == 4 * 859_520_964
    assert needs.weights("vae") == 4 * 83_653_863
    assert needs.weights("text_encoder") == 4 * 123_060_480


def test_arrays_grow_with_the_picture_and_the_batch(needs: Needs) -> None:
    small, large = (needs.arrays("unet", (side, side), 1) for side in (256, 512))
    assert large / small == pytest.approx(4, rel=0.1)
    assert needs.arrays("unet", (256, 256), 2) / small == pytest.approx(2, rel=0.1)
    assert needs.decode((512, 512), None) > 256 * 512 * 512 * 4  # at least its widest array
    assert needs.decode((512, 512), 32) < needs.decode((512, 512), None) / 2
    assert needs.decode((128, 128), 32) == needs.decode((128, 128), None)  # a single tile is the whole


@pytest.mark.thorough
def test_a_half_precision_card_needs_half(full_size: ModelFolder) -> None:
    whole, half = (predict(full_size, plain_footprint(n, n), (512, 512), GB, 2) for n in (4, 2))
    assert half.need == pytest.approx(whole.need / 2, rel=0.01)


@pytest.mark.parametrize(
    ("free", "verdict", "word"),
    [(20 * GB, FITS, "as it is"), (int(1.5 * GB), STREAMS, "slower"), (GB // 2, TOO_LARGE, "smaller model")],
)
def test_the_verdict_says_what_to_do(full_size: ModelFolder, free: int, verdict: str, word: str) -> None:
    fit = predict(full_size, BACKEND.footprint, (512, 512), free)
    assert fit.verdict == verdict
    assert word in fit.action
    assert "512 x 512" in describe(fit)


def test_a_size_that_fits_is_offered_where_there_is_one(full_size: ModelFolder) -> None:
    fit = predict(full_size, FLOAT32, (1024, 768), 5 * GB, 1)
    assert fit.verdict == TOO_LARGE
    width, height = (int(word.strip(",")) for word in fit.action.split() if word.strip(",").isdigit())
    assert width > height
    assert predict(full_size, FLOAT32, (width, height), 5 * GB, 1).verdict == FITS


def test_no_size_is_offered_when_none_fits() -> None:
    assert size_that_fits((512, 512), lambda size: 10**9, 10**6) is None
    assert size_that_fits((512, 256), lambda size: size[0] * size[1], 512 * 256) == "512 x 256"


def test_the_parts_that_stay_count_together(full_size: ModelFolder) -> None:
    alone = Needs(full_size, plain_footprint(4, 4, together=()))
    together = Needs(full_size, FLOAT32)
    difference = together.stages((256, 256), 1)["vae"] - alone.stages((256, 256), 1)["vae"]
    assert difference == together.weights("unet") + together.weights("text_encoder")


def test_a_full_size_prediction_is_quick(full_size: ModelFolder, tmp_path: Path) -> None:
    """It is asked before a download, and before a picture when memory is short."""
    import time

    began = time.process_time()
    predict(full_size, FLOAT32, (768, 768), GB)
    assert time.process_time() - began < 5
