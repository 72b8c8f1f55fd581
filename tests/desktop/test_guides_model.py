"""Guides and reference pictures without a widget: into requests, the queue, pictures' recipes, and back."""

# ruff: noqa: F811  fixtures are imported

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backends.core.contract import (
    PREPARATIONS,
    Control,
    Failed,
    Finished,
    GuideRefused,
    PictureReady,
    Request,
)
from desktop.errands import queue_of, to_brought
from desktop.keeping import record_of
from desktop.library.database import Library
from desktop.library.jobs import add_job
from desktop.library.record import from_json, to_json
from desktop.model.compare import Item, differences
from desktop.model.form import Form
from desktop.model.guides import Guide, fitting, told, way_in_words
from desktop.model.make import Make
from desktop.model.problem import Remedy
from desktop.model.start import StartPicture
from desktop.model.studio import Made
from desktop.recalling import recall
from tests.desktop.guide_kit import write_picture
from tests.desktop.still import MODELS, StillBench
from tests.fakes import square
from tests.library.conftest import home, library  # noqa: F401  fixtures

ABLE = tuple(replace(choice, takes_controls=True, takes_references=True) for choice in MODELS)


@pytest.fixture
def fox(tmp_path: Path) -> StartPicture:
    path = write_picture(tmp_path / "fox.png")
    return StartPicture(path.read_bytes(), "fox.png", str(path))


@pytest.fixture
def owl(tmp_path: Path) -> StartPicture:
    path = write_picture(tmp_path / "owl.png", "brown")
    return StartPicture(path.read_bytes(), "owl.png", str(path))


@pytest.fixture
def room(fox: StartPicture, owl: StartPicture) -> Make:
    """Its form has a guide and two reference pictures."""
    make = Make(StillBench(), ABLE)
    guide = Guide(picture=fox, model="canny", prepare="canny", weight=0.8, start=0.1, end=0.9)
    make.form.guides, make.form.references = (guide,), (owl, fox)
    return make


def bench(make: Make) -> Any:
    return make._bench


def made(make: Make) -> Made:
    """The form's next picture, as the worker makes it."""
    make.generate()
    request = bench(make).jobs[-1].request
    make.take(PictureReady(request.id, 0, request.seed, square(64, 64, 1), {}, {"model": "Small"}))
    make.take(Finished(request.id))
    return make.studio.recent[0]


def test_a_request_has_them(room: Make, fox: StartPicture, owl: StartPicture) -> None:
    request = room.form.next_request()
    assert request.references == (owl.data, fox.data)
    assert request.controls == (
        Control(model="canny", image=fox.data, prepare="canny", weight=0.8, start=0.1, end=0.9),
    )


def test_a_guide_without_a_controlnet_is_refused_and_can_be_left_out(room: Make) -> None:
    room.form.guides = (replace(room.form.guides[0], model=""),)
    before = room.form.guides
    with pytest.raises(GuideRefused, match=r"fox\.png"):
        room.form.next_request()
    room.generate()
    problem = room.studio.problem
    assert problem is not None
    assert [remedy for remedy, _ in problem.remedies] == [Remedy.WITHOUT_GUIDES]
    room.remedy(Remedy.WITHOUT_GUIDES)
    request = bench(room).jobs[-1].request
    assert (request.controls, len(request.references)) == ((), 2)
    assert room.form.guides == ()
    assert room.studio.note is not None
    assert room.studio.note.act is not None
    room.studio.note.act()
    assert room.form.guides == before


def test_what_the_worker_refuses_can_be_made_without(room: Make) -> None:
    room.generate()
    first = bench(room).jobs[-1].request
    room.take(Failed(first.id, GuideRefused("There is no ControlNet called 'canny'.", "Use one of: depth.")))
    room.remedy(Remedy.WITHOUT_GUIDES)
    second = bench(room).jobs[-1].request
    assert second == replace(first, controls=())
    assert room.queue.find(second.id) is not None
    assert room.queue.failed == ()


def test_what_the_model_cannot_use_is_refused_before_it_is_sent(room: Make) -> None:
    room.offer([replace(ABLE[0], takes_references=False)])
    room.generate()
    assert bench(room).jobs == []
    room.remedy(Remedy.WITHOUT_REFERENCES)
    request = bench(room).jobs[-1].request
    assert (len(request.controls), request.references) == (1, ())


def test_the_queue_keeps_them_over_a_restart(room: Make, library: Library) -> None:
    room.generate()
    entry = room.queue.entries[0]
    add_job(library, entry.job, brought=to_brought(entry.start, entry.beside))
    (restored,) = queue_of(library)
    assert restored.job.request == entry.job.request
    assert restored.beside == entry.beside
    assert [picture.name for picture in restored.beside.references] == ["owl.png", "fox.png"]
    assert [picture.path for picture in restored.beside.controls] == [room.form.guides[0].picture.path]


def test_repeat_fills_them_in(room: Make) -> None:
    picture, form = made(room), replace(room.form)
    room.form.guides, room.form.references = (), ()
    room.repeat(picture)
    assert (room.form.guides, room.form.references) == (form.guides, form.references)
    assert room.form.next_request() == picture.request
    room.vary(picture)
    assert bench(room).jobs[-1].request.controls == picture.request.controls


def test_a_recipe_brings_them_back_while_the_files_are_there(room: Make, tmp_path: Path) -> None:
    picture = made(room)
    record = from_json(to_json(record_of(picture, "")))
    empty = Make(StillBench(), ABLE)
    empty.use_recipe(recall(record))
    assert empty.form.next_request() == picture.request
    assert empty.form.guides == room.form.guides
    assert empty.studio.note is not None
    assert empty.studio.note.details == ()
    assert empty.studio.note.act is not None
    empty.studio.note.act()
    assert (empty.form.guides, empty.form.references) == ((), ())
    write_picture(tmp_path / "fox.png", "red")
    empty.use_recipe(recall(record))
    assert (empty.form.guides, [each.name for each in empty.form.references]) == ((), ["owl.png"])
    assert empty.studio.note is not None
    assert len([line for line in empty.studio.note.details if "fox.png" in line]) == 2


def test_variations_have_them(room: Make, tmp_path: Path) -> None:
    class Reader:
        def open_start(self, path: Path, then: Any, failed: Any) -> None:
            then(StartPicture(path.read_bytes(), path.name, str(path)))

        open_guide = open_start

        def open_recipe(self, path: Path, then: Any, failed: Any) -> None: ...

    record, start = record_of(made(room), ""), write_picture(tmp_path / "made.png", "black")
    other = Make(StillBench(), ABLE, reader=Reader())
    other.make_variations(recall(record), start)
    request = bench(other).jobs[-1].request
    assert request.init_image == start.read_bytes()
    assert request.controls == room.form.next_request().controls


def test_a_comparison_tells_them(room: Make) -> None:
    first = record_of(made(room), "")
    room.form.guides = (replace(room.form.guides[0], prepare="none", weight=1.0, start=0, end=1),)
    room.form.references = ()
    second = replace(record_of(made(room), ""), seed=first.seed)
    rows = {row.name: row.values for row in differences([Item("a", first), Item("b", second)])}
    assert rows["References"] == ("owl.png, fox.png", "")
    assert rows["Guides"] == (
        "canny: fox.png, Edges (canny), weight 0.8, 10 to 90 % of the steps",
        "canny: fox.png, weight 1",
    )


def test_shares_of_the_steps_keep_their_order(room: Make) -> None:
    guide = room.form.guides[0]
    for share in (0, 0.3, 0.95, 1, 7):
        for changed in (guide.begin_at(share), guide.end_at(share)):
            assert 0 <= changed.start < changed.end <= 1
            changed.control()
    assert (guide.begin_at(0.95).start, guide.end_at(0.05).end) == (0.95, 0.05)


def test_the_name_of_a_net_says_how_to_prepare_the_picture(room: Make) -> None:
    assert fitting("control_v11p_sd15_canny_fp16") == "canny"
    assert fitting("control_v11f1e_sd15_tile") == "tile"
    assert fitting("control_v11p_sd15_scribble") == "scribble"
    assert fitting("something") == ""
    guide = room.form.guides[0]
    assert guide.use_net("something").prepare == "canny"
    assert guide.use_net("controlnet-depth-sdxl").prepare == "depth"
    for models, by in ((("big", "small"), "big"), ((), "")):
        found = guide.use_net("depth", models)
        assert (found.prepare, found.by, found.control().by) == ("depth", by, by)
        assert found.use_way("canny", models).control().by == ""
    for way in PREPARATIONS:
        assert way_in_words(way)
    assert way_in_words("some_day") == "Some day"


def test_a_request_from_elsewhere_has_pictures_without_names() -> None:
    control = Control(model="canny", image=b"\x89PNG")
    request = Request(
        width=64, height=64, steps=2, guidance_scale=1, sampler="euler", seed=1, controls=(control,)
    )
    form = Form()
    form.fill_from(request, 1)
    assert form.next_request() == request
    assert told(request.controls) == "canny: weight 1"
