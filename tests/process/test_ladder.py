"""A ladder goes down, never stands, and ends in the clean picture."""

from itertools import pairwise
from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.errors import LimnerError
from limner.process.ladder import LADDERS, exponential, karras, leading, linspace, sgm_uniform, simple, trailing
from limner.process.schedule import NoiseSchedule, cosine, linear, scaled_linear, zero_terminal_snr

PLAIN = {"linear": linear(), "scaled_linear": scaled_linear(), "cosine": cosine()}
SCHEDULES = PLAIN | {f"{name}, zero": zero_terminal_snr(schedule) for name, schedule in PLAIN.items()}
EVEN_IN = {"karras": lambda sigma: sigma ** (1 / 7), "exponential": log}


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@given(n=st.integers(1, 200) | st.just(999) | st.just(1000))
def test_strictly_down_to_zero(ladder: str, schedule: str, n: int) -> None:
    sigmas = LADDERS[ladder](SCHEDULES[schedule], n)
    known = SCHEDULES[schedule].sigmas
    assert len(sigmas) == n + 1
    assert sigmas[-1] == 0
    assert all(high > low for high, low in pairwise(sigmas))
    # a power and its root, or exp and log, may miss an end by a few last digits
    assert sigmas[-2] >= known[0] * (1 - 1e-12)
    assert sigmas[0] <= known[-1] * (1 + 1e-12)


@pytest.mark.parametrize("ladder", sorted(LADDERS.keys() - {"leading"}))
@pytest.mark.parametrize("n", [1, 2, 20])
def test_all_but_leading_begin_at_the_very_last_noise(ladder: str, n: int) -> None:
    """Lin et al. 2023 (arXiv:2305.08891), section 3.3: a sampler must begin where training ended."""
    assert LADDERS[ladder](scaled_linear(), n)[0] == pytest.approx(scaled_linear().sigmas[-1], rel=1e-12)
    assert leading(scaled_linear(), n)[0] < scaled_linear().sigmas[-1]


@pytest.mark.parametrize("ladder", EVEN_IN)
def test_spacing(ladder: str) -> None:
    """Even steps in sigma^(1/7), or in log sigma, from one end of the schedule to the other."""
    rungs = torch.tensor([EVEN_IN[ladder](sigma) for sigma in LADDERS[ladder](scaled_linear(), 12)[:-1]])
    assert_close(rungs.diff(), (rungs[-1] - rungs[0]).div(11).expand(11))
    assert LADDERS[ladder](scaled_linear(), 12)[-2] == pytest.approx(scaled_linear().sigmas[0])


def test_simple_takes_every_so_many_levels() -> None:
    """ComfyUI's and AUTOMATIC1111's: sigmas[-(1 + int(i T / n))].  Ten levels in four steps, by hand."""
    ten = NoiseSchedule(tuple(1 - (t + 1) / 11 for t in range(10)))
    assert simple(ten, 4) == [*(ten.sigmas[t] for t in (9, 7, 4, 2)), 0.0]
    assert trailing(ten, 4) == [*(ten.sigmas[t] for t in (9, 7, 4, 1)), 0.0]  # it rounds 7.5, 5 and 2.5 to even
    assert all(simple(scaled_linear(), n) == trailing(scaled_linear(), n) for n in (1, 4, 20, 50, 1000))
    assert simple(scaled_linear(), 30) != trailing(scaled_linear(), 30)


def test_sgm_uniform_leaves_out_the_first_time() -> None:
    """As Stability's generative-models: n + 1 even times without the last.  Ten levels in three steps, by hand."""
    ten = NoiseSchedule(tuple(1 - (t + 1) / 11 for t in range(10)))
    assert sgm_uniform(ten, 3) == pytest.approx([*(ten.sigmas[t] for t in (9, 6, 3)), 0.0])
    assert linspace(ten, 4) == pytest.approx([*(ten.sigmas[t] for t in (9, 6, 3, 0)), 0.0])


@pytest.mark.parametrize("ladder", [leading, simple, trailing])
def test_more_steps_than_times_are_refused(ladder: object) -> None:
    with pytest.raises(LimnerError, match="1001 steps do not fit into 1000 times"):
        ladder(scaled_linear(), 1001)  # type: ignore[operator]
    assert len(karras(scaled_linear(), 1001)) == len(exponential(scaled_linear(), 1001)) == 1002
