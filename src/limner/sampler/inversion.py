"""The way back: from a picture to the noise that makes it, and how much noise has to be added to look at it."""

from collections.abc import Sequence
from itertools import pairwise

from limner.sampler.sampling import Query, Sampling
from limner.types import Latent


def inverted(x0: Latent, sigmas: Sequence[float], rounds: int = 0) -> Sampling:
    """Euler's ladder climbed from its lower end: DDIM inversion, Song et al. 2020 (arXiv:2010.02502), section 4.3.

    The slope at x is taken for the slope where the step leads, which is not yet known: the error of that halves as
    steps double.  `rounds` more looks from there correct it (fixed-point iteration, Pan et al. 2023, arXiv:2309.04907),
    after which Euler comes down the same way.  The lowest level has no slope of its own and takes that of the first
    above it.  `sigmas` come down to 0 as ladders do; whoever wants the levels between looks at the questions.
    """
    x, levels = x0, list(sigmas[::-1])
    for sigma, sigma_next in pairwise(levels):
        reply = yield Query(x, sigma or sigma_next)
        x_next = x + (sigma_next - sigma) * (reply.x - reply.denoised) / (sigma or sigma_next)
        for _ in range(rounds):
            reply = yield Query(x_next, sigma_next)
            x_next = x + (sigma_next - sigma) * (reply.x - reply.denoised) / sigma_next
        x = x_next
    return x


def noised(x0: Latent, eps: Latent, sigmas: Sequence[float]) -> Sampling:
    """The picture under each of some noise levels, one look each: x = x0 + sigma eps.  It comes out as it went in."""
    for sigma in sigmas:
        yield Query(x0 + sigma * eps, sigma)
    return x0
