"""Prompt-to-Prompt: the edit looks where its source looked, so that what the words do not change stays where it was."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from limner.control.heatmaps import Heatmaps
from limner.sampler.sampling import Asking, Query
from limner.taps import Site
from limner.types import Latent, Probs


@dataclass(frozen=True, slots=True)
class PromptToPrompt:
    """Row 0 is the source and row 1 its edit, from the same noise.  Hertz et al. 2022 (arXiv:2208.01626), section 3.2.

    `mapping` says how much of a source's column each of the edit's takes, `own` how much of its own map it keeps.  A
    word has the source's map while sigma is above its `until`, and counts `weights` times as much (Re-weighting: the
    map is not normalised again).  While sigma is above `layout`, places look at each other as the source's do, at
    sites of at most `finest` places.
    """

    mapping: Float[Tensor, "source edit"]
    own: Float[Tensor, " edit"]
    until: Float[Tensor, " edit"]
    weights: Float[Tensor, " edit"]
    layout: float
    finest: int

    def control(self, query: Query) -> Asking:
        return (yield replace(query, taps=(*query.taps, Injection(self, query.sigma))))


@dataclass(frozen=True, slots=True)
class Injection:
    """Prompt-to-Prompt at one noise level.  An editor: of its two rows the source's probabilities stay."""

    ruled: PromptToPrompt
    sigma: float

    def wants(self, site: Site) -> bool:
        if site.kind == "self":
            return self.sigma > self.ruled.layout and site.height * site.width <= self.ruled.finest
        return bool((self.sigma > self.ruled.until).any() or (self.ruled.weights != 1).any())

    def edit(self, site: Site, probs: Probs) -> Probs:
        source, own = probs
        if site.kind == "self":
            return torch.stack([source, source])
        return torch.stack([source, self.mixed(source, own) * self.ruled.weights.to(own)])

    def mixed(
        self, source: Float[Tensor, "heads q source"], own: Float[Tensor, "heads q edit"]
    ) -> Float[Tensor, "heads q edit"]:
        """Eq. 2 to 5: M* = own M + (1 - own) (M_source mapping) in the columns whose time is not over."""
        share = self.ruled.own.to(own)
        mixed = share * own + (1 - share) * (source @ self.ruled.mapping.to(own))
        return torch.where((self.sigma > self.ruled.until).to(own.device), mixed, own)


@dataclass(slots=True)
class LocalBlend:
    """Only where some words look, in source or edit, may the edit differ.  Hertz et al. 2022, section 3.2, "Local
    editing", after the authors' repository: maps summed so far, their maximum among neighbours, a share of the largest.
    Neighbours are places of the latent here; the authors' are places of a map, four times as large in theirs.

    `source` and `edit` are columns of these words; the mask is not trusted while sigma is above `begin`.  `side` is
    the height of the maps that count.
    """

    source: tuple[int, ...]
    edit: tuple[int, ...]
    begin: float
    side: int
    threshold: float = 0.3
    seen: Heatmaps | None = None

    def control(self, query: Query) -> Asking:
        self.seen = self.seen or Heatmaps(sides=(self.side,))
        reply = yield from self.seen.control(replace(query, x=self.blended(query.x, query.sigma)))
        return replace(reply, denoised=self.blended(reply.denoised, query.sigma))

    def blended(self, x: Latent, sigma: float) -> Latent:
        """x_source + mask (x - x_source)."""
        if self.seen is None or not self.seen.sums or sigma > self.begin:
            return x
        source, edit = x
        return torch.stack([source, source + self.mask((x.shape[2], x.shape[3])) * (edit - source)])

    def mask(self, size: tuple[int, int]) -> Float[Tensor, "h w"]:
        """1 where either sentence's words look."""
        assert self.seen is not None
        maps = self.seen.maps(size)
        either = torch.stack([maps[0, list(self.source)].mean(0), maps[1, list(self.edit)].mean(0)])
        near = F.max_pool2d(either, 3, stride=1, padding=1)
        return (near > self.threshold * near.amax((1, 2), keepdim=True)).any(0).float()
