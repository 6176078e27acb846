"""Follow the probability flow down the ladder: dx/dsigma = (x - D(x; sigma)) / sigma, no noise on the way."""

from collections.abc import Sequence
from itertools import pairwise
from math import expm1, log

from limner.sampler.sampling import Query, Sampling
from limner.types import Latent


def euler(x: Latent, sigmas: Sequence[float]) -> Sampling:
    """First order.  DDIM with eta = 0 (Song et al. 2020, arXiv:2010.02502, Eq. 13) is this, in these variables.

    The slope is the noise itself, x = D + sigma slope, so the step x + (sigma_next - sigma) slope keeps D and gives the
    noise its next size.  Written so, the last step, to sigma 0, is D to the last bit.
    """
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        slope = (reply.x - reply.denoised) / sigma
        x = reply.denoised + sigma_next * slope
    return x


def heun(x: Latent, sigmas: Sequence[float]) -> Sampling:
    """Second order: the mean of the slopes at both ends.  Karras et al. 2022 (arXiv:2206.00364), Algorithm 1."""
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        x, slope = reply.x, (reply.x - reply.denoised) / sigma
        x_next = reply.denoised + sigma_next * slope
        if sigma_next > 0:
            reply = yield Query(x_next, sigma_next)
            slope_next = (reply.x - reply.denoised) / sigma_next
            x_next = x + (sigma_next - sigma) * (slope + slope_next) / 2
        x = x_next
    return x


def dpmpp_2m(x: Latent, sigmas: Sequence[float]) -> Sampling:
    """DPM-Solver++(2M): second order by looking one answer back.  Lu et al. 2022 (arXiv:2211.01095), Algorithm 2.

    lambda = -log sigma, h = lambda_i - lambda_{i-1}, r = h_{i-1} / h_i.
    """
    before: tuple[Latent, float] | None = None
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        h = log(sigma / sigma_next)
        direction = reply.denoised
        if before is not None:
            denoised_before, h_before = before
            r = h_before / h
            direction = (1 + 1 / (2 * r)) * reply.denoised - 1 / (2 * r) * denoised_before
        x = (sigma_next / sigma) * reply.x - expm1(-h) * direction
        before = reply.denoised, h
    return x
