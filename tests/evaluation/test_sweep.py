"""Diversity falls where pictures grow alike, and evenness is what chance would make it."""

from collections.abc import Sequence

import numpy as np
import pytest

from limner.evaluation.guidance import chance, evenness, over, questions, swept
from limner.pictures.nouns import nouns

WORDS = sorted(nouns())[:50]


def test_prompts_name_no_style_and_share_no_seed() -> None:
    asked = questions(WORDS, 10, 4)
    assert [each.noun for each in asked] == WORDS[::5]
    assert all(each.noun in each.prompt and "," not in each.prompt for each in asked)
    assert len({seed for each in asked for seed in each.seeds}) == 40
    assert len(questions(WORDS, 500, 4)) == 50


def test_entropy_is_all_or_nothing_at_its_ends() -> None:
    assert evenness(["a", "b", "c", ""], 3) == pytest.approx(1)
    assert evenness(["a", "a", ""], 3) == 0
    assert evenness(["a", "b"], 1) == 0


def test_chance_is_what_chance_makes() -> None:
    rng = np.random.default_rng(0)
    made = [evenness([str(each) for each in rng.integers(3, size=8)], 3) for _ in range(4000)]
    assert chance(8, 3) == pytest.approx(np.mean(made), abs=0.01)  # four standard errors of 4,000 trials
    assert chance(1000, 3) > 0.99


def test_pictures_that_grow_alike_are_less_diverse() -> None:
    rng = np.random.default_rng(0)
    right, styles = [[True, False]] * 6, [["a", "b"]] * 3 + [["a", "a"]] * 3

    def at(scale: float, crowd: Sequence[np.ndarray]) -> float:
        found = swept(scale, right, crowd, styles, 2)
        assert found.recognised.value == found.evenness.value == 0.5
        assert found.diversity.low <= found.diversity.value <= found.diversity.high
        return found.diversity.value

    crowd = [rng.normal(size=(2, 4)) for _ in range(6)]
    assert at(10, [each / 2 for each in crowd]) == pytest.approx(at(1, crowd) / 2)
    assert over([0.5, 0.5]).low == 0.5
