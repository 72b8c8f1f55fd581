"""Start pictures, recipes, styles, emphasis, settings and the language, without a window."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.core.contract import MezzotintError, SaveFailed, UnreadablePicture
from desktop.library import settings_file
from desktop.library.record import Record
from desktop.model import language, settings, styles
from desktop.model.emphasis import shift_weight
from desktop.model.form import Form
from desktop.model.language import parse_po, tr
from desktop.model.make import VARIATIONS, Make
from desktop.model.recipes import ForeignRecipe, fill
from desktop.model.settings import Settings
from desktop.model.start import StartPicture
from desktop.model.styles import Style, Styles
from tests.desktop.still import MODELS, StillBench
from tests.fakes import square

PICTURE = StartPicture(b"\x89PNG some bytes", "cat.png", "~/cat.png")


class StillReader:
    """Answers at once, with what the test put in."""

    def __init__(self) -> None:
        self.error: MezzotintError | None = None

    def open_start(self, path: Path, then, failed) -> None:
        failed(self.error) if self.error else then(PICTURE)

    open_guide = open_start

    def open_recipe(self, path: Path, then, failed) -> None:
        failed(self.error) if self.error else then(ForeignRecipe(RECIPE, "ComfyUI", ("LoRA detail",)))


RECIPE = Record(
    prompt="a fox",
    negative_prompt="rain",
    model="dreamshaper",
    width=515,
    height=512,
    steps=30,
    guidance_scale=7.5,
    sampler="euler_a",
    seed=42,
)


@pytest.fixture
def bench() -> StillBench:
    return StillBench()


@pytest.fixture
def make(bench: StillBench) -> Make:
    return Make(bench, MODELS, reader=StillReader())


def test_a_start_picture_goes_with_the_request_and_shapes_the_form(make: Make, bench: StillBench) -> None:
    make.use_as_start(Path("cat.png"))
    _, then, _ = bench.looks[-1]
    then(square(8, 4, 1), (800, 400))
    assert make.studio.start_look == square(8, 4, 1)
    assert (make.form.width, make.form.height) == (88, 64)
    make.form.strength = 0.5
    make.generate()
    assert (bench.jobs[0].request.init_image, bench.jobs[0].request.strength) == (PICTURE.data, 0.5)
    make.use_start(None)
    make.generate()
    assert make.studio.start_look is None
    assert make.queue.waiting[0].job.request.init_image is None


def test_a_start_picture_that_can_not_be_read_is_none(make: Make, bench: StillBench) -> None:
    make.start_from(PICTURE)
    bench.looks[-1][2](UnreadablePicture("It is damaged.", "Use another."))
    assert make.form.start is None
    assert make.studio.problem is not None


def test_a_late_look_is_not_shown(make: Make, bench: StillBench) -> None:
    make.start_from(PICTURE)
    make.use_start(None)
    bench.looks[-1][1](square(8, 8, 1), (8, 8))
    assert make.studio.start_look is None


def test_variations_start_from_the_picture_with_its_words(make: Make, bench: StillBench) -> None:
    make.make_variations(ForeignRecipe(RECIPE, "Mezzotint"), Path("cat.png"))
    request = bench.jobs[0].request
    assert (request.prompt, request.count, request.init_image) == ("a fox", VARIATIONS, PICTURE.data)
    assert request.strength < 0.75
    assert request.seed != RECIPE.seed


def test_a_recipe_fills_the_form_says_what_is_left_and_can_be_put_back(make: Make) -> None:
    make.form.prompt = "mine"
    make.drop_recipe(Path("comfy.png"))
    assert (make.form.prompt, make.form.steps, make.form.seed) == ("a fox", 30, 42)
    assert (make.form.model, make.form.width) == ("small", 512)
    note = make.studio.note
    assert note is not None
    assert note.act is not None
    assert "ComfyUI" in note.text
    assert [line.split()[0] for line in note.details] == ["Model", "Size", "LoRA"]
    note.act()
    assert (make.form.prompt, make.studio.note) == ("mine", None)


def test_values_that_can_not_be_are_left_out() -> None:
    form = Form()
    odd = Record(
        prompt="x",
        steps=0,
        guidance_scale=200.0,
        seed=-1,
        clip_skip=40,
        sampler="ddim_uniform",
        model="SMALL",
    )
    left = fill(form, odd, {"small": MODELS[0]})
    assert len(left) == 5
    assert (form.steps, form.model) == (Form().steps, "small")
    form.next_request()


def test_a_style_goes_around_the_prompt(make: Make, bench: StillBench) -> None:
    make.styles.save(Style(name="Ink", prompt="ink drawing of {prompt}, black", negative_prompt="colour"))
    make.form.prompt, make.form.negative_prompt, make.form.style = "a fox", "rain", "Ink"
    make.generate()
    request = bench.jobs[0].request
    assert request.prompt == "ink drawing of a fox, black"
    assert request.negative_prompt == "rain, colour"


def test_styles_survive_their_file() -> None:
    kept = Styles()
    kept.save(Style(name="b"))
    kept.save(Style(name="A", prompt="x"))
    kept.save(Style(name="A", prompt="y"))
    assert [style.prompt for style in kept.saved] == ["y", "{prompt}"]
    again = styles.from_plain({**kept.to_plain(), "bad": 3, "worse": {"prompt": 1}})
    assert again.saved == kept.saved


@pytest.mark.parametrize(
    ("text", "selection", "steps", "result"),
    [
        ("a red fox", (2, 5), 1, "a (red:1.1) fox"),
        ("a (red:1.1) fox", (3, 6), 1, "a (red:1.2) fox"),
        ("a (red:1.1) fox", (3, 6), -1, "a red fox"),
        ("a red fox", (3, 3), -2, "a (red:0.8) fox"),
        ("a red fox, big", (2, 11), 1, "a (red fox:1.1), big"),
        ("a (red:2) fox", (4, 4), 1, "a (red:2) fox"),
        ("", (0, 0), 1, ""),
    ],
)
def test_emphasis(text: str, selection: tuple[int, int], steps: int, result: str) -> None:
    changed, start, end = shift_weight(text, *selection, steps)
    assert changed == result
    assert changed[start:end] == text[slice(*selection)].strip(" ,") or selection[0] == selection[1]


def test_settings_survive_their_file(tmp_path: Path) -> None:
    chosen = Settings(theme="light", model_folders=("/models",), keys={"generate": "F5"})
    chosen.choose_option("mps", "memory", "low")
    chosen.unknown = {"from the future": [1]}
    path = tmp_path / "config" / "settings.json"
    settings_file.write_settings(path, chosen.to_plain())
    assert settings.from_plain(settings_file.read_settings(path)) == chosen
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_settings_that_make_no_sense_are_as_at_first() -> None:
    odd = {
        "theme": "pink",
        "offline": 1,
        "language": "xx",
        "keys": {"a": 1},
        "model_folders": "x",
        "backend": None,
    }
    assert settings.from_plain(odd) == Settings()


def test_a_damaged_settings_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    assert settings_file.read_settings(path) == {}
    path.write_text("{not json")
    with pytest.raises(settings_file.SettingsUnreadable, match="settings-damaged"):
        settings_file.read_settings(path)
    assert (tmp_path / "settings-damaged.json").read_text() == "{not json"
    assert settings_file.read_settings(path) == {}


def test_settings_that_can_not_be_written_leave_the_old_ones(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SaveFailed):
        settings_file.write_settings(tmp_path / "file" / "settings.json", {})


def test_jobs_go_where_the_settings_say(make: Make, bench: StillBench) -> None:
    make.worker_ready("Fake", "fake")
    make.settings.choose_option("fake", "memory", "low")
    make.settings.previews = False
    make.generate()
    assert (bench.jobs[0].backend, bench.jobs[0].options) == ("auto", {"memory": "low"})
    assert not bench.jobs[0].previews


def test_sentences_in_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tr("Denoising {step} of {steps}", step=7, steps=20) == "Denoising 7 of 20"
    head, entry = ['msgid ""', 'msgstr "Head"'], ['msgid "Add "', '"to \\"queue\\""', 'msgstr "An\\n"']
    entries = parse_po("\n".join([*head, "#. note", *entry, '"hängen"']))
    assert entries == {'Add to "queue"': "An\nhängen"}
    monkeypatch.setattr(language, "_speech", language._Speech("de", {"{count} waiting": "{count} warten"}))
    assert tr("{count} waiting", count=3) == "3 warten"
    assert tr("not in the catalogue") == "not in the catalogue"
