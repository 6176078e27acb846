"""A noise schedule is its abar, and everything else follows from it."""

from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.errors import LimnerError
from limner.process.schedule import (
    TERMINAL,
    NoiseSchedule,
    cosine,
    from_betas,
    linear,
    scaled_linear,
    zero_terminal_snr,
)

PLAIN = {"linear": linear(), "scaled_linear": scaled_linear(), "cosine": cosine()}
SCHEDULES = PLAIN | {f"{name}, zero": zero_terminal_snr(schedule) for name, schedule in PLAIN.items()}
T = 1000


@pytest.mark.parametrize("name", PLAIN)
def test_zero_terminal_snr_shifts_and_scales_the_root(name: str) -> None:
    """Lin et al. 2023 (arXiv:2305.08891), Algorithm 1: the first sqrt(abar) stays, the last becomes none, the rest keep
    their proportions; but for the last times, where "none" is 2^-24 and sigma 4096."""
    before, after = np.sqrt(PLAIN[name].abar), np.sqrt(SCHEDULES[f"{name}, zero"].abar)
    literal = (before - before[-1]) * before[0] / (before[0] - before[-1])
    np.testing.assert_allclose(after[:-10], literal[:-10], rtol=1e-12)
    np.testing.assert_allclose(after, literal, atol=2 * sqrt(TERMINAL))
    assert SCHEDULES[f"{name}, zero"].abar[-1] == TERMINAL
    assert SCHEDULES[f"{name}, zero"].sigmas[-1] == pytest.approx(4096, abs=1e-3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_noise_only_grows(name: str) -> None:
    sigmas = SCHEDULES[name].sigmas
    assert len(sigmas) == T
    assert sorted(set(sigmas)) == sigmas
    assert sigmas[0] > 0


@pytest.mark.parametrize("name", SCHEDULES)
@given(t=st.floats(0, T - 1))
def test_time_and_noise_level_are_one(name: str, t: float) -> None:
    """t_of(sigma_of(t)) = t, to the last digits of a float32 time."""
    schedule = SCHEDULES[name]
    back = schedule.t_of(torch.tensor([schedule.sigma_of(t)], dtype=torch.float64))
    assert_close(back.double(), torch.tensor([t], dtype=torch.float64), rtol=1e-7, atol=1e-5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_whole_times_come_back_whole(name: str) -> None:
    """Networks were trained at whole times: sigma_t in float32, the sampler's precision, must find t again."""
    found = SCHEDULES[name].t_of(torch.tensor(SCHEDULES[name].sigmas))
    # one last digit of a float32 near a thousand
    assert_close(found, torch.arange(float(T)), rtol=0, atol=6.2e-5)


@pytest.mark.parametrize("name", SCHEDULES)
@given(sigma=st.floats(0, 1e5))
def test_one_number_has_the_time_that_it_has_among_many(name: str, sigma: float) -> None:
    among = SCHEDULES[name].t_of(torch.tensor([sigma, 1.0], dtype=torch.float64))[0]
    assert_close(torch.tensor(SCHEDULES[name].time_of(sigma), dtype=torch.float32), among, rtol=2e-7, atol=0)


def test_noise_beyond_the_ends_has_the_ends_time() -> None:
    found = scaled_linear().t_of(torch.tensor([0.0, 1e-9, 1e9]))
    assert found.tolist() == [0, 0, T - 1]
    with pytest.raises(ValueError, match="outside"):
        scaled_linear().sigma_of(T - 0.5)


def test_training_meets_every_time_equally_often() -> None:
    """From evenly spread numbers every noise level is drawn once, and from both ends of [0, 1) none is missed."""
    schedule = scaled_linear()
    drawn = schedule.draw((torch.arange(T) + 0.5) / T)
    assert_close(drawn, torch.tensor(schedule.sigmas))
    assert_close(schedule.draw(torch.tensor([0.0, 1 - 2**-24])), drawn[[0, -1]])


@pytest.mark.parametrize("betas", [[0.1], [0.0, 0.1], [0.1, 0.0], [0.1, 1.0], [0.5, -0.5]])
def test_what_is_no_schedule_is_refused(betas: list[float]) -> None:
    with pytest.raises(LimnerError, match="does not fall"):
        from_betas(betas)
    assert isinstance(from_betas([0.1, 0.2]), NoiseSchedule)
