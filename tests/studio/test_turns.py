"""Whoever has had the least of his share comes next: nobody starves, and all who always wait get the same."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studios import recipe

from limner.studio.turns import Share, Waiting, decayed, learnt, order, work

pytestmark = pytest.mark.tiny
OWNERS = "abcd"
JOBS = st.lists(st.tuples(st.sampled_from(OWNERS), st.floats(0.0, 100.0)), max_size=30)
SHARES = st.fixed_dictionaries({name: st.builds(Share, st.floats(0.1, 10), st.floats(0, 1e4)) for name in OWNERS})


@given(JOBS, SHARES)
def test_everybody_has_a_turn_and_an_owner_s_jobs_keep_their_order(
    asked: list[tuple[str, float]], shares: dict[str, Share]
) -> None:
    waiting = [Waiting(str(age), owner, seconds) for age, (owner, seconds) in enumerate(asked)]
    turn = list(order(waiting, shares))
    assert sorted(turn, key=lambda job: int(job.job)) == waiting
    for owner in OWNERS:
        assert [job for job in turn if job.owner == owner] == [job for job in waiting if job.owner == owner]


@given(JOBS, SHARES)
def test_a_turn_goes_to_whoever_had_the_least(asked: list[tuple[str, float]], shares: dict[str, Share]) -> None:
    waiting = [Waiting(str(age), owner, seconds) for age, (owner, seconds) in enumerate(asked)]
    had = {name: share.used / share.weight for name, share in shares.items()}
    left = [job.owner for job in waiting]
    for job in order(waiting, shares):
        assert had[job.owner] <= min(had[owner] for owner in left) * (1 + 1e-9)
        had[job.owner] += job.seconds / shares[job.owner].weight
        left.remove(job.owner)


def test_of_equal_turns_the_older_goes_first() -> None:
    waiting = [Waiting("1", "b", 1.0), Waiting("2", "a", 1.0), Waiting("3", "b", 1.0)]
    shares = {"a": Share(1.0, 0.0), "b": Share(1.0, 0.0)}
    assert [job.job for job in order(waiting, shares)] == ["1", "2", "3"]
    assert [job.job for job in order(waiting, shares | {"b": Share(1.0, 0.1)})] == ["2", "1", "3"]


def simulate(
    lengths: dict[str, float],
    weights: dict[str, float],
    seconds: float,
    come: dict[str, float],
    halflife: float = 3600.0,
) -> tuple[dict[str, float], dict[str, float]]:
    """Device-seconds that each had, and the longest each waited from one turn to the next, on one device.

    Everybody always has three jobs waiting, from the moment he comes; one takes half to one and a half of what was
    expected.
    """
    chance, now = Random(0), 0.0
    used, had, last, longest = (dict.fromkeys(lengths, 0.0) for _ in range(4))
    last |= come
    while now < seconds:
        here = [name for name in lengths if come.get(name, 0.0) <= now]
        waiting = [Waiting(name, name, lengths[name]) for name in here for _ in range(3)]
        job = next(order(waiting, {name: Share(weights[name], used[name]) for name in here}))
        took = job.seconds * chance.uniform(0.5, 1.5)
        longest[job.owner] = max(longest[job.owner], now - last[job.owner])
        now += took
        last[job.owner] = now
        used = {name: decayed(value, took, halflife) for name, value in used.items()}
        used[job.owner] += took
        had[job.owner] += took
    return had, longest


def test_all_who_always_wait_get_their_share_within_a_job_or_a_tenth() -> None:
    lengths = {f"student {number}": (1.0, 2.0, 5.0, 20.0)[number % 4] for number in range(20)} | {"lecturer": 5.0}
    weights = dict.fromkeys(lengths, 1.0) | {"lecturer": 4.0}
    had, longest = simulate(lengths, weights, 7200.0, {})
    for name, seconds in had.items():
        fair = sum(had.values()) * weights[name] / sum(weights.values())
        assert abs(seconds - fair) <= max(1.5 * lengths[name], 0.1 * fair), name
    assert max(longest.values()) < 900.0


def test_a_planted_error_fails() -> None:
    """First come, first served is not fair: what the test above demands is not what any order gives."""
    lengths = {"short": 1.0, "long": 20.0}
    had = {name: 10 * seconds for name, seconds in lengths.items()}  # ten jobs of each
    fair = sum(had.values()) / 2
    assert abs(had["short"] - fair) > max(1.5, 0.1 * fair)


def test_who_comes_late_catches_up_with_what_is_remembered_and_nobody_starves() -> None:
    lengths = {f"student {number}": 5.0 for number in range(10)}
    come = {"student 0": 3000.0}
    had, longest = simulate(lengths, dict.fromkeys(lengths, 1.0), 6000.0, come, halflife=600.0)
    lead = 600.0 / 0.6931 / 9  # what each of the others is remembered to have had
    assert 300.0 < had["student 0"] < 300.0 + lead + 10.0
    assert longest["student 0"] < 100.0
    assert max(longest.values()) < lead + 150.0


def test_use_is_half_forgotten_after_a_half_life() -> None:
    assert decayed(8.0, 1200.0, 600.0) == 2.0
    assert decayed(8.0, -5.0, 600.0) == 8.0  # a clock that was set back forgives nothing


def test_work_is_what_goes_through_the_network() -> None:
    plain = recipe(guidance=1.0)
    assert work(plain) == pytest.approx(10 * 64 * 64 / 1e6)
    assert work(recipe()) == work(replace(plain, steps=20)) == 2 * work(plain)


def test_a_pace_is_learnt() -> None:
    pace = learnt(None, 6.0, 2.0)
    assert pace == 3.0
    for _ in range(20):
        pace = learnt(pace, 10.0, 2.0)
    assert pace == pytest.approx(5.0, rel=0.01)
