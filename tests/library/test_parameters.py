"""A1111's text, as A1111 writes and reads it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from desktop.library.parameters import read_parameters, write_parameters
from desktop.library.record import InitPicture, Record

RECORD = Record(
    prompt="a panda eating tacos",
    negative_prompt="blurry, text",
    model="starter",
    width=512,
    height=768,
    steps=20,
    guidance_scale=7.0,
    sampler="dpmpp_2m_karras",
    seed=1234,
    strength=0.75,
    clip_skip=0,
    provenance={"model": "Starter", "model_hash": "0123456789abcdef" * 4, "mezzotint": "0.1.0"},
)


def test_the_text_is_what_a1111_writes():
    assert write_parameters(RECORD) == (
        "a panda eating tacos\n"
        "Negative prompt: blurry, text\n"
        "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234, Size: 512x768, "
        "Model hash: 0123456789, Model: Starter, RNG: CPU, Version: Mezzotint 0.1.0"
    )


def test_what_is_not_used_is_not_written():
    assert "Negative prompt" not in write_parameters(replace(RECORD, negative_prompt=""))
    assert "Denoising strength" not in write_parameters(RECORD)
    assert "Clip skip" not in write_parameters(RECORD)


def test_start_picture_and_clip_skip_are_written_in_a1111s_way():
    started = replace(RECORD, init_image=InitPicture(name="a", path="a", sha256=""), clip_skip=1)
    text = write_parameters(started)
    assert "Denoising strength: 0.75, Clip skip: 2, RNG" in text
    assert read_parameters(text).clip_skip == 1


def test_awkward_model_names_are_quoted():
    text = write_parameters(replace(RECORD, provenance={"model": 'A, "b": c'}))
    assert 'Model: "A, \\"b\\": c"' in text
    assert read_parameters(text).model == 'A, "b": c'


def test_newer_a1111_keeps_karras_apart():
    text = "x\nSteps: 5, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 64x64"
    assert read_parameters(text).sampler == "dpmpp_2m_karras"


def test_text_without_settings_is_a_prompt():
    record = read_parameters("just words\nand more")
    assert (record.prompt, record.steps, record.sampler) == ("just words\nand more", None, None)


def test_another_programs_sampler_keeps_its_name():
    assert read_parameters("x\nSteps: 5, Sampler: DPM fast, CFG scale: 7, Seed: 1").sampler == "DPM fast"


LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), max_size=40)


@given(st.lists(LINES, max_size=4), st.lists(LINES, max_size=4))
def test_prompts_of_many_lines_come_back(prompt: list[str], negative: list[str]):
    record = replace(RECORD, prompt="\n".join(prompt).strip(), negative_prompt="\n".join(negative).strip())
    again = read_parameters(write_parameters(record))
    assert (again.prompt, again.negative_prompt) == (record.prompt, record.negative_prompt)
    assert (again.seed, again.width) == (1234, 512)


@given(st.text(max_size=200))
def test_settings_survive_any_prompt(prompt: str):
    again = read_parameters(write_parameters(replace(RECORD, prompt=prompt, negative_prompt=prompt)))
    assert (again.steps, again.seed, again.guidance_scale) == (20, 1234, 7.0)


@given(st.text(st.sampled_from('Steps: Sampler,"\\x0123456789\n'), max_size=120))
def test_any_text_can_be_read(text: str):
    read_parameters(text)
