"""Attention swap: the second picture looks where the first one looked.  An editor: only its own rows change."""

from dataclasses import dataclass, replace

import torch

from limner.sampler.sampling import Asking, Query
from limner.taps import Site
from limner.types import Probs


@dataclass(frozen=True, slots=True)
class Swap:
    """Prompt-to-Prompt's word swap at its bluntest.  Hertz et al. 2022 (arXiv:2208.01626), section 3.2, Eq. 2.

    Row 0 is the source and row 1 its edit, from the same noise and with words in the same places; while sigma is above
    `until` row 1 attends as row 0 does.
    """

    until: float

    def wants(self, site: Site) -> bool:
        return site.kind == "cross"

    def edit(self, site: Site, probs: Probs) -> Probs:
        return torch.cat([probs[:1], probs[:1], probs[2:]])

    def control(self, query: Query) -> Asking:
        if query.sigma <= self.until:
            return (yield query)
        return (yield replace(query, taps=(*query.taps, self)))
