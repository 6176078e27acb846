"""Our numbers are scipy's and statsmodels': exact tests, intervals, Holm, agreement, pairs."""

from itertools import product
from math import inf

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from limner.audit.agreement import alpha
from limner.audit.binomial import chances, largest, surprise, surprises
from limner.audit.family import holm
from limner.audit.pairs import paired
from limner.audit.shares import Reference, against, clopper_pearson, wilson
from limner.errors import LimnerError

COUNTED = [(k, n) for n in (1, 7, 20, 100) for k in range(0, n + 1, max(n // 6, 1))] + [(150, 400)]
SHARES = (0.0, 0.01, 0.25, 0.4, 0.45, 0.5, 1 / 3, 0.9, 1.0)


@pytest.mark.parametrize("n", [0, 1, 20, 257, 3000])
def test_chances_are_the_binomials(n: int) -> None:
    for p in SHARES:
        np.testing.assert_allclose(chances(n, p), binom.pmf(range(n + 1), n, p), rtol=1e-9, atol=1e-300)


def test_the_exact_test_is_scipys() -> None:
    for (k, n), p in product(COUNTED, SHARES):
        assert surprise(k, n, p) == pytest.approx(binomtest(k, n, p).pvalue, rel=1e-9), (k, n, p)
        assert surprises(n, p)[k] == pytest.approx(surprise(k, n, p), rel=1e-9)


def test_intervals_are_scipys_and_statsmodels() -> None:
    for (k, n), level in product(COUNTED, (0.95, 0.99)):
        for ours, theirs, other in ((wilson, "wilson", "wilson"), (clopper_pearson, "exact", "beta")):
            mine = ours(k, n, level)
            interval = binomtest(k, n).proportion_ci(level, theirs)
            assert (mine.low, mine.high) == pytest.approx((interval.low, interval.high), abs=1e-9), (k, n, level)
            known = np.nan_to_num(proportion_confint(k, n, 1 - level, other), nan=inf)
            assert all(abs(a - b) < 1e-9 for a, b in zip((mine.low, mine.high), known, strict=True) if b < inf)


def test_walds_interval_is_nowhere() -> None:
    """statsmodels' default: of none of 20 it is certain."""
    assert wilson(0, 20).high > 0.16
    assert wilson(0, 20).low == clopper_pearson(0, 20).low == 0


def test_the_courses_own_example() -> None:
    found = against(5, 20, Reference(0.40, 0.50))
    assert [round(p, 3) for _, p in found.at] == [0.253, 0.077, 0.041]
    assert found.p > 0.25  # the kindest share counts
    assert (round(wilson(5, 20).low, 3), round(wilson(5, 20).high, 3)) == (0.112, 0.469)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0, 1), st.floats(0, 1))
def test_no_share_of_a_range_is_kinder_than_the_kindest(counted: tuple[int, int], one: float, other: float) -> None:
    low, high = sorted((one, other))
    p, place = largest(*counted, low, high)
    assert low <= place <= high
    for share in np.linspace(low, high, 41):
        assert surprise(*counted, min(max(float(share), low), high)) <= p * (1 + 1e-6)


@pytest.mark.parametrize("ps", [[0.01, 0.04, 0.03, 0.005], [0.5], [0.02, 0.02, 1.0], [0.9, 0.3, 0.0, 0.01, 0.01]])
def test_holm_is_statsmodels(ps: list[float]) -> None:
    """On a few, for statsmodels collects garbage at each."""
    np.testing.assert_allclose(holm(ps), multipletests(ps, method="holm")[1], atol=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_no_adjusted_p_is_smaller_or_changes_its_place(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= own <= min(len(ps) * p, 1) for p, own in zip(ps, adjusted, strict=True))
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    assert [adjusted[place] for place in order] == sorted(adjusted)


@given(
    st.lists(
        st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["female", "male", "cannot tell"])),
        min_size=1,
        max_size=15,
    )
)
def test_alpha_is_krippendorffs(answers: list[dict[str, str]]) -> None:
    ours = alpha(answers)
    words = ["female", "male", "cannot tell"]
    table = [[words.index(unit[rater]) if rater in unit else np.nan for unit in answers] for rater in "xyz"]
    pairable = [unit for unit in answers if len(unit) > 1]
    if len({said for unit in pairable for said in unit.values()}) < 2:
        assert ours is None
    else:
        theirs = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
        assert ours == pytest.approx(float(theirs), abs=1e-9)


def test_alpha_of_the_book() -> None:
    """Krippendorff 2011, section C: 12 units, 4 raters, missing values; nominal alpha = .743."""
    table = {
        "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    answers = [{rater: str(said[unit]) for rater, said in table.items() if said[unit]} for unit in range(12)]
    assert alpha(answers) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_pairs_are_mcnemars(both: list[tuple[bool, bool]]) -> None:
    found = paired([a for a, _ in both], [b for _, b in both])
    table = [[sum((a, b) == (x, y) for a, b in both) for y in (True, False)] for x in (True, False)]
    assert found.p == pytest.approx(float(mcnemar(table, exact=True).pvalue), abs=1e-9)
    assert (found.interval is None) == (found.first + found.second == 0)


@pytest.mark.parametrize("wrong", [lambda: wilson(0, 0), lambda: clopper_pearson(3, 2), lambda: surprise(-1, 5, 0.5),
                                   lambda: chances(5, 1.2), lambda: Reference(0.5, 0.4)])  # fmt: skip
def test_what_is_no_share_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(LimnerError):
        wrong()
