"""How fast a sampler's error falls with its steps is its order, and its paper says which."""

import pytest
import torch
from gaussian import flow, sampled

from limner.process.ladder import exponential
from limner.process.noise import draw
from limner.process.schedule import scaled_linear
from limner.sampler import SAMPLERS

SCHEDULE = scaled_linear()
HIGH, LOW = SCHEDULE.sigmas[-1], SCHEDULE.sigmas[0]
X = HIGH * draw(0, "x", 0, (1, 1, 4, 4)).double()


def order(sampler: str, n: int) -> float:
    """log2 of how many times smaller the error is with twice as many steps.

    The ladder stops at sigma_min: the last step, to 0, is another formula and would hide the order.
    """

    def error(steps: int) -> float:
        found = sampled(SAMPLERS[sampler](X, exponential(SCHEDULE, steps)[:-1], never))
        return (found - flow(X, HIGH, LOW)).pow(2).mean().sqrt().item()

    return torch.tensor(error(n) / error(2 * n)).log2().item()


def never(step: int) -> torch.Tensor:
    raise AssertionError("an ODE solver draws no noise")


@pytest.mark.tiny
@pytest.mark.parametrize("n", [40, 80])
def test_euler_is_of_first_order(n: int) -> None:
    """Song et al. 2020 (arXiv:2010.02502), section 4.3: DDIM is Euler's method."""
    assert 0.95 <= order("euler", n) <= 1.05


@pytest.mark.tiny
@pytest.mark.parametrize("n", [40, 80])
@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m"])
def test_heun_and_dpmpp_2m_are_of_second_order(sampler: str, n: int) -> None:
    """Karras et al. 2022 (arXiv:2206.00364), section 3; Lu et al. 2022 (arXiv:2211.01095), theorem 4.1."""
    assert 1.9 <= order(sampler, n) <= 2.1
