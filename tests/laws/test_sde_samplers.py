"""The samplers with noise, held against their papers' own lines and against the distribution they promise."""

from itertools import pairwise
from math import sqrt

import pytest
from gaussian import MU, SCALE, denoise, flow, sampled
from torch.testing import assert_close

from limner.process.ladder import LADDERS, exponential
from limner.process.noise import draw
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.sampler import SAMPLERS, Reply, ancestral, langevin, lcm
from limner.types import Latent

SCHEDULE = scaled_linear()
SHAPE = (1, 1, 4, 4)
EPS = draw(0, "x", 0, SHAPE).double()


def fresh(step: int) -> Latent:
    return draw(0, "fresh", step, SHAPE).double()


@pytest.fixture(params=LADDERS)
def sigmas(request: pytest.FixtureRequest) -> list[float]:
    return LADDERS[request.param](SCHEDULE, 12)


@pytest.mark.tiny
def test_ancestral_is_ddpm(sigmas: list[float]) -> None:
    """x_{t-1} ~ N(mu~_t(x_t, x_0), beta~_t I).  Ho et al. 2020 (arXiv:2006.11239), Eq. 6 and 7, between any two times:
    alpha_t = abar_t / abar_{t-1}, beta_t = 1 - alpha_t."""
    abars = [1 / (1 + sigma**2) for sigma in sigmas]
    x = sqrt(abars[0]) * sigmas[0] * EPS
    for i, (abar, abar_prev) in enumerate(pairwise(abars)):
        alpha, x0 = abar / abar_prev, denoise(x / sqrt(abar), sigmas[i])
        beta = 1 - alpha
        mean = sqrt(abar_prev) * beta / (1 - abar) * x0 + sqrt(alpha) * (1 - abar_prev) / (1 - abar) * x
        x = mean + sqrt((1 - abar_prev) / (1 - abar) * beta) * fresh(i)
    assert_close(sampled(ancestral(sigmas[0] * EPS, sigmas, fresh)), x, rtol=0, atol=1e-12)


@pytest.mark.tiny
def test_ancestral_is_ddim_with_eta_one(sigmas: list[float]) -> None:
    """Song et al. 2020 (arXiv:2010.02502), Eq. 12, with sigma_t of Eq. 16 and eta = 1."""
    abars = [1 / (1 + sigma**2) for sigma in sigmas]
    x = sqrt(abars[0]) * sigmas[0] * EPS
    for i, (abar, abar_prev) in enumerate(pairwise(abars)):
        eps = (x - sqrt(abar) * denoise(x / sqrt(abar), sigmas[i])) / sqrt(1 - abar)
        sigma = sqrt((1 - abar_prev) / (1 - abar)) * sqrt(1 - abar / abar_prev)
        x0 = (x - sqrt(1 - abar) * eps) / sqrt(abar)
        x = sqrt(abar_prev) * x0 + sqrt(max(1 - abar_prev - sigma**2, 0)) * eps + sigma * fresh(i)
    assert_close(sampled(ancestral(sigmas[0] * EPS, sigmas, fresh)), x, rtol=0, atol=1e-12)


@pytest.mark.tiny
def test_ancestral_is_euler_ancestral(sigmas: list[float]) -> None:
    """As samplers in sigma write it: sigma_up^2 = s'^2 (s^2 - s'^2) / s^2, sigma_down^2 = s'^2 - sigma_up^2, an Euler
    step from s to sigma_down, then sigma_up of noise."""
    x = sigmas[0] * EPS
    for i, (s, s_next) in enumerate(pairwise(sigmas)):
        up = sqrt(s_next**2 * (s**2 - s_next**2) / s**2)
        down = sqrt(s_next**2 - up**2)
        x = x + (down - s) * (x - denoise(x, s)) / s + up * fresh(i)
    assert_close(sampled(ancestral(sigmas[0] * EPS, sigmas, fresh)), x, rtol=0, atol=1e-12)


def test_langevin_is_algorithm_one() -> None:
    """Song & Ermon 2019 (arXiv:1907.05600), Algorithm 1: steps in proportion to sigma_i^2, `rounds` at each level."""
    sigmas, x, step = [3.0, 1.0, 0.2, 0.0], EPS, 0
    for sigma in sigmas[:-1]:
        alpha = 0.1 * sigma**2
        for _ in range(4):
            score = (denoise(x, sigma) - x) / sigma**2
            answer = x + sigma**2 * score
            x = x + alpha / 2 * score + sqrt(alpha) * fresh(step)
            step += 1
    assert_close(sampled(langevin(EPS, sigmas, fresh, rounds=4, r=0.1)), answer)


@pytest.mark.parametrize(("sampler", "bias"), [("ancestral", 0.01), ("langevin", 0.02)])
def test_samples_have_the_gaussians_moments(sampler: str, bias: float) -> None:
    """Each of the 128 x 128 places of x is a sample of N(mu, s^2) of its own.

    Within four standard errors, plus a relative `bias` that 300 steps leave: it was measured at 0.013 and 0.017, and
    0.035 and 0.069 for 100 steps.
    """
    shape = (1, 1, 128, 128)
    sigmas = exponential(SCHEDULE, 300)
    x = (1 + sigmas[0] ** 2) ** 0.5 * draw(7, "x", 0, shape)
    found = sampled(SAMPLERS[sampler](x, sigmas, lambda step: draw(7, "fresh", step, shape)))
    assert_close(found.mean().item(), MU, rtol=0, atol=4 * SCALE / 128 + bias * SCALE)
    assert_close(found.std().item(), SCALE, rtol=0, atol=4 * SCALE / (2**0.5 * 128) + bias * SCALE)


@pytest.mark.parametrize("sampler", ["dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2m_sde", "dpmpp_sde"])
def test_those_of_second_order_need_fewer_steps(sampler: str) -> None:
    """A sixth of the steps, half the bias: at most 0.011 was measured, within what 128 x 128 samples can tell.  The
    first-order `ancestral` is 0.066 too narrow then, and so nearly is `dpmpp_sde` with two noises that are no path."""
    shape = (1, 1, 128, 128)
    sigmas = exponential(SCHEDULE, 50)
    x = (1 + sigmas[0] ** 2) ** 0.5 * draw(7, "x", 0, shape)
    found, first = (
        sampled(SAMPLERS[each](x, sigmas, lambda step: draw(7, "fresh", step, shape)))
        for each in (sampler, "ancestral")
    )
    assert_close(found.mean().item(), MU, rtol=0, atol=4 * SCALE / 128)
    assert_close(found.std().item(), SCALE, rtol=0, atol=4 * SCALE / (2**0.5 * 128))
    assert SCALE - first.std() > 2 * 4 * SCALE / (2**0.5 * 128)


def test_the_midpoint_of_slopes_needs_short_steps() -> None:
    """From sigma 4096 in twenty Karras steps `dpm_2_ancestral` comes out half as wide again; its twin in D does not."""
    shape, schedule = (1, 1, 64, 64), zero_terminal_snr(SCHEDULE)

    def width(sampler: str, steps: int) -> float:
        sigmas = LADDERS["karras"](schedule, steps)
        x = sigmas[0] * draw(7, "x", 0, shape).double()
        drawn = sampled(SAMPLERS[sampler](x, sigmas, lambda step: draw(7, "fresh", step, shape)))
        return drawn.std().item() / SCALE

    assert 1.4 < width("dpm_2_ancestral", 20) < 1.6
    assert 1.05 < width("dpm_2_ancestral", 40) < 1.15
    assert 0.7 < width("dpmpp_2s_ancestral", 20) < 0.9


@pytest.mark.parametrize("eta", [0.3, 0.7])
@pytest.mark.parametrize("sampler", ["ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2m_sde", "dpmpp_sde"])
def test_any_share_of_noise_has_the_same_marginals(sampler: str, eta: float) -> None:
    """Song et al. 2020 (arXiv:2010.02502), theorem 1; the bias is that of 300 steps."""
    shape = (1, 1, 128, 128)
    sigmas = exponential(SCHEDULE, 300)
    x = (1 + sigmas[0] ** 2) ** 0.5 * draw(7, "x", 0, shape)
    found = sampled(SAMPLERS[sampler](x, sigmas, lambda step: draw(7, "fresh", step, shape), eta))
    assert_close(found.mean().item(), MU, rtol=0, atol=4 * SCALE / 128 + 0.01 * SCALE)
    assert_close(found.std().item(), SCALE, rtol=0, atol=4 * SCALE / (2**0.5 * 128) + 0.01 * SCALE)


def test_lcm_draws_from_where_its_answers_point() -> None:
    """Song et al. 2023 (arXiv:2303.01469), Algorithm 1: with the flow's end for an answer, as a distilled network gives
    it, every step is a sample of the Gaussian."""
    shape = (1, 1, 128, 128)
    sigmas = exponential(SCHEDULE, 4)
    x = (1 + sigmas[0] ** 2) ** 0.5 * draw(7, "x", 0, shape)
    sampling = lcm(x, sigmas, lambda step: draw(7, "fresh", step, shape))
    query = next(sampling)
    for _ in range(3):
        query = sampling.send(Reply(query.x, flow(query.x, query.sigma, 0.0)))
    with pytest.raises(StopIteration) as done:
        sampling.send(Reply(query.x, flow(query.x, query.sigma, 0.0)))
    found = done.value.value
    assert_close(found.mean().item(), MU, rtol=0, atol=4 * SCALE / 128)
    assert_close(found.std().item(), SCALE, rtol=0, atol=4 * SCALE / (2**0.5 * 128))


def test_noise_at_every_step_needs_many_steps() -> None:
    """Song et al. 2020 (arXiv:2010.02502), table 1: with few steps eta = 1 is farther from the truth than eta = 0."""
    shape = (1, 1, 128, 128)
    noise = draw(8, "x", 0, shape)

    def narrow(sampler: str, steps: int) -> float:
        sigmas = LADDERS["trailing"](SCHEDULE, steps)
        drawn = sampled(SAMPLERS[sampler](sigmas[0] * noise, sigmas, lambda step: draw(8, "fresh", step, shape)))
        return (SCALE - drawn.std()).item()

    assert narrow("ancestral", 10) > narrow("euler", 10) > 0
    assert narrow("ancestral", 10) > 3 * narrow("ancestral", 100) > 0
