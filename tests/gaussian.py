"""A Gaussian, whose flow is known: what a sampler is measured by."""

import torch
from torch import Tensor

from limner.sampler import Reply, Sampling
from limner.score.exact import Mixture
from limner.types import Context, Latent

MU, SCALE = 0.5, 0.3


def denoise(x: Latent, sigma: float) -> Latent:
    exact = Mixture(torch.full((1, *x.shape[1:]), MU, dtype=x.dtype), SCALE)
    return exact(x, torch.full((len(x),), sigma, dtype=x.dtype), Context(torch.zeros(len(x), 1, 1, dtype=x.dtype)))


def sampled(sampling: Sampling) -> Latent:
    """The sampling, answered by the Gaussian's exact denoiser."""
    query = next(sampling)
    while True:
        try:
            query = sampling.send(Reply(query.x, denoise(query.x, query.sigma)))
        except StopIteration as done:
            latent: Latent = done.value
            return latent


def flow(x: Tensor, high: float, low: float) -> Tensor:
    """Where the probability flow takes x from noise level `high` to `low`, in closed form."""
    return MU + (x - MU) * ((SCALE**2 + low**2) / (SCALE**2 + high**2)) ** 0.5
