"""Checking a conversion: its networks against torch, on what they get while a prompt becomes a picture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backends.core.contract import BrokenModel
from backends.core.model_folder import open_folder
from convert import verify
from convert.converted import Chain
from convert.coreml_networks import door, reference_network
from convert.mil_reference import Network, from_program, import_coremltools
from convert.verify_inputs import fit_batch, record
from tests.convert.mil_programs import build_program

SIZE = (64, 64)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from backends.core.quiet import quiet
    from tests.tiny_models import EPSILON, make_tiny_model

    quiet()
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", EPSILON)


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one network, the decoder, converted plainly."""
    coremltools, folder = import_coremltools(), tmp_path_factory.mktemp("converted")
    network, doors = (
        reference_network(open_folder(source), "vae_decoder"),
        door(open_folder(source), "vae_decoder", SIZE),
    )
    latents = doors.inputs["latents"]
    model = coremltools.convert(
        torch.jit.trace(network, latents, check_trace=False),
        inputs=[coremltools.TensorType(name="latents", shape=tuple(latents.shape), dtype=np.float16)],
        minimum_deployment_target=coremltools.target.macOS13,
        skip_model_load=True,
    )
    model.save(str(folder / "vae_decoder.mlpackage"))
    facts: dict[str, Any] = {
        "packages": {"vae_decoder": ["vae_decoder.mlpackage"]},
        "sizes": [list(SIZE)],
        "source": {"folder": str(source)},
    }
    (folder / "model.json").write_text(json.dumps({"coreml": facts}))
    return folder


def test_each_network_is_compared_in_both_arithmetics(converted: Path, source: Path) -> None:
    fp32, fp16 = verify.verify(converted, source)
    assert (fp32.network, fp32.arithmetic, fp16.arithmetic) == ("vae_decoder", "fp32", "fp16")
    assert fp32.psnr >= 60
    assert 35 <= fp16.psnr < fp32.psnr
    assert fp32.passed
    assert 0 < fp32.largest_error < fp16.largest_error


def test_the_command_reports_each_network_and_fails_for_another_model(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.tiny_models import EPSILON, make_tiny_model

    other = make_tiny_model(tmp_path / "other", EPSILON, seed=1)
    assert verify.main([str(converted), "--arithmetic", "fp32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True
    assert verify.main([str(converted), "--source", str(other), "--arithmetic", "fp16"]) == 1
    assert "below 35 dB" in capsys.readouterr().out


def test_the_first_layer_beyond_a_bound_is_named_of_a_network_that_passes(
    converted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for bound in ("200", "1"):
        assert verify.main([str(converted), "--arithmetic", "fp16", "--bound", bound]) == 0
    far, near = capsys.readouterr().out.splitlines()
    assert re.search(r"; beyond 200 dB from \w+ \(\w+\) on$", far)
    assert "beyond" not in near


@pytest.mark.parametrize("text", ["", "{}", '{"coreml": {}}', '{"coreml": 3}'])
def test_a_folder_that_is_no_conversion_is_one_sentence(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.json").write_text(text)
    assert verify.main([str(tmp_path)]) == 1
    assert "is not a model converted to Core ML. Name a folder" in capsys.readouterr().err


def test_a_source_that_moved_is_asked_for(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = json.loads((converted / "model.json").read_text())
    facts["coreml"]["source"]["folder"] = str(tmp_path / "gone")
    (tmp_path / "model.json").write_text(json.dumps(facts))
    assert verify.main([str(tmp_path)]) == 2
    assert "Name it with --source." in capsys.readouterr().err


def test_inputs_are_those_of_a_real_picture(source: Path) -> None:
    inputs = record(source, SIZE, ("a fox", "snow"), steps=5)
    assert [each["token_ids"].shape for each in inputs["text_encoder"]] == [(1, 24)] * 2
    assert len(inputs["unet"]) == 3
    first, last = inputs["unet"][0], inputs["unet"][-1]
    assert first["sample"].shape == (2, 4, 8, 8)
    assert first["time_features"].shape == (2, 32)
    assert not np.array_equal(first["time_features"], last["time_features"])
    assert not np.array_equal(first["encoder_hidden_states"][0], first["encoder_hidden_states"][1])
    assert inputs["vae_encoder"][0]["image"].shape == (1, 3, 64, 64)
    assert np.abs(inputs["vae_encoder"][0]["image"]).max() <= 1


def test_a_network_cut_in_two_is_run_as_one() -> None:
    x = np.ones((1, 3), np.float32)
    first = build_program(lambda mb, x: mb.add(x=x, y=np.float32(2), name="hidden"), {"x": x})
    second = build_program(lambda mb, h, x: mb.mul(x=h, y=x, name="y"), {"hidden": x, "x": x})
    chain = Chain((Network(from_program(first)), Network(from_program(second))))
    assert chain.run({"x": 3 * x}, "fp32")["y"].tolist() == [[15.0] * 3]


def test_batches_are_fitted_to_the_package() -> None:
    pair = np.array([[1.0], [2.0]])
    assert fit_batch(pair, 1).tolist() == [[2.0]]
    assert fit_batch(pair[:1], 2).tolist() == [[1.0], [1.0]]
    assert fit_batch(pair, 2).tolist() == pair.tolist()


def test_torch_takes_the_weights_of_a_package() -> None:
    """By coremltools' names of them; a linear layer's may be a 1 x 1 convolution's there."""
    to_q = torch.nn.Linear(2, 3)
    network = torch.nn.ModuleDict({"to_q": to_q})
    taken = verify.take_weights(network, {"to_q_weight_to_fp16_palettized": torch.ones(3, 2, 1, 1)})
    assert taken == 1
    assert to_q.weight.tolist() == [[1.0] * 2] * 3
    with pytest.raises(BrokenModel, match="to_k_weight"):
        verify.take_weights(network, {"to_k_weight_to_fp16_palettized": torch.ones(3, 2)})
