"""Direct inversion: the source is led along its own way back, and what the edit needs is left as the model says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from limner.sampler.sampling import Asking, Query
from limner.types import Latent


@dataclass(slots=True)
class Trail:
    """Where a sampling came by: the last x that it asked about at each noise level.  It changes nothing."""

    at: dict[float, Latent] = field(default_factory=dict)

    def control(self, query: Query) -> Asking:
        if query.objective is None:
            self.at[query.sigma] = query.x
        return (yield query)


@dataclass(frozen=True, slots=True)
class Pivot:
    """Row 0 is put back on its trail at every level.  Ju et al. 2023 (arXiv:2310.01506), section 3.2, Algorithm 1.

    `trail` are x by noise level, `original` where they lead: the source comes out exactly, whatever the guidance.
    """

    trail: Mapping[float, Latent]
    original: Latent

    def control(self, query: Query) -> Asking:
        if query.sigma not in self.trail:
            return (yield query)
        reply = yield replace(query, x=self.put(query.x, self.trail[query.sigma]))
        return replace(reply, denoised=self.put(reply.denoised, self.original))

    def put(self, rows: Latent, first: Float[Tensor, "1 c h w"]) -> Latent:
        return torch.cat([first, rows[1:]])
