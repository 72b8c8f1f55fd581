"""Weights that stay in their files: the same picture bit for bit, in the room that there is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel

from backends.core import memory_lean, pipeline
from backends.core.contract import BrokenModel, InvalidRequest, PictureReady, Request
from backends.core.memory import parse_memory
from backends.core.memory_lean import make_lean
from backends.core.model_folder import open_folder
from backends.core.registry import get_backend
from backends.core.streaming import Streamed
from backends.core.streaming_files import build_empty, fill, open_weights, read_header
from backends.core.streaming_int8 import Int8Files
from tests.tiny_models import EPSILON, make_tiny_model

CPU = torch.device("cpu")
FLOAT32: dict[str, torch.dtype] = dict.fromkeys(("text_encoder", "unet", "vae"), torch.float32)
LIBRARY: dict[str, Any] = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
LARGE = 64 * 2**10


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny, but with layers above the size that is always kept."""
    return make_tiny_model(tmp_path_factory.mktemp("streamed") / "tiny", EPSILON, seed=3)


@pytest.fixture
def streamed(model: Path) -> Iterator[Callable[[int | None], Streamed]]:
    """Streamed networks with so much room for weights; closed at the end."""
    opened: list[Streamed] = []

    def make(room: int | None) -> Streamed:
        opened.append(Streamed(open_folder(model), CPU, FLOAT32, lambda part, shape: room))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def run_unet(unet: Any, side: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    latents, text = (
        torch.randn(2, 4, side, side, generator=generator),
        torch.randn(2, 5, 32, generator=generator),
    )
    with torch.inference_mode():
        return unet(latents, torch.tensor(7.0), encoder_hidden_states=text, return_dict=False)[0]


def run_decoder(vae: Any, height: int = 12, width: int = 8) -> Tensor:
    with torch.inference_mode():
        latents = torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(1))
        return vae.decode(latents, return_dict=False)[0]


def large_weights(module: nn.Module) -> list[str]:
    """Names of the large weights that are in memory."""
    named = module.named_parameters()
    return [
        name for name, weight in named if weight.device != torch.device("meta") and weight.numel() * 4 > LARGE
    ]


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_an_empty_module_filled_from_the_file_is_the_librarys(model: Path, part: str) -> None:
    folder = open_folder(model)
    module = build_empty(folder, part)
    assert all(weight.device.type == "meta" for weight in module.parameters())
    fill(module, open_weights(folder, part, module), CPU, torch.float32)
    expected = LIBRARY[part].from_pretrained(model / part).state_dict()
    assert {name: value.shape for name, value in module.state_dict().items()} == {
        name: value.shape for name, value in expected.items()
    }
    assert all(torch.equal(value, expected[name]) for name, value in module.state_dict().items())
    own, theirs = (
        dict(module.named_buffers()),
        dict(LIBRARY[part].from_pretrained(model / part).named_buffers()),
    )
    assert own.keys() == theirs.keys()
    assert all(torch.equal(own[name], theirs[name]) for name in own)


@pytest.mark.parametrize("room", [0, 200_000, None])
def test_the_room_for_weights_does_not_change_a_bit(
    streamed: Callable[[int | None], Streamed], room: int | None
) -> None:
    whole, short = streamed(None), streamed(room)
    for part, run in (("unet", run_unet), ("vae", run_decoder)):
        shape = (2, 4, 16, 16)
        expected = run(whole.use(part, shape))
        for _ in range(2):  # the second time the layers' order is known and read ahead
            assert torch.equal(run(short.use(part, shape)), expected)


def test_without_room_a_layer_has_its_weights_only_while_it_runs(
    streamed: Callable[[int | None], Streamed],
) -> None:
    parts = streamed(0)
    unet = parts.use("unet", (2, 4, 16, 16))
    most: list[int] = []
    for module in list(unet.modules()):
        module.register_forward_hook(lambda *_: most.append(len(large_weights(unet))), prepend=True)
    run_unet(unet)
    assert max(most) == 1
    assert large_weights(unet) == []


def test_room_for_some_keeps_some(streamed: Callable[[int | None], Streamed]) -> None:
    parts = streamed(200_000)
    unet = parts.use("unet", (2, 4, 16, 16))
    run_unet(unet)
    kept = large_weights(unet)
    every = streamed(None)
    run_unet(every.use("unet", (2, 4, 16, 16)))
    assert 0 < len(kept) < len(large_weights(every.module("unet")))
    sizes = {name: weight.numel() * 4 for name, weight in unet.named_parameters()}
    assert sum(sizes[name] for name in kept) <= 200_000


def test_a_part_in_use_makes_the_others_go(streamed: Callable[[int | None], Streamed]) -> None:
    parts = streamed(10**9)
    run_unet(parts.use("unet", (2, 4, 16, 16)))
    assert large_weights(parts.module("unet"))
    parts.use("vae", (1, 4, 8, 8))
    assert large_weights(parts.module("unet")) == []


def test_a_half_precision_file_is_computed_in_float32(model: Path, tmp_path: Path) -> None:
    half = copy_in_half(model, tmp_path / "half")
    parts = Streamed(open_folder(half), CPU, FLOAT32, lambda part, shape: 0)
    reference = UNet2DConditionModel.from_pretrained(half / "unet", torch_dtype=torch.float32).eval()
    assert torch.allclose(run_unet(parts.use("unet", (2, 4, 16, 16))), run_unet(reference), atol=1e-4)
    parts.close()


def copy_in_half(model: Path, folder: Path) -> Path:
    import shutil

    shutil.copytree(model, folder)
    UNet2DConditionModel.from_pretrained(model / "unet").half().save_pretrained(folder / "unet")
    return folder


def test_weights_of_another_shape_are_refused(model: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "odd"
    shutil.copytree(model, folder)
    config = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps(config | {"cross_attention_dim": 48}))
    opened = open_folder(folder)
    with pytest.raises(BrokenModel, match="do not fit together"):
        open_weights(opened, "unet", build_empty(opened, "unet"))


def test_names_of_older_releases_are_understood(model: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "old"
    shutil.copytree(model, folder)
    text, vae = folder / "text_encoder/model.safetensors", folder / "vae/diffusion_pytorch_model.safetensors"
    save_file({f"text_model.{name}": value for name, value in load_file(text).items()}, text)
    renamed = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}
    old: dict[str, Tensor] = {}
    for name, value in load_file(vae).items():
        for new, before in renamed.items():
            name = name.replace(new, before) if ".attentions." in name else name
        old[name] = value
    assert any(".query." in name for name in old)
    save_file(old, vae)
    opened, fresh = open_folder(folder), open_folder(model)
    for part in ("text_encoder", "vae"):
        module, expected = build_empty(opened, part), build_empty(fresh, part)
        fill(module, open_weights(opened, part, module), CPU, torch.float32)
        fill(expected, open_weights(fresh, part, expected), CPU, torch.float32)
        assert all(torch.equal(a, b) for a, b in zip(module.parameters(), expected.parameters(), strict=True))


def test_writing_to_a_mapped_weight_leaves_the_file_alone(model: Path) -> None:
    folder = open_folder(model)
    module = build_empty(folder, "unet")
    path = folder.weight_files("unet")[0]
    before = path.read_bytes()
    weights = open_weights(folder, "unet", module)
    weights.tensor("conv_in.weight").zero_()
    assert path.read_bytes() == before
    assert float(weights.tensor("conv_in.weight").abs().max()) > 0
    assert read_header(path).keys() >= {"conv_in.weight"}


@pytest.mark.parametrize("run", [run_unet, run_decoder])
def test_lean_layers_give_the_networks_own_numbers(
    model: Path, run: Callable[[Any], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = "unet" if run is run_unet else "vae"
    plain = LIBRARY[part].from_pretrained(model / part).eval()
    lean = copy.deepcopy(plain)
    make_lean(lean)
    assert {type(module).__name__ for module in lean.modules()} >= {"LeanConv2d", "LeanLinear", "LeanResnet"}
    got = run(lean)
    assert torch.allclose(got, run(plain), atol=2e-5)
    monkeypatch.setattr(memory_lean, "_STRIP_BYTES", 2000)
    assert torch.equal(run(lean), got)  # strips are not seen


def test_odd_sizes_pass_the_lean_layers(model: Path) -> None:
    plain = UNet2DConditionModel.from_pretrained(model / "unet").eval()
    lean = copy.deepcopy(plain)
    make_lean(lean)
    assert torch.allclose(run_unet(lean, side=9), run_unet(plain, side=9), atol=2e-5)


@pytest.mark.parametrize("sizes", [(3, 1, 1), (3, 2, 1), (2, 1, 0), (3, 1, 2)])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_convolution_of_few_places_is_a_product(batch: int, sizes: tuple[int, int, int]) -> None:
    width, stride, padding = sizes
    conv = nn.Conv2d(8, 1024, width, stride, padding)
    lean = copy.deepcopy(conv)
    make_lean(lean)
    image = torch.randn(batch, 8, 5, 4, generator=torch.Generator().manual_seed(1))
    assert memory_lean.is_a_product(conv, tuple(image.shape))
    assert torch.allclose(lean(image), conv(image), atol=1e-5)


def test_keeping_passes_to_the_layers_that_gain_from_it(
    streamed: Callable[[int | None], Streamed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where convolutions are products they leave their room to others; the bits are as when all stay."""
    monkeypatch.setattr(memory_lean, "_PLACES_SHARE", 2)
    whole, short = streamed(None), streamed(700_000)
    for side in (16, 8, 16):
        shape = (2, 4, side, side)
        expected = run_unet(whole.use("unet", shape), side)
        for _ in range(3):
            assert torch.equal(run_unet(short.use("unet", shape), side), expected)
        kept = {
            name: dict(short.module("unet").named_parameters())[name]
            for name in large_weights(short.module("unet"))
        }
        assert sum(weight.numel() * 4 for weight in kept.values()) <= 700_000


def test_a_memory_budget_gives_the_same_picture(model: Path) -> None:
    request = Request(
        prompt="a cat", width=64, height=64, steps=2, guidance_scale=4.0, sampler="euler", seed=7
    )
    pictures = [picture(model, {"memory": memory}, request) for memory in ("", "300MB")]
    assert pictures[0] == pictures[1]


def picture(model: Path, options: dict[str, str], request: Request) -> bytes:
    stages = get_backend("cpu_offload").open(model, options)
    ready = [e for e in pipeline.generate(request, stages, previews=False) if isinstance(e, PictureReady)]
    stages.close()
    stages.close()
    return ready[0].picture.rgb


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("3GB", 3 * 10**9),
        ("1.5 gb", 15 * 10**8),
        ("800MB", 8 * 10**8),
        ("2GiB", 2**31),
        ("", None),
        ("auto", None),
    ],
)
def test_amounts_of_memory(text: str, count: int | None) -> None:
    assert parse_memory(text) == count


@pytest.mark.parametrize(
    "options", [{"memory": "much"}, {"memory": "1MB"}, {"precision": "int3"}, {"device": "tpu"}]
)
def test_options_that_mean_nothing_are_refused(model: Path, options: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        get_backend("cpu_offload").open(model, options)
    assert caught.value.action


def test_int8_weights_give_nearly_the_same_prediction(model: Path) -> None:
    folder = open_folder(model)
    exact = Streamed(folder, CPU, FLOAT32, lambda part, shape: None)
    rounded = Streamed(folder, CPU, FLOAT32, lambda part, shape: 0, hold=Int8Files)
    shape = (2, 4, 16, 16)
    expected, got = run_unet(exact.use("unet", shape)), run_unet(rounded.use("unet", shape))
    error = float((got - expected).norm() / expected.norm())
    assert 0 < error < 0.02
    assert torch.equal(run_unet(rounded.use("unet", shape)), got)
    exact.close()
    rounded.close()


def test_int8_weights_are_in_the_record(model: Path) -> None:
    stages = get_backend("cpu_offload").open(model, {"weights": "int8"})
    assert stages.provenance["precision"] == "float32, weights int8"
    stages.close()
