"""A pair of proportions is compared as the literature's worked examples are, and as often rightly as it says."""

import numpy as np
import pytest
import torch

from limner.errors import LimnerError
from limner.evaluation.paired import MARGIN, Paired, over_groups, paired


def of(only_one: int, only_other: int, count: int) -> Paired:
    both = [True] * (count - only_one - only_other)
    return paired([True] * only_one + [False] * only_other + both, [False] * only_one + [True] * only_other + both)


def test_the_worked_example() -> None:
    """Bentur et al. 2009 (1, 1, 7, 12), as in Fagerland, Lydersen & Laake 2014 (Statistics in Medicine 33, 2850)."""
    found = of(1, 7, 21)
    assert round(found.difference, 3) == -0.286
    assert (round(found.low, 3), round(found.high, 3)) == (-0.517, -0.026)


def test_the_other_way_round_is_the_mirror_image() -> None:
    one, other = of(30, 12, 400), of(12, 30, 400)
    torch.testing.assert_close((one.low, one.high), (-other.high, -other.low), rtol=0, atol=1e-9)


def test_bounds_are_there_where_nobody_or_everybody_differs() -> None:
    """With no pair that differs z(d) = d n / sqrt(n d (1 + d)) for d > 0: the bound is z^2 / (n + z^2), as Wilson's."""
    z2 = 1.959963984540054**2
    torch.testing.assert_close(of(0, 0, 100).high, z2 / (100 + z2), rtol=0, atol=1e-6)
    assert of(5, 0, 5).high == 1
    assert of(0, 5, 5).low == -1


def test_a_planted_worse_way_is_rejected_and_an_equal_one_is_not() -> None:
    assert not of(20, 60, 1600).not_worse
    equal = of(40, 40, 1600)
    assert equal.difference == 0
    assert equal.not_worse
    assert not of(40, 40, 400).not_worse  # too few to tell


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    """1,000 experiments of 800 pairs that differ by exactly the margin: 95% +- 3 standard errors of the simulation."""
    share_one, share_other = 0.04, 0.04 - MARGIN
    draws = np.random.default_rng(0).multinomial(800, [share_one, share_other, 1 - share_one - share_other], 1000)
    found = {pair: of(*pair, 800) for pair in {(int(b), int(c)) for b, c, _ in draws}}
    made = [found[int(b), int(c)] for b, c, _ in draws]
    covered = sum(each.low <= MARGIN <= each.high for each in made) / len(made)
    assert abs(covered - 0.95) < 3 * (0.95 * 0.05 / 1000) ** 0.5
    wrongly = sum(each.not_worse for each in made) / len(made)
    assert abs(wrongly - 0.025) < 3 * (0.025 * 0.975 / 1000) ** 0.5


def test_answers_that_are_no_pairs_are_refused() -> None:
    for one, other in (([True], []), ([], [])):
        with pytest.raises(LimnerError, match="are no pairs"):
            paired(one, other)


def test_mcnemar_is_exact() -> None:
    """Of eight pairs that differ one goes the other way: 2 (1 + 8) / 2^8."""
    torch.testing.assert_close(of(1, 7, 21).p, 18 / 256, rtol=0, atol=1e-12)
    assert of(1, 7, 21).p == of(7, 1, 500).p
    assert of(0, 0, 10).p == of(5, 5, 10).p == 1


def test_where_prompts_are_what_chance_drew_they_are_what_counts() -> None:
    """Three prompts that all gained, by 5, 2 and 1: of the eight ways to flip signs two are as far out, p = 2/8.

    McNemar's p of the same eight pictures is 2 / 2^8.
    """
    groups = ["a"] * 5 + ["b"] * 2 + ["c"]
    assert over_groups([True] * 8, [False] * 8, groups) == pytest.approx(0.25)
    assert paired([True] * 8, [False] * 8).p == pytest.approx(2 / 256)
    assert over_groups([True] * 8, [False] * 8, list(range(8))) == pytest.approx(2 / 256)
    assert over_groups([True] * 8, [False] * 8, ["a"] * 8) == 1.0
    assert over_groups([True, False], [False, True], ["a", "a"]) == 1.0
