"""What the Models screen finds is offered to Make as at the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desktop.application import model_choices
from desktop.models_reading import read_cards
from desktop.models_room import choice_of
from tests.desktop.models.kit import install
from tests.fakes import write_refiner_configs


def test_the_form_knows_as_much_of_a_model(home: Path) -> None:
    """Whether ControlNets, references and refiners are for it, its sizes and samplers."""
    install(home, "plain")
    write_refiner_configs(home / "models" / "xl-refiner")
    later = {card.name: choice_of(card) for card in read_cards()}
    for first in model_choices():
        after = later[first.name]
        assert after is not None
        assert replace(after, title=first.title) == first
