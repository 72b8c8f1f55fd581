"""Prompts that leave a choice, tags for LoRAs, and the files that a prompt names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.core import pipeline
from backends.core.contract import InvalidRequest, PictureReady, Request, Stages
from backends.core.prompt_choices import resolve
from backends.core.prompt_tags import LoraTag, split_tags, with_tag
from backends.core.shelf import Shelf


def no_lines(name: str) -> list[str]:
    raise AssertionError(name)


def results(template: str, many: int = 200) -> Counter[str]:
    return Counter(resolve(template, seed, no_lines) for seed in range(many))


@pytest.mark.parametrize(
    ("template", "possible"),
    [
        ("a {red|blue} fox", {"a red fox", "a blue fox"}),
        ("{a|b {c|d}}", {"a", "b c", "b d"}),
        ("{2$$a|b|c}", {"a, b", "a, c", "b, a", "b, c", "c, a", "c, b"}),
        ("{2$$ and $$a|b}", {"a and b", "b and a"}),
        ("{1-2$$a|b}", {"a", "b", "a, b", "b, a"}),
        ("{5$$a|b}", {"a, b", "b, a"}),
        ("{|very} big", {" big", "very big"}),
        ("{notice} and {}", {"{notice} and {}"}),
        ("{{a|b}}", {"{a}", "{b}"}),
        ("{a|b", {"{a|b"}),
        ("", {""}),
    ],
)
def test_every_choice_is_made_and_no_other(template: str, possible: set[str]) -> None:
    assert set(results(template)) == possible


def test_odds() -> None:
    found = results("{3::often|seldom}", 2000)
    assert 1400 < found["often"] < 1600
    assert set(results("{0::never|always}")) == {"always"}


def test_a_seed_decides() -> None:
    template = "{a|b|c} {a|b|c} {a|b|c}"
    assert resolve(template, 5, no_lines) == resolve(template, 5, no_lines)
    assert len(results(template)) == 27


def test_wildcards_are_files(tmp_path: Path) -> None:
    folder = tmp_path / "wildcards" / "animals"
    folder.mkdir(parents=True)
    (folder / "bird.txt").write_text("# birds\nowl\n\n{big|small} robin\n")
    (folder.parent / "all.txt").write_text("__animals/bird__\n")
    shelf = Shelf([tmp_path])
    found = {resolve("an __all__", seed, shelf.wildcard) for seed in range(50)}
    assert found == {"an owl", "an big robin", "an small robin"}
    with pytest.raises(InvalidRequest, match="no list of wildcards called 'birds'"):
        resolve("__birds__", 0, shelf.wildcard)


def test_a_wildcard_that_names_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "x.txt").write_text("__x__ __x__")
    with pytest.raises(InvalidRequest, match="never end"):
        resolve("__x__", 0, Shelf([tmp_path]).wildcard)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "a/../../secret"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "home" / "wildcards").mkdir(parents=True)
    with pytest.raises(InvalidRequest):
        Shelf([tmp_path / "home"]).wildcard(name)
    with pytest.raises(InvalidRequest):
        Shelf([tmp_path / "home"]).lora(name)


def test_tags() -> None:
    assert split_tags("a fox <lora:x:0.8>, red<lora:y>") == (
        "a fox, red",
        (LoraTag("x", 0.8), LoraTag("y", 1.0)),
    )
    assert split_tags("<lora:x:0.8:0.2> <lora:x:-1>")[1] == (LoraTag("x", -1.0),)
    assert split_tags("<lora:x:0>")[1] == ()
    assert with_tag("a <lora:x:0.5> b", LoraTag("x", 0.8)) == "a b <lora:x:0.8>"
    for broken in ("<lora::1>", "<lora:x:strong>", "<lora:x:99>", "<lora:x:nan>"):
        with pytest.raises(InvalidRequest, match="can't be read"):
            split_tags(broken)


def pictures(stages: Stages, **wanted: Any) -> list[PictureReady]:
    settings: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "sampler": "euler"}
    request = Request(**settings, guidance_scale=4.0, **wanted)
    events = pipeline.generate(request, stages, previews=False)
    return [event for event in events if isinstance(event, PictureReady)]


def test_each_picture_has_its_own_choice_and_can_be_made_again(tiny_stages: Stages) -> None:
    made = pictures(
        tiny_stages, prompt="{red|blue|green} {fox|owl}", negative_prompt="{x|y}", seed=1, count=4
    )
    assert len({each.prompt for each in made}) > 1
    for each in made:
        assert each.prompt is not None
        again = {"prompt": each.prompt, "negative_prompt": each.negative_prompt or "", "seed": each.seed}
        (same,) = pictures(tiny_stages, **again)
        assert np.array_equal(same.picture.rgb, each.picture.rgb)
        assert same.prompt is None


def test_a_repeat_of_one_of_many_makes_its_choice(tiny_stages: Stages) -> None:
    made = pictures(tiny_stages, prompt="{red|blue|green} {fox|owl}", seed=1, count=3)
    (again,) = pictures(tiny_stages, prompt="{red|blue|green} {fox|owl}", seed=3)
    assert (again.prompt, again.picture.rgb) == (made[2].prompt, made[2].picture.rgb)
