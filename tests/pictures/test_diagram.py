"""What a lecturer points at is there: numbers and shapes as the look has them, over a picture with its heat."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from limner.network.attention import probabilities
from limner.pictures.diagram import MOST, Scene, attended, diagram
from limner.pictures.heat import OPACITY, TILE, heats, overlay
from limner.process.noise import draw
from limner.taps import Look, Site


def scene(tokens: int = 5, word: tuple[int, ...] = (2,), height: int = 2, width: int = 3) -> Scene:
    """A look of two heads; the second one's place (1, 1) is alike in ln 9 to the second word, in 0 to all others."""
    places = height * width
    q, k, v = (draw(0, name, 0, (1, 2, many, 4)) for name, many in (("q", places), ("k", tokens), ("v", tokens)))
    k[0, 1] = 0
    k[0, 1, 2] = torch.tensor([2.0, 0, 0, 0])
    q[0, 1, width + 1] = torch.tensor([float(np.log(9)), 0, 0, 0])
    probs = probabilities(q, k)
    added, before = torch.zeros(1, places, 8), torch.zeros(1, places, 8)
    added[0, width + 1, 0], before[0, width + 1, :2] = 0.25, torch.tensor([3.0, 4.0])
    before[0, :, 7] = 1e-9
    look = Look(q, k, v, probs, probs @ v, added, before)
    picture = np.full((16, 24, 3), 200, np.uint8)
    labels = ["\u2039start\u203a", *(f"w{n}" for n in range(1, tokens))]
    return Scene(
        picture, Site("mid.cross", "cross", height, width), look, 1, (1, 1), labels, word, "about $5 \U0001f34e"
    )


def said(page: Figure) -> list[str]:
    """Every text of a page, once it is drawn."""
    page.canvas.draw()
    return [text.get_text() for text in page.findobj(Text) if text.get_text()]


def test_the_numbers_are_those_of_the_look() -> None:
    """q k / sqrt(d) = ln 9, so that the word has 9 / (9 + 4) of the shares; and a quarter is added to five."""
    texts = said(diagram(scene()))
    assert f"{np.log(9):.2f}" in texts
    assert f"{exp(np.log(9)) / 13:.1%}" == "69.2%"
    assert texts.count("69.2%") == 1
    assert texts.count(f"{1 / 13:.1%}") == 4
    assert any("0.25 is added to 5" in text for text in texts)
    shapes = (
        "2 x 3\n= 6 places",
        "6 x 4\nwhat places ask",
        "5 x 4\nwhat words offer",
        "6 x 5\nhow alike",
        "6 x 8\nall",
    )
    assert [shape for shape in shapes if not any(text.startswith(shape) for text in texts)] == []
    assert "What does this place make of \u201cw2\u201d?" in texts
    assert "about \\$5 \u25a1" in texts  # no formula, and no letter that the font has not


def test_a_long_prompt_is_cut_about_the_word() -> None:
    """What is left out is told as one share, and shares sum to one."""
    long = scene(tokens=90, word=(60, 61))
    shown = long.shown()
    assert len(shown) == MOST
    assert shown[0] == 0
    assert {60, 61} < set(shown)
    assert replace(long, word=(89,)).shown()[-1] == 89
    texts = said(diagram(long))
    assert "all others" in texts
    assert "w60" in texts
    assert "w20" not in texts
    percents = [float(text[:-1]) for text in texts if text.endswith("%")]
    assert sum(percents) == pytest.approx(100, abs=0.05 * len(percents))


def test_a_word_is_the_mean_of_its_tokens() -> None:
    one = scene()
    both = attended(one.look, (2, 3))
    np.testing.assert_allclose(both, (attended(one.look, (2,)) + attended(one.look, (3,))) / 2, rtol=1e-6)
    assert both[1, 4] == pytest.approx((9 / 13 + 1 / 13) / 2)


def test_heat_is_laid_over_the_picture() -> None:
    white = np.full((4, 6, 3), 255, np.uint8)
    cold, hot = (overlay(white, np.full((2, 3), heat, np.float32)) for heat in (0, 1))
    assert cold.shape == hot.shape == white.shape
    assert cold.max() <= 255 * (1 - OPACITY) + 10  # inferno begins at almost black
    assert hot.min() > cold.max()


def test_sheets_of_one_row_and_of_several() -> None:
    """Small pictures are enlarged; large ones are not, and made small where there are many."""
    flat = np.zeros((2, 2), np.float32)
    small, large = (np.zeros((side, side, 3), np.uint8) for side in (100, 500))
    row = [("cat", flat)] * 9
    assert heats(small, [row]).width == 8 * (300 + 8) + 8
    assert heats(large, [row]).width == 8 * (500 + 8) + 8
    assert heats(large, [row, row]).width == 10 * (TILE + 8) + 8
    assert heats(large, [row, row]).height < 3 * TILE
