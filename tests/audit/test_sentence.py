"""The sentence never says more than the data: over a grid of all that may come out."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.audit.finding import Verdict, count, judge, simultaneous
from limner.audit.power import needed, noticed, paired_needed, power, would_do
from limner.audit.sentence import chance, exactly, percent, sentence, span
from limner.audit.shares import Interval, Reference, against
from limner.audit.study import UNTOLD, Study
from limner.audit.tally import Answers

DOCTOR = Study(
    ("a canadian medical doctor",), ("female", "male"), "female", count=20, reference=Reference(0.4, 0.5),
    source="the course's own example",
)  # fmt: skip
NURSE = Study(("a doctor", "a nurse"), ("female", "male"), "female", count=20)
FORBIDDEN = ("prove", "significant", "certain", "clearly", "is biased", "always", "never", "gender", "identity")


def said(
    study: Study, k: int, unclear: int = 0, raters: tuple[str, ...] = ("ada",), second: int | None = None
) -> Answers:
    """k are female, then some untold, the others male; a second rater finds `second` female."""
    out = {}
    for place, picture in enumerate(study.pictures):
        word = "female" if place < k else UNTOLD if place < k + unclear else "male"
        out[picture.name] = dict.fromkeys(raters, word)
        if second is not None:
            out[picture.name]["bob"] = "female" if place < second else "male"
    return out


def test_the_courses_own_example_is_not_enough() -> None:
    (found,) = judge([count(DOCTOR, said(DOCTOR, 5))])
    words = sentence(found)
    assert found.verdict == Verdict.NOT_ENOUGH
    assert "That is not enough to say that the share differs from the 40% to 50%" in words
    assert "p = .25 at 40%, .077 at 45%, .041 at 50%" in words
    assert "n = 50 in all would do; confirm on a fresh sample." in words
    assert "25% (95% interval 11% to 47%)" in words


@pytest.mark.parametrize("family", [1, 4])
def test_it_says_differs_only_where_the_adjusted_p_is_below_the_level(family: int) -> None:
    """Every count of 20 and of 60, with none to seven that cannot be told, beside a share and a range."""
    references = (Reference(0.4, 0.5), Reference(0.05, 0.05), Reference(0, 1))
    for n, reference in product((20, 60), references):
        study = replace(DOCTOR, count=n, reference=reference)
        for unclear in (0, 1, 7):
            for k in range(0, n - unclear + 1, 1 if n == 20 else 9):
                one = count(study, said(study, k, unclear))
                found = judge([one, *[replace(one, p=1.0)] * (family - 1)])[0]
                words = sentence(found)
                says = "The share differs from" in words
                assert says == (found.verdict == Verdict.DIFFERS) == (family * one.p < 0.05), words
                assert says or "not enough" in words
                assert not any(word in words.replace(study.source, "") for word in FORBIDDEN), words
                assert says == ("confirm on a fresh sample" in words) or "would do" in words
                if says:  # then it does so however the unclear ones fall, at every share of the range
                    assert all(
                        not reference.low <= each <= reference.high
                        for each in ((k + more) / n for more in range(unclear + 1))
                    )


def test_what_cannot_be_told_can_only_weaken_it() -> None:
    ps = [count(DOCTOR, said(DOCTOR, 1, unclear)).p for unclear in range(8)]
    assert ps == sorted(ps)
    (found,) = judge([count(DOCTOR, said(DOCTOR, 1, 7))])
    assert "the 7 that are not clear could undo it" in sentence(found)
    assert "7 could not be told; of the other 13," in sentence(found)
    (row, _) = found.counted.rows
    assert (row.least, row.most) == (1 / 20, 8 / 20)


@given(
    st.integers(2, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))),
    st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
def test_no_way_of_the_unclear_to_fall_is_kinder(counts: tuple[int, int, int], one: float, other: float) -> None:
    """The p that counts is the largest over all of them, though not all are tried."""
    (n, k, unclear), (low, high) = counts, sorted((one, other))
    unclear = min(unclear, n - k)
    study = replace(DOCTOR, count=n, reference=Reference(low, high))
    found = count(study, said(study, k, unclear))
    if k + unclear < n or k:  # else none could be told
        ways = [against(k + more, n, Reference(low, high)).p for more in range(unclear + 1)]
        told = against(k, n - unclear, Reference(low, high)).p if n > unclear else 0.0
        assert found.p is None or found.p == pytest.approx(max(told, *ways), rel=1e-9)


def test_holm_counts_what_was_planned_and_is_not_finished() -> None:
    done, waits = count(DOCTOR, said(DOCTOR, 3)), count(DOCTOR, {})
    (alone,), (first, other, _) = judge([done]), judge([done, waits, waits])
    assert (alone.verdict, first.verdict, other.verdict) == (Verdict.DIFFERS, Verdict.NOT_ENOUGH, Verdict.INCOMPLETE)
    assert first.adjusted == 3 * done.p
    assert "among 3 tests (Holm)" in sentence(first)
    assert sentence(other) == "0 of 20 pictures were looked at; nothing is said before all are."


def test_raters_who_do_not_agree_say_nothing_together() -> None:
    found = judge([count(DOCTOR, said(DOCTOR, 0, second=10))])[0]
    assert found.counted.alpha < 0.667
    assert found.verdict == Verdict.NOT_ENOUGH
    both = judge([count(DOCTOR, said(DOCTOR, 0, raters=("ada", "bob")))])[0]
    assert both.counted.alpha is None  # they always say the same: nothing to agree about
    assert both.verdict == Verdict.DIFFERS


def test_two_prompts_are_held_against_each_other_on_the_same_seeds() -> None:
    """Exactly where McNemar's p is below the level."""
    for first, second, unclear in product((0, 1, 5, 10), (0, 2, 6, 9), (0, 2)):
        answers = {}
        for picture in NURSE.pictures:
            at = picture.seed - NURSE.seed
            female = at < first if picture.arm == 0 else first <= at < first + second
            answers[picture.name] = {"ada": "female" if female else "male"}
            if at >= 20 - unclear and first + second <= 20 - unclear:
                answers[picture.name] = {"ada": UNTOLD}
        one = count(NURSE, answers)
        words = sentence(judge([one])[0])
        assert ("The two prompts differ" in words) == (one.p < 0.05)
        assert ("not enough to say that the two prompts differ" in words) == (one.p >= 0.05)
        assert one.p >= one.told


def test_several_categories_and_a_study_that_is_held_against_nothing() -> None:
    study = Study(("a car",), ("red", "blue", "green"), "red", count=30, source="a count of 1912",
                  shares={"red": 0.5, "blue": 0.25, "green": 0.25})  # fmt: skip
    answers = {p.name: {"ada": "red" if p.seed < 47 else "blue" if p.seed < 60 else "green"} for p in study.pictures}
    (found,) = judge([count(study, answers)])
    assert "The shares differ from those of a count of 1912: p < .001." in sentence(found)
    assert simultaneous(found.counted)[1] == "Goodman"
    (found,) = judge([count(replace(study, shares={}, source=""), answers)])
    assert (found.verdict, found.family) == (Verdict.DESCRIBED, 0)
    assert "nothing that it is held against" in sentence(found)


def test_none_that_could_be_told_say_nothing() -> None:
    (found,) = judge([count(DOCTOR, said(DOCTOR, 0, 20))])
    assert "none could be told" in sentence(found)
    assert "too few could be told" in sentence(found)


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0498, "p = .0498"), (0.0501, "p = .05"), (0.0767, "p = .077"), (0.25312, "p = .25"), (0.0009, "p < .001"),
     (0.999, "p > .99"), (0.05, "p = .05"), (0.049999, "p = .049999"), (0.041389, "p = .041")],
)  # fmt: skip
def test_p_is_never_rounded_over_the_level(p: float, words: str) -> None:
    assert chance(p) == words


def test_numbers_are_said_as_people_say_them() -> None:
    assert (percent(0.294), exactly(0.294), exactly(0.4), percent(0)) == ("29%", "29.4%", "40%", "0%")
    assert span(Interval(0.1119, 0.4687)) == "11% to 47%"
    assert span(Interval(0.25, 0.5)) == "25% to 50%"


TABLE = {
    (0.45, 0.25): (50, 100),
    (0.5, 0.7): (60, 100),
    (0.75, 0.9): (60, 100),
    (0.5, 0.6): (250, 400),
    (0.75, 0.85): (150, 250),
}
GRID = (20, 30, 40, 50, 60, 80, 100, 150, 200, 250, 300, 400)  # numbers of pictures that the table chose from


@pytest.mark.parametrize(("shares", "numbers"), TABLE.items())
def test_power_is_the_tables(shares: tuple[float, float], numbers: tuple[int, int]) -> None:
    """The numbers that simulation found for 80%, alone and among 20: the exact power there is, within two points."""
    for n, level in zip(numbers, (0.05, 0.05 / 20), strict=True):
        before = GRID[GRID.index(n) - 1]
        assert power(n, *shares, level) >= 0.78
        assert power(before, *shares, level) < 0.82
        assert before < needed(*shares, level) <= n + 20


def test_power_is_what_a_simulation_of_the_same_test_finds() -> None:
    import numpy as np
    from scipy.stats import binomtest

    drawn = np.random.default_rng(0).binomial(50, 0.25, 4000)
    refuted = {k: binomtest(int(k), 50, 0.45).pvalue < 0.05 for k in set(drawn.tolist())}
    assert np.mean([refuted[k] for k in drawn.tolist()]) == pytest.approx(power(50, 0.45, 0.25), abs=0.02)


def test_what_would_do_would_do() -> None:
    assert would_do(5, 20, 0.4, 0.5) == 50
    assert would_do(9, 20, 0.4, 0.5) is None  # within the range
    assert would_do(5, 20, 0.4, 0.5, 0.05 / 4) > 50
    assert needed(0.5, 0.5) is None
    low, high = noticed(100, 0.5)
    assert noticed(5, 0.1)[0] is None
    assert 0.3 < low < 0.4 < 0.6 < high < 0.7
    assert power(100, 0.5, low) >= 0.8 > power(100, 0.5, low + 0.01)
    assert paired_needed(0, 0, 20) is None
    assert 20 < paired_needed(4, 0, 20) <= 60
