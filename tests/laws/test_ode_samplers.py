"""The samplers without noise, held against their papers' own lines."""

from itertools import pairwise
from math import exp, log

import pytest
import torch
from gaussian import denoise, flow, sampled
from torch.testing import assert_close

from limner.process.ladder import LADDERS
from limner.process.noise import draw
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.sampler import SAMPLERS, dpm_2, dpmpp_2m, euler, heun
from limner.sampler.ode import areas

SCHEDULES = {"scaled_linear": scaled_linear(), "zero": zero_terminal_snr(scaled_linear())}
EPS = draw(0, "x", 0, (1, 1, 4, 4)).double()


@pytest.mark.tiny
@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_euler_is_ddim(ladder: str, schedule: str) -> None:
    """x_s = sqrt(abar_s) (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t) + sqrt(1 - abar_s) eps.

    Song et al. 2020 (arXiv:2010.02502), Eq. 12 with sigma_t = 0, in the paper's variance-preserving coordinates.
    """
    sigmas = LADDERS[ladder](SCHEDULES[schedule], 12)
    ours = sampled(euler(sigmas[0] * EPS, sigmas))
    abars = torch.tensor([1 / (1 + sigma**2) for sigma in sigmas], dtype=torch.float64)
    x_t = abars[0].sqrt() * sigmas[0] * EPS
    for sigma, (a, b) in zip(sigmas, pairwise(abars), strict=False):
        x0 = denoise(x_t / a.sqrt(), sigma)
        eps = (x_t - a.sqrt() * x0) / (1 - a).sqrt()
        x_t = b.sqrt() * (x_t - (1 - a).sqrt() * eps) / a.sqrt() + (1 - b).sqrt() * eps
    # dividing by sqrt(abar) = 2^-12 costs the paper's form twelve of float64's 53 bits
    assert_close(ours, x_t, rtol=0, atol=1e-14 if schedule == "scaled_linear" else 1e-11)


def test_heun_is_algorithm_one() -> None:
    """Karras et al. 2022 (arXiv:2206.00364), Algorithm 1 with sigma(t) = t and s(t) = 1: dx/dt = (x - D) / t."""
    t = LADDERS["karras"](SCHEDULES["scaled_linear"], 9)
    x = t[0] * EPS
    for t_i, t_next in pairwise(t):
        d = (x - denoise(x, t_i)) / t_i
        x_next = x + (t_next - t_i) * d
        if t_next != 0:
            d_prime = (x_next - denoise(x_next, t_next)) / t_next
            x_next = x + (t_next - t_i) * (d / 2 + d_prime / 2)
        x = x_next
    assert_close(sampled(heun(t[0] * EPS, t)), x, rtol=0, atol=1e-13)


def test_dpmpp_2m_is_algorithm_two() -> None:
    """Lu et al. 2022 (arXiv:2211.01095), Algorithm 2, with its alpha_t and sigma_t of variance-preserving noise."""
    levels = LADDERS["trailing"](SCHEDULES["scaled_linear"], 9)[:-1]
    alpha = [(1 + level**2) ** -0.5 for level in levels]
    sigma = [level * a for level, a in zip(levels, alpha, strict=True)]
    lam = [log(a / s) for a, s in zip(alpha, sigma, strict=True)]
    x, answers = alpha[0] * levels[0] * EPS, list[torch.Tensor]()
    for i in range(1, len(levels)):
        h = lam[i] - lam[i - 1]
        answers.append(denoise(x / alpha[i - 1], levels[i - 1]))
        r = 1.0 if i == 1 else (lam[i - 1] - lam[i - 2]) / h
        before = answers[-1] if i == 1 else answers[-2]
        d = (1 + 1 / (2 * r)) * answers[-1] - 1 / (2 * r) * before
        x = sigma[i] / sigma[i - 1] * x - alpha[i] * (exp(-h) - 1) * d
    assert_close(sampled(dpmpp_2m(levels[0] * EPS, levels)), x / alpha[-1], rtol=0, atol=1e-13)


def test_dpm_2_is_algorithm_one() -> None:
    """Lu et al. 2022 (arXiv:2206.00927), Algorithm 1, with its alpha_t and sigma_t of variance-preserving noise."""
    levels = LADDERS["trailing"](SCHEDULES["scaled_linear"], 9)[:-1]
    lam = [-log(level) for level in levels]
    x = (1 + levels[0] ** 2) ** -0.5 * levels[0] * EPS

    def split(lam: float) -> tuple[float, float]:
        return (1 + exp(-2 * lam)) ** -0.5, exp(-lam) * (1 + exp(-2 * lam)) ** -0.5

    def eps(x: torch.Tensor, lam: float) -> torch.Tensor:
        alpha, sigma = split(lam)
        return (x - alpha * denoise(x / alpha, exp(-lam))) / sigma

    for before, now in pairwise(lam):
        h, s = now - before, (now + before) / 2
        (alpha, _), (alpha_s, sigma_s), (alpha_t, sigma_t) = split(before), split(s), split(now)
        u = alpha_s / alpha * x - sigma_s * (exp(h / 2) - 1) * eps(x, before)
        x = alpha_t / alpha * x - sigma_t * (exp(h) - 1) * eps(u, s)
    assert_close(sampled(dpm_2(levels[0] * EPS, levels)), x / split(lam[-1])[0], rtol=0, atol=1e-13)


def test_areas_are_those_of_lagranges_polynomials() -> None:
    """For four nodes and fewer: every cubic is integrated exactly by its values there."""
    for nodes in ([9.0, 5.0, 3.0, 2.0], [5.0, 3.0, 2.0], [2.0]):
        for power in range(len(nodes)):
            integral = (1.3 ** (power + 1) - 2.0 ** (power + 1)) / (power + 1)
            found = sum(area * node**power for area, node in zip(areas(nodes, 2.0, 1.3), nodes, strict=True))
            assert found == pytest.approx(integral, rel=1e-12)


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", ["euler", "heun", "dpm_2", "dpmpp_2m", "lms", "unipc"])
def test_the_flow_is_followed_on_every_ladder(sampler: str, ladder: str, schedule: str) -> None:
    """With many steps every solver on every ladder comes where the exact flow goes."""
    sigmas = LADDERS[ladder](SCHEDULES[schedule], 200)
    x = (1 + sigmas[0] ** 2) ** 0.5 * EPS
    found = sampled(SAMPLERS[sampler](x, sigmas, lambda step: EPS))
    # the errors of 200 steps on the ladder that suits each least, measured at 0.036 and 0.026
    assert_close(found, flow(x, sigmas[0], 0), rtol=0, atol=0.04 if sampler == "euler" else 0.03)
