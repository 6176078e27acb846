"""A network trained on variance-preserving noise and whole times, seen as a denoiser of x0 + sigma eps."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Preconditioned:
    """D(x; sigma) = the x0 implied by F(c_in x, t(sigma)), c_in = 1 / sqrt(1 + sigma^2).

    Karras et al. 2022 (arXiv:2206.00364), Eq. 7 and table 1's VP column.  Here alone do whole times and
    variance-preserving scale exist.  The network computes in `dtype`, what surrounds it in float32.
    """

    network: Network
    schedule: NoiseSchedule
    prediction: str
    dtype: torch.dtype = torch.float32

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        c_in = (1 + sigma**2).rsqrt()
        t = self.schedule.t_of(sigma)
        said = self.network((rowwise(c_in) * x).to(self.dtype), t, context.to(x.device, self.dtype), taps)
        return PREDICTIONS[self.prediction](x, said.to(x.dtype), sigma)
