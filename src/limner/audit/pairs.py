"""Two prompts on the same seeds: only the pairs in which the pictures differ can tell whether the prompts do."""

from collections.abc import Sequence
from dataclasses import dataclass

from limner.audit.binomial import surprise
from limner.audit.shares import Interval, clopper_pearson


@dataclass(frozen=True, slots=True)
class Pairs:
    """Of `count` pairs, in how many only the first picture is so, and in how many only the second."""

    count: int
    first: int
    second: int

    @property
    def p(self) -> float:
        """McNemar 1947 (Psychometrika 12, 153-157), exact and two-sided: is one way as likely as the other?

        1 where no pair differs.
        """
        differ = self.first + self.second
        return surprise(self.first, differ, 0.5) if differ else 1.0

    @property
    def difference(self) -> float:
        """The first's share minus the second's."""
        return (self.first - self.second) / self.count

    @property
    def interval(self) -> Interval | None:
        """Of the share of the differing pairs in which it is the first; None where none differ."""
        differ = self.first + self.second
        return clopper_pearson(self.first, differ) if differ else None


def paired(one: Sequence[bool], other: Sequence[bool]) -> Pairs:
    """From the answers to both, seed by seed."""
    both = list(zip(one, other, strict=True))
    return Pairs(len(both), sum(a and not b for a, b in both), sum(b and not a for a, b in both))
