"""Inpainting: what is outside the mask is known, so at every level it is put back, and the model fits in the rest."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from limner.sampler.sampling import Asking, Query
from limner.types import Latent


@dataclass(frozen=True, slots=True)
class Inpaint:
    """x <- m x + (1 - m) (x0 + sigma eps).  Lugmayr et al. 2022 (arXiv:2201.09865), Eq. 8, with one eps for all levels.

    `mask` is 1 where the picture is to be made anew.  The answer's known part is replaced too, so that at the end it is
    `original` exactly.
    """

    original: Latent
    mask: Float[Tensor, "b 1 h w"]
    eps: Latent

    def control(self, query: Query) -> Asking:
        known = self.original + query.sigma * self.eps
        reply = yield replace(query, x=self.mask * query.x + (1 - self.mask) * known)
        return replace(reply, denoised=self.mask * reply.denoised + (1 - self.mask) * self.original)
