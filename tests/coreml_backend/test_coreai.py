"""Core AI: what is refused and said anywhere, and the whole way through Apple's interpreter where it is."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from backends.core import coreai_runtime
from backends.core.contract import BackendUnavailable, BrokenModel, InvalidRequest
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from convert.coreml_model import convert_model
from convert.recipes import Order, default_name
from tests.coreml_backend.kit import REQUEST, SIZE, decibels, pixels
from tests.coreml_models import make_smallest_model, make_smallest_sdxl

INSTALLED = find_spec("coreai_torch") is not None
KINDS = {"sd1": make_smallest_model, "sdxl": make_smallest_sdxl}


@pytest.mark.parametrize("wanted", [{"bits": 8}, {"least_psnr": 60.0}, {"sizes": ((64, 64), (96, 64))}])
def test_what_core_ai_is_not_made_for_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="16 bits and for one size"):
        Order(model=Path("m"), destination=Path("x"), to="coreai", **wanted)  # type: ignore[arg-type]


def test_its_model_is_named_and_written_for_it() -> None:
    order = Order(model=Path("m"), destination=Path("x"), to="coreai", target="gpu")
    assert default_name(order, "starter") == "starter-coreai-gpu"
    assert order.chosen_attention == "fused"


def test_without_a_new_mac_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(coreai_runtime.VARIABLE, raising=False)
    monkeypatch.setattr(coreai_runtime.sys, "platform", "linux")
    with pytest.raises(BackendUnavailable, match="macOS 27"):
        get_backend("coreai")


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(coreai_runtime.VARIABLE, coreai_runtime.INTERPRETER)
    monkeypatch.setattr(coreai_runtime, "find_spec", lambda _: None)
    with pytest.raises(BackendUnavailable, match=r'pip install "mezzotint\[coreai\]"'):
        get_backend("coreai")


@pytest.mark.thorough
@pytest.mark.skipif(not INSTALLED, reason="coreai-torch is not installed: pip install 'mezzotint[coreai]'")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["neural-engine", "gpu"])
def test_the_picture_is_the_cpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, target: str
) -> None:
    quiet()
    monkeypatch.setenv(coreai_runtime.VARIABLE, coreai_runtime.INTERPRETER)
    model = KINDS[kind](tmp_path / kind)
    order = Order(
        model=model, destination=tmp_path / "made", to="coreai", target=target, sizes=(SIZE,), check=True
    )
    made = convert_model(order, lambda _: None)
    told = json.loads((made / "model.json").read_text())
    assert told["made_for"] == "coreai"
    assert all(found["fp16"] >= 35 for found in told["coreai"]["checks"].values())
    assert get_backend("auto", made).capabilities.id == "coreai"
    with pytest.raises(BrokenModel, match="not prepared for Core ML"):
        get_backend("coreml").open(made, {})
    ours, theirs = get_backend("coreai").open(made, {}), get_backend("cpu_offload").open(model, {})
    assert ours.provenance["device"] == "Core AI's interpreter"
    assert decibels(pixels(REQUEST, ours), pixels(REQUEST, theirs)) > 30
    ours.close()
    (made / "unet.aimodel" / "main.mlirb").write_bytes(b"cut")
    with pytest.raises(BrokenModel, match="cut short or damaged"):
        get_backend("coreai").open(made, {})
