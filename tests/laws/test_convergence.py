"""How fast a sampler's error falls with its steps is its order, and its paper says which."""

import pytest
import torch
from gaussian import flow, sampled
from torch.testing import assert_close

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
@pytest.mark.parametrize("sampler", ["heun", "dpm_2", "dpmpp_2m"])
def test_most_are_of_second_order(sampler: str, n: int) -> None:
    """Karras et al. 2022 (arXiv:2206.00364), section 3; Lu et al. 2022 (arXiv:2206.00927), theorem 3.2; Lu et al. 2022
    (arXiv:2211.01095), theorem 4.1."""
    assert 1.9 <= order(sampler, n) <= 2.1


@pytest.mark.parametrize("n", [40, 80])
def test_the_corrector_adds_an_order(n: int) -> None:
    """Zhao et al. 2023 (arXiv:2302.04867), theorem 3.1: UniPC-2 is of third order."""
    assert 2.9 <= order("unipc", n) <= 3.1


@pytest.mark.parametrize("n", [40, 80])
def test_four_slopes_are_of_nearly_fourth_order(n: int) -> None:
    """Adams-Bashforth's; the first steps, with fewer slopes, cost a little: there the flow is nearly straight."""
    assert 3.5 <= order("lms", n) <= 4.1


@pytest.mark.tiny
@pytest.mark.parametrize(("sampler", "plain"), [
    ("ancestral", "euler"), ("ddim", "euler"), ("dpm_2_ancestral", "dpm_2"), ("dpmpp_2m_sde", "dpmpp_2m"),
    ("dpmpp_sde", "dpmpp_2s_ancestral"),
])  # fmt: skip
def test_without_fresh_noise_it_is_the_flow(sampler: str, plain: str) -> None:
    """With eta = 0 the samplers with noise are those without, and DPM-Solver++(2S) is of its second order."""

    def quiet(name: str, steps: int) -> torch.Tensor:
        return sampled(SAMPLERS[name](X, exponential(SCHEDULE, steps)[:-1], lambda step: X, 0.0))

    assert_close(quiet(sampler, 20), quiet(plain, 20))
    errors = [(quiet("dpmpp_2s_ancestral", n) - flow(X, HIGH, LOW)).pow(2).mean().sqrt() for n in (40, 80)]
    assert 1.9 <= (errors[0] / errors[1]).log2() <= 2.1
