"""Several categories at once: exact where outcomes can be listed, intervals within their own conditions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from scipy.stats import multinomial as scipys
from statsmodels.stats.proportion import multinomial_proportions_confint

from limner.audit.binomial import surprise
from limner.audit.categories import LISTED, boxed, distance, multinomial, sison_glaz, together
from limner.errors import LimnerError


def test_the_exact_test_sums_the_outcomes_that_are_no_likelier() -> None:
    n, shares = 12, (0.5, 0.3, 0.2)
    law = scipys(n, shares)
    outcomes = [(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)]
    for counts in ((6, 4, 2), (12, 0, 0), (2, 5, 5)):
        own = law.pmf(counts)
        wanted = sum(law.pmf(each) for each in outcomes if law.pmf(each) <= own * (1 + 1e-7))
        assert multinomial(n, shares).p(counts) == pytest.approx(wanted, rel=1e-9)


def test_of_two_categories_it_is_the_binomial_test() -> None:
    for k in range(21):
        assert multinomial(20, (0.45, 0.55)).p((k, 20 - k)) == pytest.approx(surprise(k, 20, 0.45), rel=1e-6)


def test_where_there_are_too_many_outcomes_they_are_drawn_and_p_is_near_the_chi_squares() -> None:
    shares = (0.3, 0.3, 0.2, 0.1, 0.1)
    law, counts = multinomial(200, shares), (50, 66, 44, 24, 16)
    assert not law.exact
    assert law.p(counts) == pytest.approx(chisquare(counts, [200 * s for s in shares]).pvalue, abs=0.03)
    assert law.p((200, 0, 0, 0, 0)) == 1 / (1 + len(law.rising))  # never nought
    assert LISTED > 10_000


def test_goodmans_are_statsmodels() -> None:
    for counts in ([56, 72, 73, 59, 62, 87, 58], [5, 9], [20, 30, 50]):
        found = together(counts)
        assert found.method == "Goodman"
        np.testing.assert_allclose(
            [(i.low, i.high) for i in found.intervals], multinomial_proportions_confint(counts, 0.05, "goodman")
        )


def test_sison_and_glazs_are_statsmodels_but_for_the_series() -> None:
    """Their own example; and small counts, where it is what `together` takes."""
    for counts in ([56, 72, 73, 59, 62, 87, 58], [1, 4, 9, 3, 12, 2, 8, 1]):
        mine = [(each.low, each.high) for each in sison_glaz(counts)]
        np.testing.assert_allclose(
            mine, multinomial_proportions_confint(counts, 0.05, "sison-glaz"), atol=1.5 / sum(counts)
        )
    assert together([1, 4, 9, 3, 12, 2, 8, 1]).method == "Sison-Glaz"


def test_the_box_is_as_likely_as_it_is() -> None:
    counts, n = (4, 6, 2), 12
    law = scipys(n, [k / n for k in counts])
    outcomes = [(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)]
    near = [each for each in outcomes if all(abs(a - b) <= 2 for a, b in zip(each, counts, strict=True))]
    assert boxed(counts, 2) == pytest.approx(sum(law.pmf(each) for each in near), rel=1e-9)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=9).filter(sum))
def test_every_share_lies_in_its_interval(counts: list[int]) -> None:
    found = together(counts)
    for k, interval in zip(counts, found.intervals, strict=True):
        assert 0 <= interval.low <= k / sum(counts) <= interval.high <= 1
    assert (found.method == "Goodman") == (min(counts) >= 5)


def test_few_of_few_categories_are_covered_together() -> None:
    """Bonferroni's: over an exact multinomial all hold in 95% of all experiments."""
    n, shares = 15, (0.7, 0.2, 0.1)
    law, covered = scipys(n, shares), 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            counts = [a, b, n - a - b]
            found = together(counts)
            if all(i.holds(s) for i, s in zip(found.intervals, shares, strict=True)):
                covered += law.pmf(counts)
    assert covered >= 0.95


def test_distance_is_what_would_have_to_move() -> None:
    assert distance((5, 5), (0.5, 0.5)) == 0
    assert distance((10, 0), (0.5, 0.5)) == 0.5


@pytest.mark.parametrize("wrong", [lambda: together([3]), lambda: together([0, 0]), lambda: multinomial(5, (0.4, 0.4)),
                                   lambda: multinomial(5, (0.5, 0.5)).p((5, 5))])  # fmt: skip
def test_what_is_no_whole_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(LimnerError):
        wrong()
