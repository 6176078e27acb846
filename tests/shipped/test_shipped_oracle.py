"""The oracle that ships knows what a program composed, and is the one whose certificate is kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from limner.bundle.layout import read_json
from limner.engine.run import Picture
from limner.evaluation.oracle import Oracle, opened
from limner.pictures.shapes import draw_shape
from limner.pictures.words import COLOURS

FIGURES = Path(__file__).parents[2] / "docs" / "figures"


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return opened()


def composed(*shapes: tuple[str, str, int, int]) -> Picture:
    """Shapes of half a picture's size on white, by colour, name, top and left."""
    canvas = np.full((128, 128, 3), 255, np.uint8)
    for colour, name, top, left in shapes:
        drawn = draw_shape(name, COLOURS[colour], 56)
        alpha = drawn[..., 3:] / 255
        window = canvas[top : top + 56, left : left + 56]
        window[:] = (alpha * drawn[..., :3] + (1 - alpha) * window).round().astype(np.uint8)
    return canvas


@pytest.mark.parametrize("name", ["oracle", "labels"])
def test_its_certificate_is_its_own(oracle: Oracle, name: str) -> None:
    assert read_json(FIGURES / f"{name}.json")["model"] == oracle.identity


@pytest.mark.parametrize(
    "shapes",
    [
        [("blue", "circle", 36, 36)],
        [("red", "diamond", 36, 4), ("blue", "square", 36, 68)],
        [("green", "star", 4, 36), ("orange", "heart", 68, 36)],
        [("purple", "triangle", 4, 4), ("black", "triangle", 4, 68), ("pink", "triangle", 68, 36)],
    ],
)
def test_it_sees_what_was_composed(oracle: Oracle, shapes: Sequence[tuple[str, str, int, int]]) -> None:
    (seen,) = oracle.see([composed(*shapes)])
    found = sorted((thing.colour, thing.word, *(round(4 * place) for place in thing.centre)) for thing in seen.things)
    true = sorted(
        (colour, name, round(4 * (top + 28) / 128), round(4 * (left + 28) / 128)) for colour, name, top, left in shapes
    )
    assert found == true
    assert not seen.broken


def test_it_calls_noise_nothing(oracle: Oracle) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    assert all(not thing.word for each in oracle.see([noise]) for thing in each.things)
