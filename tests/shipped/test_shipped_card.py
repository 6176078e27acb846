"""The shipped model's card says what was measured: among the ten-second tests, as every new figure changes it."""

from pathlib import Path

import pytest

from limner.bundle import catalogue
from limner.bundle.layout import read_json
from limner.evaluation.card import card
from limner.evaluation.nearest import COPY

FOLDER = catalogue.SHIPPED / catalogue.DEFAULT
FIGURES = Path(__file__).parents[2] / "docs" / "figures"


@pytest.mark.tiny
def test_the_card_is_what_limner_json_and_the_figures_say() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == card(FOLDER, FIGURES)


def test_the_cards_words_on_cost_are_of_these_weights() -> None:
    """New weights: say in `evaluation/card.py`, under Cost, what their last steps took."""
    trained = read_json(FOLDER / "limner.json")["training"]
    assert isinstance(trained, dict)
    assert trained["diffusion"] == {"steps": 10705, "loss": 0.1412}
    loans = read_json(FIGURES / "gpu.json")["loans"]
    assert isinstance(loans, list)
    parts = [loan["parts"]["diffusion"] for loan in loans]  # type: ignore[index,call-overload]
    assert {part["rows"] for part in parts} == {512, 1024}  # type: ignore[index,call-overload]
    assert sum(part["steps"] for part in parts) > 10705 / 2  # type: ignore[index,call-overload,misc]


def test_a_copy_is_what_was_calibrated() -> None:
    details = read_json(FIGURES / "nearest.json")["details"]
    assert isinstance(details, dict)
    assert details["threshold"] == COPY
