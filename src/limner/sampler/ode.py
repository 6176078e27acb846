"""Follow the probability flow down the ladder: dx/dsigma = (x - D(x; sigma)) / sigma, no noise on the way."""

from collections.abc import Sequence
from itertools import pairwise
from math import expm1, log, prod

import torch

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
    """Second order: the mean of the slopes at both ends.  Karras et al. 2022 (arXiv:2206.00364), Algorithm 1.

    The second slope is from the x that was asked about: what a control moves there is no noise to be taken away.
    """
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        x, slope = reply.x, (reply.x - reply.denoised) / sigma
        x_next = reply.denoised + sigma_next * slope
        if sigma_next > 0:
            reply = yield Query(x_next, sigma_next)
            slope_next = (x_next - reply.denoised) / sigma_next
            x_next = x + (sigma_next - sigma) * (slope + slope_next) / 2
        x = x_next
    return x


def dpm_2(x: Latent, sigmas: Sequence[float]) -> Sampling:
    """Second order: the slope half-way down, in log sigma.  Lu et al. 2022 (arXiv:2206.00927), Alg. 1: DPM-Solver-2.

    In these variables its exponentials cancel: the slope at the middle does for the whole step.
    """
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        x, slope, half = reply.x, (reply.x - reply.denoised) / sigma, (sigma * sigma_next) ** 0.5
        middle = reply.denoised + half * slope
        reply = yield Query(middle, half)
        x = x + (sigma_next - sigma) * (middle - reply.denoised) / half
    return x


def lms(x: Latent, sigmas: Sequence[float], most: int = 4) -> Sampling:
    """The polynomial through the last `most` slopes, integrated: Adams-Bashforth's linear multistep, on uneven steps.

    Hairer, Norsett & Wanner 1993, "Solving Ordinary Differential Equations I", section III.5.  The first steps look
    back on fewer slopes; the last one, to 0, is like any other.
    """
    levels, slopes = list[float](), list[Latent]()
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        levels, slopes = [*levels, sigma][-most:], [*slopes, (reply.x - reply.denoised) / sigma][-most:]
        shares = zip(areas(levels, sigma, sigma_next), slopes, strict=True)
        x = reply.x + sum((area * slope for area, slope in shares), torch.zeros_like(reply.x))
    return x


def areas(nodes: Sequence[float], start: float, stop: float) -> list[float]:
    """For each node, the integral from `start` to `stop` of the polynomial that is 1 there and 0 at the others.

    By Gauss and Legendre's two points, which are exact up to third degree: four nodes.
    """
    middle, half = (start + stop) / 2, (stop - start) / 2
    points = (middle - half / 3**0.5, middle + half / 3**0.5)
    return [half * sum(prod((p - a) / (b - a) for a in nodes if a != b) for p in points) for b in nodes]


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


def unipc(x: Latent, sigmas: Sequence[float]) -> Sampling:
    """UniPC-2, B(h) = e^h - 1: predict as DPM-Solver++(2M) does, then let the next answer correct it at no cost.

    Zhao et al. 2023 (arXiv:2302.04867), Algorithms 1 and 2 for data prediction: the corrector adds first and second
    differences of the answers, whose weights solve R_p(h) a_p B(h) = phi_p(h), Eq. 5.  r = h_{i-1} / h_i as above.
    """
    before: tuple[Latent, float] | None = None
    shift, weight = torch.zeros_like(x), 0.0  # once the next answer is known: x + shift - weight (next answer - D)
    for sigma, sigma_next in pairwise(sigmas):
        reply = yield Query(x, sigma)
        x, denoised = reply.x, reply.denoised
        if before is not None:
            x = x + shift - weight * (denoised - before[0])
        if sigma_next == 0:
            return denoised
        h, rest = log(sigma / sigma_next), sigma_next / sigma - 1
        x = (sigma_next / sigma) * x - rest * denoised
        weight = rest / 2
        if before is not None:
            denoised_before, h_before = before
            r = h_before / h
            bend = (denoised - denoised_before) / r
            x = x - rest / 2 * bend
            phi_1 = -rest / h - 1
            phi_2 = -phi_1 / h - 1 / 2
            share = (phi_1 - 2 * phi_2) / (1 + r)
            shift, weight = (rest / 2 - share) * bend, phi_1 - share
        before = denoised, h
    return x
