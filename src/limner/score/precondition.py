"""A network trained on variance-preserving noise and whole times, seen as a denoiser of x0 + sigma eps."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from limner.process.schedule import NoiseSchedule
from limner.score.denoiser import eps_of, from_eps, from_v, rowwise, v_of
from limner.taps import Routed
from limner.types import Context, Latent, Sigma


@runtime_checkable
class Network(Protocol):
    def __call__(self, x: Latent, t: Float[Tensor, " b"], context: Context, taps: Routed | None = None) -> Latent: ...


def from_sample(x: Latent, x0: Latent, sigma: Sigma) -> Latent:
    """The network said x0 itself."""
    return x0


def sample_of(x: Latent, denoised: Latent, sigma: Sigma) -> Latent:
    """What such a network would say."""
    return denoised


PREDICTIONS: dict[str, Callable[[Latent, Latent, Sigma], Latent]] = {
    "epsilon": from_eps,
    "v_prediction": from_v,
    "sample": from_sample,
}
SAYINGS: dict[str, Callable[[Latent, Latent, Sigma], Latent]] = {
    "epsilon": eps_of,
    "v_prediction": v_of,
    "sample": sample_of,
}


SHARES: dict[str, Callable[[float], tuple[float, float]]] = {
    "epsilon": lambda sigma: (1.0, -sigma),
    "v_prediction": lambda sigma: (1 / (1 + sigma**2), -sigma / sqrt(1 + sigma**2)),
    "sample": lambda sigma: (0.0, 1.0),
}
"""PREDICTIONS as c_skip and c_out: how much of x, and of what the network says, the picture is at a noise level."""


@dataclass(frozen=True, slots=True)
class Preconditioned:
    """D(x; sigma) = c_skip x + c_out F(c_in x, t(sigma)), c_in = 1 / sqrt(1 + sigma^2).

    Karras et al. 2022 (arXiv:2206.00364), Eq. 7 and table 1's VP column.  Here alone do whole times and
    variance-preserving scale exist.  The network computes in `dtype`, what surrounds it in float32.  Noise levels may
    lie on the CPU wherever x does; on a device they are waited for.
    """

    network: Network
    schedule: NoiseSchedule
    prediction: str
    dtype: torch.dtype = torch.float32

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        rows = [(1 / sqrt(1 + s**2), *SHARES[self.prediction](s), self.schedule.time_of(s)) for s in sigma.tolist()]
        told = torch.tensor(rows, dtype=x.dtype)  # one by one on a device these few numbers cost as much as a layer
        c_in, c_skip, c_out, t = told.to(x.device, non_blocking=x.is_cuda).T
        said = self.network((rowwise(c_in) * x).to(self.dtype), t, context.to(x.device, self.dtype), taps)
        return rowwise(c_skip) * x + rowwise(c_out) * said.to(x.dtype)
