"""Two models for one picture: who is in memory when, what is told, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from backends.core import pipeline
from backends.core import relay as relays
from backends.core.contract import (
    Control,
    Event,
    InvalidRequest,
    Job,
    OutOfMemory,
    PictureReady,
    Refiner,
    Request,
    Stage,
    Stages,
    StageStarted,
    StepDone,
    TextRead,
)
from backends.core.model_folder import open_folder, sha256
from backends.core.quiet import quiet
from backends.core.registry import get_backend
from backends.core.relay import Relay
from backends.core.worker import PipelineEngine
from tests.core.test_controlnet import make_controlnet
from tests.families.lora_files import pairs, save_as_peft, shapes
from tests.tiny_models import EPSILON, make_tiny_model, make_tiny_refiner, make_tiny_sdxl

PARTS = ("clip_l", "clip_g")
SETTINGS: dict[str, Any] = {"width": 64, "height": 64, "steps": 5, "guidance_scale": 4.0, "sampler": "euler"}
REQUEST = Request(prompt="a fox", seed=7, refiner=Refiner(model="refiner", switch=0.6), **SETTINGS)


class Watched(Relay):
    """A relay that says how its models take turns. `room` is what the first model is said to leave."""

    def __init__(self, folder: Path, room: int = 10**12) -> None:
        super().__init__(get_backend("cpu_offload"), folder, {})
        self.room, self.turns = room, list[str]()

    def take_over(self, first: Stages) -> Stages:
        self.turns.append("second")
        return super().take_over(first)

    def give_back(self) -> None:
        self.turns.append("first")
        super().give_back()


class Base:
    """The first model, with a room beside it that a test decides, and a note of each rest."""

    def __init__(self, stages: Stages, room: int) -> None:
        self._stages, self._room, self.rests = stages, room, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stages, name)

    def bytes_beside(self) -> int:
        return self._room

    def rest(self) -> None:
        self.rests += 1
        self._stages.rest()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    quiet()
    place = tmp_path_factory.mktemp("models")
    return make_tiny_sdxl(place / "base", EPSILON), make_tiny_refiner(place / "refiner", EPSILON)


@pytest.fixture(scope="module")
def base(folders: tuple[Path, Path]) -> Iterator[Stages]:
    stages = get_backend("cpu_offload").open(folders[0], {})
    yield stages
    stages.close()


@pytest.fixture
def relay(folders: tuple[Path, Path]) -> Iterator[Watched]:
    relay = Watched(folders[1])
    yield relay
    relay.close()


def made(request: Request, stages: Any, relay: Relay | None, **options: Any) -> list[Event]:
    return list(pipeline.generate(request, stages, relay=relay, **options))


def pictures(events: list[Event]) -> list[PictureReady]:
    return [event for event in events if isinstance(event, PictureReady)]


def test_its_steps_count_and_are_shown(base: Stages, relay: Watched) -> None:
    events = made(REQUEST, Base(base, 10**12), relay)
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [(each.step, each.steps) for each in steps] == [(n, 5) for n in range(1, 6)]
    assert all(each.preview for each in steps)
    begun = [event.stage for event in events if isinstance(event, StageStarted)]
    ends = [Stage.OPENING_REFINER, Stage.REFINING, Stage.DEVELOPING]
    assert begun == [Stage.READING_PROMPT, Stage.DENOISING, *ends]
    assert len([event for event in events if isinstance(event, TextRead)]) == 1
    assert {"denoising", "opening_refiner", "refining"} <= set(pictures(events)[0].stage_seconds)


def test_both_models_are_told(base: Stages, relay: Watched, folders: tuple[Path, Path]) -> None:
    (ready,) = pictures(made(REQUEST, base, relay))
    digests = [sha256(folder / "unet/diffusion_pytorch_model.safetensors") for folder in folders]
    assert ready.provenance["model_hash"] == digests[0]
    assert ready.provenance["refiner"] == f"refiner: {digests[1]}"


def test_with_room_for_both_they_stay(base: Stages, relay: Watched) -> None:
    first = Base(base, 10**12)
    events = made(replace(REQUEST, count=3), first, relay)
    assert first.rests == 0
    order = [event.picture_index for event in events if isinstance(event, StageStarted | PictureReady)]
    assert order == sorted(order)
    begun = [event.stage for event in events if isinstance(event, StageStarted)]
    assert begun.count(Stage.OPENING_REFINER) == 1
    assert relay.turns.count("second") == 3


def test_without_room_they_take_turns_and_the_pictures_are_the_same(
    base: Stages, folders: tuple[Path, Path]
) -> None:
    """The first model begins all pictures, and is given back before the second is opened."""
    request, several = replace(REQUEST, count=3), [Watched(folders[1]) for _ in range(2)]
    apart, beside = Base(base, 0), Base(base, 10**12)
    events = made(request, apart, several[0])
    assert apart.rests == 1
    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert stages.count(Stage.OPENING_REFINER) == 1
    assert stages.index(Stage.OPENING_REFINER) > max(i for i, s in enumerate(stages) if s is Stage.DENOISING)
    alike = made(request, beside, several[1])
    assert [each.picture for each in pictures(events)] == [each.picture for each in pictures(alike)]
    assert [each.picture_index for each in pictures(events)] == [0, 1, 2]
    for each in several:
        each.close()


def test_when_it_is_stopped_the_first_model_has_room_again(base: Stages, folders: tuple[Path, Path]) -> None:
    relay = Watched(folders[1])
    events = pipeline.generate(REQUEST, Base(base, 0), relay=relay)  # type: ignore[arg-type]
    assert any(isinstance(each, StageStarted) and each.stage is Stage.REFINING for each in events)
    events.close()
    assert relay.turns[-1] == "first"
    second: Any = relay._stages
    assert second._held is None
    relay.close()


def test_its_time_is_told_once(base: Stages, relay: Watched) -> None:
    first, second = pictures(made(replace(REQUEST, count=2), Base(base, 0), relay))
    assert "opening_refiner" in first.stage_seconds
    assert "opening_refiner" not in second.stage_seconds


def test_an_embedding_is_both_models_(base: Stages, relay: Watched, tmp_path: Path) -> None:
    """SDXL's have vectors for each text encoder, of which the refiner has the second."""
    (tmp_path / "embeddings").mkdir()
    vectors = {name: torch.randn(2, 32, generator=torch.Generator().manual_seed(1)) for name in PARTS}
    save_file(vectors, tmp_path / "embeddings" / "gloss.safetensors")
    read = list[tuple[str, int]]()

    class Listening(Watched):
        def take_over(self, first: Stages) -> Stages:
            second: Any = super().take_over(first)
            plain = second.encode_text

            def encode(text: str, clip_skip: int) -> Any:
                read.append((text, len(second._vectors[0].rows)))
                return plain(text, clip_skip)

            second.encode_text = encode
            return second

    listening = Listening(relay._folder)
    made(replace(REQUEST, prompt="a gloss fox"), base, listening, search=(tmp_path,))
    assert read[0] == ("a gloss fox", 2)
    listening.close()


def test_what_is_predicted_for_it_decides(base: Stages, folders: tuple[Path, Path]) -> None:
    """Weights and the arrays of this size, with a tenth to spare; just less is too little."""
    backend = get_backend("cpu_offload")
    from backends.core.fit import predict

    footprint = backend.footprint  # type: ignore[attr-defined]
    need = predict(open_folder(folders[1]), footprint, (64, 64), 0, 2).need
    for room, at_once in ((need / 0.9 - 10, 8), (need / 0.9 + 10, 1)):
        relay = Watched(folders[1])
        relay.begin((64, 64), 2)
        assert relay.pictures_at_once(Base(base, int(room))) == at_once  # type: ignore[arg-type]
        relay.begin((512, 512), 2)
        assert relay.pictures_at_once(Base(base, int(room))) == 8  # type: ignore[arg-type]


def test_a_person_s_limit_is_for_one_model_at_a_time(folders: tuple[Path, Path]) -> None:
    stages = get_backend("cpu_offload").open(folders[0], {"memory": "1GB"})
    assert stages.bytes_beside() == 0  # type: ignore[attr-defined]
    stages.close()


def test_a_prediction_that_was_too_good_costs_a_turn(
    base: Stages, relay: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening it beside the first runs out of memory once: then the first is given back."""
    backend, failed = get_backend("cpu_offload"), list[int]()
    really = backend.open

    def opens(folder: Path, options: Any) -> Stages:
        if not failed:
            failed.append(1)
            raise OutOfMemory("There is none left.", "Wait.")
        return really(folder, options)

    monkeypatch.setattr(type(backend), "open", lambda self, folder, options: opens(folder, options))
    first = Base(base, 10**12)
    assert len(pictures(made(REQUEST, first, relay))) == 1
    assert first.rests == 1


def test_a_controlnet_comes_back_with_the_first_model(
    base: Stages, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one picture a turn the first model and its ControlNet rest between two pictures."""
    monkeypatch.setattr(relays, "_AT_ONCE", 1)
    make_controlnet(tmp_path / "controlnets" / "edges", base.network("unet"), 5)  # type: ignore[attr-defined]
    edges = Control(model="edges", image=_png(Image.radial_gradient("L").convert("RGB")))
    request, found = replace(REQUEST, count=2, controls=(edges,)), list[list[PictureReady]]()
    for first in (Base(base, 10**12), Base(base, 0)):
        relay = Watched(folders[1])
        found.append(pictures(made(request, first, relay, search=(tmp_path,))))
        relay.close()
    assert [each.picture for each in found[0]] == [each.picture for each in found[1]]
    (plain,) = pictures(made(REQUEST, base, Watched(folders[1])))
    assert plain.picture != found[0][0].picture


def test_a_lora_is_the_first_model_s(
    base: Stages, relay: Watched, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "loras").mkdir()
    network = base.network("unet")  # type: ignore[attr-defined]
    save_as_peft(tmp_path / "loras/mine.safetensors", pairs(shapes({"unet": network}), 3))
    prompt = "a fox <lora:mine>"
    (ready,) = pictures(made(replace(REQUEST, prompt=prompt), base, relay, search=(tmp_path,)))
    (plain,) = pictures(made(REQUEST, base, relay))
    assert ready.picture != plain.picture
    assert ready.provenance["additions"].startswith("mine: ")
    assert "refiner" in ready.provenance


def test_what_is_not_masked_stays(base: Stages, relay: Watched) -> None:
    generator = np.random.default_rng(1)
    start = Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    data, hole = (_png(each) for each in (start, mask))
    (ready,) = pictures(made(replace(REQUEST, init_image=data, mask=hole, strength=0.9), base, relay))
    pixels = np.frombuffer(ready.picture.rgb, np.uint8).reshape(64, 64, 3)
    assert np.array_equal(pixels[:, 32:], np.asarray(start)[:, 32:])
    assert not np.array_equal(pixels[:, :32], np.asarray(start)[:, :32])


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"refiner": Refiner(model="refiner", switch=0.9999)}, "after the last step"),
        ({"refiner": Refiner(model="refiner", switch=0.0001)}, "before the first step"),
        ({"steps": 10, "strength": 0.3}, "before the first step"),
    ],
)
def test_a_part_without_steps_is_refused(
    base: Stages, relay: Watched, changes: dict[str, Any], message: str
) -> None:
    start = _png(Image.new("RGB", (64, 64))) if "strength" in changes else None
    with pytest.raises(InvalidRequest, match=message):
        made(replace(REQUEST, init_image=start, **changes), base, relay)
    assert relay.turns.count("second") == 0


def test_only_a_relative_can_follow(base: Stages, tmp_path: Path, folders: tuple[Path, Path]) -> None:
    other = Relay(get_backend("cpu_offload"), make_tiny_model(tmp_path / "sd1", EPSILON), {})
    with pytest.raises(InvalidRequest, match="sd1 can't finish pictures of base"):
        made(REQUEST, base, other)
    refiner = get_backend("cpu_offload").open(folders[1], {})
    with pytest.raises(InvalidRequest, match="base can't finish pictures of refiner"):
        made(REQUEST, refiner, Relay(get_backend("cpu_offload"), folders[0], {}))
    refiner.close()


def test_without_the_model_it_says_so(base: Stages) -> None:
    with pytest.raises(InvalidRequest, match="The refiner refiner is not here"):
        made(REQUEST, base, None)


def test_networks_for_other_hardware_say_that_they_can_not(base: Stages, relay: Watched) -> None:
    class Converted:
        facts, check_size = base.facts, base.check_size

    with pytest.raises(InvalidRequest, match="converted model can't be followed by a refiner"):
        made(REQUEST, Converted(), relay)


def test_the_worker_keeps_both_and_lets_the_refiner_go(folders: tuple[Path, Path]) -> None:
    engine = PipelineEngine()
    job = Job(request=REQUEST, model_folder=folders[0], backend="cpu_offload", refiner_folder=folders[1])
    first, again = (pictures(list(engine.make(job)))[0] for _ in range(2))
    assert first.picture == again.picture
    assert engine._refiner is not None
    kept = engine._refiner[1]
    list(engine.make(job))
    assert engine._refiner[1] is kept
    alone = list(engine.make(replace(job, request=replace(REQUEST, refiner=None), refiner_folder=None)))
    assert engine._refiner is None
    assert pictures(alone)[0].picture != first.picture
    engine.close()


@pytest.mark.parametrize("switch", [0.0, 1.0, -0.2, float("nan")])
def test_where_it_can_not_take_over(switch: float) -> None:
    with pytest.raises(InvalidRequest, match="can't take over at"):
        Refiner(model="x", switch=switch)
