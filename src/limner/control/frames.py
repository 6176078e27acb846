"""DAAM step by step: where each word was looked at in some of the steps, and in all of them together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from limner.control.heatmaps import Heatmaps
from limner.control.record import Columns, worded
from limner.sampler.sampling import Asking, Query


@dataclass(slots=True)
class Frames:
    """A watcher, as `Heatmaps` is, whose columns are words, without heads: of few looks it takes little memory.

    The looks that are `kept`, counted from 0, stay apart, in memory that is not the device's, each with its number and
    noise level; `total` is of all.
    """

    words: Sequence[Columns]
    kept: Collection[int]
    total: Heatmaps = field(default_factory=Heatmaps)
    looks: list[tuple[int, float, Heatmaps]] = field(default_factory=list)
    count: int = 0

    def control(self, query: Query) -> Asking:
        if query.objective is not None:
            return (yield query)
        one = Heatmaps()
        reply = yield from one.control(query)
        if one.sums:
            look = worded(one, self.words)
            for site, seen in look.sums.items():
                self.total.sums[site] = self.total.sums[site] + seen if site in self.total.sums else seen
            if self.count in self.kept:
                there = Heatmaps({site: seen.float().cpu() for site, seen in look.sums.items()})
                self.looks.append((self.count, query.sigma, there))
            self.count += 1
        return reply
