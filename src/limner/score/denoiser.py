"""The one thing a diffusion model is: a denoiser, and four ways of saying what it says.

Every conversion is in variance-exploding variables, x = x0 + sigma eps.
"""

from typing import Protocol, runtime_checkable

from limner.taps import Routed
from limner.types import Context, Latent, Sigma


@runtime_checkable
class Denoiser(Protocol):
    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        """E[x0 | x, sigma, context], one noise level per row."""
        ...


def rowwise(sigma: Sigma) -> Latent:
    return sigma[:, None, None, None]


def eps_of(x: Latent, denoised: Latent, sigma: Sigma) -> Latent:
    """eps = (x - x0) / sigma: the noise that must have been added."""
    return (x - denoised) / rowwise(sigma)


def from_eps(x: Latent, eps: Latent, sigma: Sigma) -> Latent:
    """x0 = x - sigma eps.  Ho et al. 2020 (arXiv:2006.11239), Eq. 9, divided by sqrt(abar)."""
    return x - rowwise(sigma) * eps


def v_of(x: Latent, denoised: Latent, sigma: Sigma) -> Latent:
    """v = sqrt(abar) eps - sqrt(1 - abar) x0.  Salimans & Ho 2022 (arXiv:2202.00512), section 4.

    abar = 1 / (1 + sigma^2).
    """
    s = rowwise(sigma)
    return (eps_of(x, denoised, sigma) - s * denoised) / (1 + s**2).sqrt()


def from_v(x: Latent, v: Latent, sigma: Sigma) -> Latent:
    """x0 = sqrt(abar) x_t - sqrt(1 - abar) v, x_t = sqrt(abar) x.  Salimans & Ho 2022 (arXiv:2202.00512), app. D."""
    s = rowwise(sigma)
    q = 1 + s**2
    return x / q - s * v / q.sqrt()


def score_of(x: Latent, denoised: Latent, sigma: Sigma) -> Latent:
    """grad_x log p(x; sigma) = (D(x; sigma) - x) / sigma^2.  Karras et al. 2022 (arXiv:2206.00364), Eq. 3; Tweedie."""
    return (denoised - x) / rowwise(sigma) ** 2


def from_score(x: Latent, score: Latent, sigma: Sigma) -> Latent:
    """D(x; sigma) = x + sigma^2 grad_x log p(x; sigma): Tweedie's formula, Efron 2011, Eq. 1.2."""
    return x + rowwise(sigma) ** 2 * score
