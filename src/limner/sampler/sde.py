"""Go down the ladder in jumps too long, and make up for it with fresh noise: the same marginals, other paths."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import log
from typing import TypeAlias

from limner.sampler.sampling import Query, Sampling
from limner.types import Latent

Fresh: TypeAlias = Callable[[int], Latent]
"""Standard normal noise for step i, shaped like x."""


def jump(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """How far down to go, and how much noise to add there: down^2 + up^2 = sigma_next^2.

    Song et al. 2020 (arXiv:2010.02502), Eq. 16, divided by sqrt(abar): eta = 1 is the posterior's noise, 0 is none.
    """
    up = eta * sigma_next * (1 - (sigma_next / sigma) ** 2) ** 0.5
    down = sigma_next**2 / sigma * (eta**2 + (1 - eta**2) * (sigma / sigma_next) ** 2) ** 0.5
    return down, up


def ancestral(x: Latent, sigmas: Sequence[float], fresh: Fresh, eta: float = 1.0) -> Sampling:
    """x_{t-1} ~ q(x_{t-1} | x_t, x_0 = D).  Ho et al. 2020 (arXiv:2006.11239), Eq. 6 and 7, with the variance of Eq. 7.

    In variables x = x0 + sigma eps the posterior's standard deviation is `up`, and its mean is an Euler step to `down`:
    DDPM's ancestral sampling and "Euler ancestral" are one, and so is DDIM for the same eta (Song et al. 2020,
    arXiv:2010.02502, Eq. 12 and 16), whose eta = 0 is Euler.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        down, up = jump(sigma, sigma_next, eta)
        x = reply.denoised + down * (reply.x - reply.denoised) / sigma + up * fresh(i)
    return x


def dpm_2_ancestral(x: Latent, sigmas: Sequence[float], fresh: Fresh, eta: float = 1.0) -> Sampling:
    """`dpm_2` to `down`, and `up` of noise: Crowson's k-diffusion, after Lu et al. 2022 (arXiv:2206.00927), Alg. 1.

    Half-way to `down`, in log sigma, is sigma_next itself where eta = 1.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        down, up = jump(sigma, sigma_next, eta)
        x, slope, half = reply.x, (reply.x - reply.denoised) / sigma, (sigma * down) ** 0.5
        middle = reply.denoised + half * slope
        reply = yield Query(middle, half)
        x = x + (down - sigma) * (middle - reply.denoised) / half + up * fresh(i)
    return x


def dpmpp_2s_ancestral(x: Latent, sigmas: Sequence[float], fresh: Fresh, eta: float = 1.0) -> Sampling:
    """DPM-Solver++(2S) to `down`, and `up` of noise: Crowson's k-diffusion, after Lu et al. 2022 (arXiv:2211.01095).

    Algorithm 1 with r = 1/2: the answer half-way down, in log sigma, does for the whole step, of which a share
    exp(-h) = down / sigma of x's noise is left.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        down, up = jump(sigma, sigma_next, eta)
        x, half = reply.x, (sigma * down) ** 0.5
        reply = yield Query(reply.denoised + half / sigma * (x - reply.denoised), half)
        x = reply.denoised + down / sigma * (x - reply.denoised) + up * fresh(i)
    return x


def dpmpp_sde(x: Latent, sigmas: Sequence[float], fresh: Fresh, eta: float = 1.0) -> Sampling:
    """DPM-Solver++(2S) with noise half-way too: Crowson's k-diffusion, after Lu et al. 2022 (arXiv:2211.01095).

    Both jumps of a step belong to one Brownian path in sigma, whose two pieces are fresh(2 i) and fresh(2 i + 1): with
    noises that know nothing of each other it is of first order only.  Others look the path up in a Brownian tree of
    all times; here noise is keyed by the step, so that other ladders draw other noise.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        half, x = (sigma * sigma_next) ** 0.5, reply.x
        down, up = jump(sigma, half, eta)
        first = fresh(2 * i)
        reply = yield Query(reply.denoised + down / sigma * (x - reply.denoised) + up * first, half)
        down, up = jump(sigma, sigma_next, eta)
        share = (sigma - half) / (sigma - sigma_next)
        path = share**0.5 * first + (1 - share) ** 0.5 * fresh(2 * i + 1)
        x = reply.denoised + down / sigma * (x - reply.denoised) + up * path
    return x


def dpmpp_2m_sde(x: Latent, sigmas: Sequence[float], fresh: Fresh, eta: float = 1.0) -> Sampling:
    """`dpmpp_2m` for the reverse diffusion: SDE-DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095).

    `eta` as in Crowson's k-diffusion: exp(-(1 + eta) h) of x stays, h = log(sigma / sigma_next), and the noise makes up
    what exp(-eta h) takes from it.
    """
    before: tuple[Latent, float] | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        h, stays = log(sigma / sigma_next), (sigma_next / sigma) ** (1 + eta)
        up = sigma_next * (1 - (sigma_next / sigma) ** (2 * eta)) ** 0.5
        direction = reply.denoised
        if before is not None:
            denoised_before, h_before = before
            direction = direction + h / (2 * h_before) * (reply.denoised - denoised_before)
        x = stays * reply.x + (1 - stays) * direction + up * fresh(i)
        before = reply.denoised, h
    return x


def lcm(x: Latent, sigmas: Sequence[float], fresh: Fresh) -> Sampling:
    """Believe the answer, and drown it again.  Song et al. 2023 (arXiv:2303.01469), Algorithm 1; Luo et al. 2023
    (arXiv:2310.04378), Algorithm 3.

    For a network that was distilled to say where the flow ends, rather than the mean of where it might.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        if sigma_next == 0:
            return reply.denoised
        x = reply.denoised + sigma_next * fresh(i)
    return x


def langevin(x: Latent, sigmas: Sequence[float], fresh: Fresh, rounds: int = 5, r: float = 0.2) -> Sampling:
    """Annealed Langevin: at each level, uphill on log p and jostled.  Song & Ermon 2019 (arXiv:1907.05600), Alg. 1.

    x <- x + (a / 2) grad log p(x; sigma) + sqrt(a) z, `rounds` times a level, a = r sigma^2; the last answer is kept,
    as x still carries the last level's noise.
    """
    levels = [sigma for sigma in sigmas if sigma > 0]
    denoised = x
    for i, sigma in enumerate(levels):
        a = r * sigma**2
        for j in range(rounds):
            reply = yield Query(x, sigma)
            score = (reply.denoised - reply.x) / sigma**2
            x = reply.x + a / 2 * score + a**0.5 * fresh(i * rounds + j)
            denoised = reply.denoised
    return denoised
