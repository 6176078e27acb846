"""DAAM taken apart: what each word was looked at with, in every step, at every site, by every head."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from limner.control.heatmaps import Heatmaps
from limner.sampler.sampling import Asking, Query
from limner.taps import Site
from limner.types import Probs

Columns = tuple[int, ...]
Maps = Float[Tensor, "heads words h w"]


@dataclass(slots=True)
class Record:
    """Cross-attention of one row of the prompt's own lane, in the columns of some words; a watcher, as `Heatmaps` is.

    A word is several columns, of which the mean is kept.  Sites of all heights count, or of those in `sides`.  `looks`
    has the maps of each step, at noise level `sigmas`, in memory that is not the device's: 4 bytes a head, word and
    place.  Stable Diffusion 1 at 64 x 64 latents has 215,552 heads times places, so 0.86 MB a word and step, and ten
    words in fifty steps take 431 MB; SDXL at 128 x 128 takes 6.55 MB a word and step.
    """

    words: Sequence[Columns]
    sides: tuple[int, ...] = ()
    row: int = -1
    looks: list[Mapping[Site, Maps]] = field(default_factory=list)
    sigmas: list[float] = field(default_factory=list)
    latest: dict[Site, Maps] = field(default_factory=dict)

    def wants(self, site: Site) -> bool:
        return site.kind == "cross" and (not self.sides or site.height in self.sides)

    def watch(self, site: Site, probs: Probs) -> None:
        row = probs.detach()[self.row]
        words = torch.stack([row[..., list(columns)].mean(-1) for columns in self.words], dim=1)
        self.latest[site] = words.reshape(*words.shape[:2], site.height, site.width).float().cpu()

    def control(self, query: Query) -> Asking:
        if query.objective is not None:
            return (yield query)
        reply = yield replace(query, taps=(*query.taps, self))
        if self.latest:
            self.looks.append(self.latest)
            self.sigmas.append(query.sigma)
            self.latest = {}
        return reply

    def heatmaps(self, layers: Collection[str] = (), heads: Sequence[int] = (), steps: Sequence[int] = ()) -> Heatmaps:
        """Heat maps whose columns are the words, of some layers, heads and steps, counted from 0; of all by default.

        A layer that has none of these heads has no map; IndexError for a step that was not taken.
        """
        sums = dict[Site, Tensor]()
        for look in [self.looks[step] for step in steps] if steps else self.looks:
            for site, maps in look.items():
                chosen = [head for head in heads if head < len(maps)] if heads else range(len(maps))
                if chosen and (not layers or site.name in layers):
                    seen = maps[list(chosen)].mean(0).movedim(0, -1)[None]
                    sums[site] = sums[site] + seen if site in sums else seen
        return Heatmaps(sums)


def worded(heatmaps: Heatmaps, words: Sequence[Columns], row: int = -1) -> Heatmaps:
    """One row's heat maps with a column for each word, as those of a `Record` have."""
    return Heatmaps(
        {
            site: torch.stack([sums[row][..., list(columns)].mean(-1) for columns in words], dim=-1)[None]
            for site, sums in heatmaps.sums.items()
        }
    )
