"""A judge's errors are undone, and the intervals hold the truth as often as they say."""

import numpy as np
import pytest
from scipy.stats import binomtest

from limner.errors import LimnerError
from limner.evaluation.prevalence import Count, Share, clustered, corrected, scored, wilson

GOOD = Count(950, 1000)


def test_what_shows_as_14_percent_is_10() -> None:
    found = corrected(Count(140, 1000), GOOD, GOOD)  # (.14 + .95 - 1) / (.95 + .95 - 1) = .09 / .9
    assert found.value == pytest.approx(0.1)
    assert 0.05 < found.low < 0.1 < found.high < 0.15


def test_a_perfect_judge_is_believed() -> None:
    perfect = Count(10**6, 10**6)
    found = corrected(Count(30, 100), perfect, perfect)
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((wilson(Count(30, 100)).low, wilson(Count(30, 100)).high), abs=0.01)


def test_shares_stay_shares() -> None:
    for right, end in ((0, 0.0), (100, 1.0)):
        found = corrected(Count(right, 100), GOOD, GOOD)
        assert found.value == pytest.approx(end)
        assert 0 <= found.low <= found.high <= 1


def test_a_small_certificate_makes_a_wide_interval() -> None:
    def width(certificate: Count) -> float:
        found = corrected(Count(700, 1000), certificate, certificate)
        return found.high - found.low

    assert width(Count(19, 20)) > 2 * width(Count(1900, 2000))


def test_the_corrected_interval_holds_the_truth() -> None:
    rng, inside, truth, se, sp = np.random.default_rng(0), 0, 0.8, 0.95, 0.9
    for _ in range(600):
        found = Count(int(rng.binomial(300, truth * se + (1 - truth) * (1 - sp))), 300)
        share = corrected(found, Count(int(rng.binomial(150, se)), 150), Count(int(rng.binomial(150, sp)), 150))
        inside += share.low <= truth <= share.high
    assert inside / 600 > 0.93  # nominal .95, three standard errors of 600 trials below


def test_the_interval_of_resembling_pictures_holds_the_truth_and_wilsons_does_not() -> None:
    rng, inside, naive, truth = np.random.default_rng(0), 0, 0, 0.7
    for _ in range(600):
        chances = rng.beta(truth, 1 - truth, 80)  # every prompt has its own chance: four pictures are worth two
        groups = [[bool(each) for each in rng.random(4) < chance] for chance in chances]
        share, alone = clustered(groups), wilson(Count(sum(map(sum, groups)), 320))
        inside += share.low <= truth <= share.high
        naive += alone.low <= truth <= alone.high
    assert inside / 600 > 0.93
    assert naive / 600 < 0.9


def test_four_equal_pictures_are_worth_one_and_independent_ones_four() -> None:
    same = clustered([[True] * 4] * 30 + [[False] * 4] * 10)
    assert same == Share(0.75, *(pytest.approx(each) for each in binomtest(30, 40).proportion_ci(method="wilson")))
    never = clustered([[True] * 4] * 40)
    assert never.low == pytest.approx(scored(1.0, 40, 0.95).low)
    even = clustered([[True, True, True, False]] * 40)  # resembling less than chance would: no more than the pictures
    assert even == Share(0.75, *(pytest.approx(each) for each in binomtest(120, 160).proportion_ci(method="wilson")))


def test_chance_cannot_be_corrected_for() -> None:
    with pytest.raises(LimnerError, match="cannot be corrected for"):
        corrected(Count(5, 10), Count(5, 10), Count(5, 10))
    with pytest.raises(LimnerError, match="no share"):
        Count(1, 0)
