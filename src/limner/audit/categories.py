"""More answers than yes and no: their shares together, each with an interval that holds for all at once."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import comb, exp, fsum, lgamma, log
from random import Random

from limner.audit.binomial import TIE
from limner.audit.shares import Interval, clopper_pearson, wilson
from limner.errors import LimnerError

MANY, FEW = 7, 5  # categories from which Sison and Glaz's is right, and counts from which Goodman's is
LISTED = 50_000  # outcomes that are listed one by one; where there are more, so many as `DRAWN` are drawn
DRAWN, SEED = 20_000, 0
NONE = float("-inf")


@dataclass(frozen=True, slots=True)
class Together:
    """An interval for each category, all of which hold the true shares at once at the level; `method` says whose."""

    intervals: tuple[Interval, ...]
    method: str


def together(counts: Sequence[int], level: float = 0.95) -> Together:
    """By the method whose conditions are met: Goodman's, Sison and Glaz's, or one that needs none.

    Goodman 1965 (Technometrics 7, 247-254) takes Wilson's interval at level 1 - (1 - level) / K; every count must be 5
    or more.  Sison and Glaz 1995 (JASA 90, 366-369) is for seven categories or more.  Else Clopper and Pearson's, at
    that same level: by Bonferroni it holds always, and is wide.
    """
    n, each = sum(counts), 1 - (1 - level) / max(len(counts), 1)
    if len(counts) < 2 or min(counts) < 0 or not n:
        raise LimnerError(f"{list(counts)} are no counts of categories", "count two categories or more")
    if min(counts) >= FEW:
        return Together(tuple(wilson(k, n, each) for k in counts), "Goodman")
    if len(counts) >= MANY:
        return Together(sison_glaz(counts, level), "Sison-Glaz")
    return Together(tuple(clopper_pearson(k, n, each) for k in counts), "Clopper-Pearson, Bonferroni")


def sison_glaz(counts: Sequence[int], level: float = 0.95) -> tuple[Interval, ...]:
    """From k - c to k + c + 2 g of n, with c such that all counts stay so near in `level` of all experiments.

    The chance of that is summed exactly (`boxed`), for which the paper has an Edgeworth series.
    """
    n, c = sum(counts), 1
    inner, outer = boxed(counts, 1), boxed(counts, 2)
    while outer < level and c < n:
        c, inner, outer = c + 1, outer, boxed(counts, c + 2)
    g = min(max((level - inner) / (outer - inner), 0.0), 1.0) if outer > inner else 0.0
    return tuple(Interval(max((k - c) / n, 0.0), min((k + c + 2 * g) / n, 1.0)) for k in counts)


def boxed(counts: Sequence[int], c: int) -> float:
    """The chance that each count is within c of what came out, were what came out the truth.

    A multinomial is independent Poisson counts, given their sum; so their bounded distributions are convolved.
    """
    n = sum(counts)
    sums = {0: 1.0}
    for k in counts:
        bounded = {j: _poisson(j, k) for j in range(max(k - c, 0), min(k + c, n) + 1)}
        more = dict[int, float]()
        for so_far, chance in sums.items():
            for j, own in bounded.items():
                if so_far + j <= n:
                    more[so_far + j] = more.get(so_far + j, 0.0) + chance * own
        sums = more
    return sums.get(n, 0.0) / _poisson(n, n)


def _poisson(j: int, mean: float) -> float:
    return exp(j * log(mean) - mean - lgamma(j + 1)) if mean else float(j == 0)


@dataclass(frozen=True, slots=True)
class Multinomial:
    """All outcomes of n pictures that fall into categories with these shares; `exact` where each was listed.

    `rising` are the outcomes' probabilities as logarithms, from the least; `sums` what they add up to.
    """

    n: int
    shares: tuple[float, ...]
    exact: bool
    rising: tuple[float, ...]
    sums: tuple[float, ...]

    def p(self, counts: Sequence[int]) -> float:
        """The exact multinomial test: how likely an outcome no likelier than this one is.

        Where outcomes were drawn, not listed, this one counts among them, so p is never nought: Phipson and Smyth 2010.
        """
        if sum(counts) != self.n or len(counts) != len(self.shares):
            raise LimnerError(f"{list(counts)} are not {self.n} pictures", "count each picture once")
        own = likely(counts, self.shares)
        below = self.sums[bisect_right(self.rising, own + log(TIE))]
        return min(below if self.exact else (1 + below) / (1 + len(self.rising)), 1.0)


@lru_cache(maxsize=16)
def multinomial(n: int, shares: tuple[float, ...]) -> Multinomial:
    """LimnerError where these are not the shares of a whole."""
    if len(shares) < 2 or min(shares) < 0 or abs(fsum(shares) - 1) > 1e-6:
        raise LimnerError(f"{list(shares)} are not the shares of a whole", "let them sum to 1")
    exact = comb(n + len(shares) - 1, len(shares) - 1) <= LISTED
    outcomes = _listed(n, len(shares)) if exact else _drawn(n, shares)
    rising = sorted(likely(each, shares) for each in outcomes)
    sums = (0.0, *accumulate(map(exp, rising))) if exact else tuple(float(k) for k in range(len(rising) + 1))
    return Multinomial(n, shares, exact, tuple(rising), sums)


def likely(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The logarithm of the chance of these counts."""
    if any(k and not share for k, share in zip(counts, shares, strict=True)):
        return NONE
    parts = (k * log(share) - lgamma(k + 1) for k, share in zip(counts, shares, strict=True) if k)
    return lgamma(sum(counts) + 1) + fsum(parts)


def _listed(n: int, categories: int) -> Iterator[tuple[int, ...]]:
    if categories == 1:
        yield (n,)
        return
    for k in range(n + 1):
        for rest in _listed(n - k, categories - 1):
            yield (k, *rest)


def _drawn(n: int, shares: Sequence[float]) -> Iterator[tuple[int, ...]]:
    """The same each time: a test must not come out otherwise when it is looked at again."""
    chance, places = Random(SEED), range(len(shares))
    for _ in range(DRAWN):
        drawn = chance.choices(places, shares, k=n)
        yield tuple(drawn.count(place) for place in places)


def distance(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Total variation: the share of pictures that would have to change category, 0 ... 1."""
    n = sum(counts)
    return fsum(abs(k / n - share) for k, share in zip(counts, shares, strict=True)) / 2
