"""Is the new way worse?  Two ways answer the same questions, and only the questions they differ on can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, norm, permutation_test

from limner.errors import LimnerError

MARGIN = -0.02  # a difference of proportions that is accepted as no worse


@dataclass(frozen=True, slots=True)
class Paired:
    """How many of `count` questions only the one, and only the other, got right; one minus other, and its interval."""

    count: int
    only_one: int
    only_other: int
    low: float
    high: float

    @property
    def difference(self) -> float:
        return (self.only_one - self.only_other) / self.count

    @property
    def p(self) -> float:
        """How likely chance alone parts them so far: McNemar 1947, exact, two-sided; 1 where they never differ."""
        differ = self.only_one + self.only_other
        return float(binomtest(self.only_one, differ).pvalue) if differ else 1.0

    @property
    def not_worse(self) -> bool:
        """Non-inferior: the whole interval is above the margin."""
        return self.low > MARGIN


def paired(one: Sequence[bool], other: Sequence[bool], level: float = 0.95) -> Paired:
    """The proportion of right answers of one minus that of the other, with its two-sided score interval.

    The bounds are the differences d with |z(d)| = the normal quantile: Tango 1998 (Statistics in Medicine 17, 891-908),
    Eqs. 12-14.  It keeps its level with few differing pairs, where Wald's has width zero.
    LimnerError where the answers are not pairs.
    """
    if len(one) != len(other) or not one:
        raise LimnerError(f"{len(one)} and {len(other)} answers are no pairs", "both answer the same questions")
    n = len(one)
    b = sum(mine and not theirs for mine, theirs in zip(one, other, strict=True))
    c = sum(theirs and not mine for mine, theirs in zip(one, other, strict=True))
    quantile, d = float(norm.ppf((1 + level) / 2)), (b - c) / n
    low = -1.0 if d == -1 else brentq(lambda d: score(d, b, c, n) - quantile, -1, d)
    high = 1.0 if d == 1 else brentq(lambda d: score(d, b, c, n) + quantile, d, 1)
    return Paired(n, b, c, float(low), float(high))


def over_groups(one: Sequence[bool], other: Sequence[bool], groups: Sequence[object]) -> float:
    """How likely chance alone parts them so far, if not answers but groups of them are what was drawn by chance.

    Each group's difference may as well have had the other sign (Fisher 1935, "The Design of Experiments", section 21):
    exact where there are few groups, else by 100,000 draws; two-sided.  1 where no group differs.
    """
    sums = dict[object, int]()
    for mine, theirs, group in zip(one, other, groups, strict=True):
        sums[group] = sums.get(group, 0) + mine - theirs
    if not any(sums.values()):
        return 1.0
    if len(sums) == 1:  # as likely the other way round
        return 1.0
    found = permutation_test(
        ([*sums.values()],), np.sum, permutation_type="samples", n_resamples=100_000, vectorized=True, rng=0
    )
    return float(found.pvalue)


def score(d: float, b: int, c: int, n: int) -> float:
    """z(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d))), q the likeliest share of c if the difference were d.

    Tango 1998.
    """
    top = b - c - n * d
    A, B, C = 2 * n, -b - c + (2 * n - b + c) * d, -c * d * (1 - d)
    q = (sqrt(max(B * B - 4 * A * C, 0)) - B) / (2 * A)
    variance = n * (2 * q + d * (1 - d))
    if variance > 1e-12:
        return top / sqrt(variance)
    return 0.0 if abs(top) < 1e-9 else top * 1e9
