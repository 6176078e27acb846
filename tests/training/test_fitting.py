"""When the minutes are over the rate has fallen, however long a step took on the way."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from limner.training.fitting import Fit, fitted
from limner.training.loop import Plan

PLAN = Plan(steps=20_000, rate=1.0, warmup=10, fall=0.3)


def lived(pace: Callable[[float], float], seconds: float = 400.0, plan: Plan = PLAN) -> tuple[list[float], list[float]]:
    """The rates of all steps of a training whose step at second t takes pace(t), and when each was over."""
    fit, now, looked, number = Fit(plan, seconds), 0.0, 0.0, 0
    rates, times = list[float](), list[float]()
    while number < plan.steps and now <= seconds:
        number += 1
        rates.append(plan.rate_at(number))
        now += pace(now)
        times.append(now)
        if now - looked > 3:
            plan, looked = fit.again(plan, number, now), now
    return rates, times


@pytest.mark.parametrize(
    "pace",
    [
        lambda t: 0.2,
        lambda t: 0.5 if t < 300 else 0.1,  # what ran beside it is over
        lambda t: 0.1 if t < 320 else 0.3,  # something began beside it, while the rate was falling
        lambda t: 20.0 if t == 0 else 0.15,  # the first step warms up
        lambda t: 0.1 + 0.1 * (int(t) % 7),
    ],
)
def test_the_rate_is_at_the_end_of_its_fall_when_time_is(pace: Callable[[float], float]) -> None:
    rates, times = lived(pace)
    assert 385 < times[-1] < 403
    peak = rates.index(1.0)
    assert peak == 9
    assert all(after <= before + 1e-9 for before, after in pairwise(rates[peak:]))
    assert rates[-1] < 0.05
    assert all(
        rate == 1 for rate, time in zip(rates[peak:], times[peak:], strict=True) if time < 200
    )  # and not long before


def test_a_plan_is_not_made_longer_than_it_was_asked_for() -> None:
    rates, times = lived(lambda t: 0.001, 1e5, Plan(steps=5000, rate=1.0, fall=0.3))
    assert len(rates) == 5000
    assert times[-1] < 6


def test_one_look_says_nothing_and_a_pause_is_forgotten() -> None:
    plan = Plan(steps=1000, rate=1.0)
    assert fitted(plan, plan, 100, [(25, 30.0)]) == plan
    fit = Fit(plan, 1000.0)
    fit.again(plan, 25, 30.0)
    assert fit.again(plan, 50, 55.0).steps == 50 + 945
    fit.forget()
    assert fit.again(plan, 50, 500.0) == plan
    assert fit.again(plan, 60, 510.0).steps == 60 + 490


def test_nothing_is_left_to_do_when_no_time_is() -> None:
    plan = Plan(steps=1000, rate=1.0)
    assert fitted(plan, plan, 60, [(10, 20.0), (50, 61.0)]).steps == 50
