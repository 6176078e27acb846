"""DAAM: which pixels each word looked at, summed over steps, heads and sites.  A watcher: it changes no pixel."""

from dataclasses import dataclass, field, replace

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from limner.sampler.sampling import Asking, Query
from limner.taps import Site
from limner.types import Probs


@dataclass(slots=True)
class Heatmaps:
    """Tang et al. 2022 (arXiv:2210.04885), Eq. 5 to 7: cross-attention of the prompt's own lane.

    A steering pass is not a step: it goes through uncounted, or words would weigh twice.  So a map counts when the
    answer arrives, and only the last one seen before it, whoever stands farther out and asks more often.  Sites of all
    heights count, or of those in `sides`.
    """

    sums: dict[Site, Float[Tensor, "b h w l"]] = field(default_factory=dict)
    sides: tuple[int, ...] = ()
    latest: dict[Site, Float[Tensor, "b h w l"]] = field(default_factory=dict)

    def wants(self, site: Site) -> bool:
        return site.kind == "cross" and (not self.sides or site.height in self.sides)

    def watch(self, site: Site, probs: Probs) -> None:
        self.latest[site] = probs.detach().mean(1).reshape(len(probs), site.height, site.width, -1)

    def control(self, query: Query) -> Asking:
        if query.objective is not None:
            return (yield query)
        reply = yield replace(query, taps=(*query.taps, self))
        for site, seen in self.latest.items():
            self.sums[site] = self.sums[site] + seen if site in self.sums else seen
        self.latest.clear()
        return reply

    def maps(self, size: tuple[int, int]) -> Float[Tensor, "b l h w"]:
        """One map a token: every site enlarged to `size`, their mean; ValueError before anything was seen."""
        if not self.sums:
            raise ValueError("no cross-attention was seen: run the steered sampling first")
        first, *rest = self.sums.values()
        total = enlarged(first, size)
        for seen in rest:  # one after the other: a long prompt has hundreds of maps at every site
            total += enlarged(seen, size)
        return total / len(self.sums)

    def word(self, start: int, stop: int, size: tuple[int, int]) -> Float[Tensor, "b h w"]:
        """The map of the word at tokens start ... stop - 1: their mean, stretched to [0, 1]."""
        return stretched(self.maps(size)[:, start:stop])


def enlarged(seen: Float[Tensor, "b h w l"], size: tuple[int, int]) -> Float[Tensor, "b l h2 w2"]:
    return F.interpolate(seen.movedim(-1, 1), size=size, mode="bicubic").clamp(min=0)


def stretched(maps: Float[Tensor, "b l h w"]) -> Float[Tensor, "b h w"]:
    """The mean of some tokens' maps, stretched to [0, 1]."""
    drawn = maps.mean(1)
    low, high = drawn.amin((1, 2), keepdim=True), drawn.amax((1, 2), keepdim=True)
    return (drawn - low) / (high - low).clamp(min=1e-12)
