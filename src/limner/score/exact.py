"""Denoisers known in closed form: what samplers are measured by, and what a trained network is held against."""

from dataclasses import dataclass

import torch

from limner.score.denoiser import rowwise
from limner.taps import Routed
from limner.types import Context, Latent, Sigma


@dataclass(frozen=True, slots=True)
class Mixture:
    """p(x0) = sum_k w_k N(mu_k, s^2 I), k = 1 ... K equally likely; s = 0 is a finite set of pictures.

    D(x; sigma) = sum_k p(k | x) (mu_k + s^2 / (s^2 + sigma^2) (x - mu_k)).
    Karras et al. 2022 (arXiv:2206.00364), Eq. 57 for s = 0.  The first number of the first token moves every mean: so
    a prompt may be played.
    """

    means: Latent
    scale: float

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        mu = self.means[None] + context.states[:, :1, :1, None, None]  # b k c h w
        away = x[:, None] - mu
        variance = self.scale**2 + rowwise(sigma)[:, None] ** 2
        log_likelihood = -(away**2 / (2 * variance)).flatten(2).sum(-1)
        share = log_likelihood.softmax(1)[:, :, None, None, None]
        return (share * (mu + self.scale**2 / variance * away)).sum(1)

    def log_density(self, x: Latent, sigma: Sigma, context: Context) -> torch.Tensor:
        """log p(x; sigma), up to a constant that depends on sigma and the number of dimensions: one number a row."""
        mu = self.means[None] + context.states[:, :1, :1, None, None]
        variance = self.scale**2 + rowwise(sigma)[:, None] ** 2
        return (-((x[:, None] - mu) ** 2 / (2 * variance)).flatten(2).sum(-1)).logsumexp(1)
