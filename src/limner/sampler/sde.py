"""Go down the ladder in jumps too long, and make up for it with fresh noise: the same marginals, other paths."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from limner.sampler.sampling import Query, Sampling
from limner.types import Latent

Fresh: TypeAlias = Callable[[int], Latent]
"""Standard normal noise for step i, shaped like x."""


def ancestral(x: Latent, sigmas: Sequence[float], fresh: Fresh) -> Sampling:
    """x_{t-1} ~ q(x_{t-1} | x_t, x_0 = D).  Ho et al. 2020 (arXiv:2006.11239), Eq. 6 and 7, with the variance of Eq. 7.

    In variables x = x0 + sigma eps the posterior's standard deviation is `up`, and its mean is an Euler step to `down`,
    down^2 + up^2 = sigma_next^2: DDPM's ancestral sampling and "Euler ancestral" are one, and DDIM with eta = 1
    (Song et al. 2020, arXiv:2010.02502, Eq. 16) is the same.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        reply = yield Query(x, sigma)
        up = sigma_next * (1 - (sigma_next / sigma) ** 2) ** 0.5
        down = sigma_next**2 / sigma
        x = reply.denoised + down * (reply.x - reply.denoised) / sigma
        if sigma_next > 0:
            x = x + up * fresh(i)
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
