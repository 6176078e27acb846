"""A share is what was counted, with its interval: Wilson's as a rule, Clopper and Pearson's to be certain."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, sqrt
from statistics import NormalDist

from limner.audit.binomial import chances, largest, surprise
from limner.errors import LimnerError

HALVINGS = 60  # of an interval of length 1: to the last digit


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both within 0 ... 1."""

    low: float
    high: float

    def holds(self, share: float) -> bool:
        return self.low <= share <= self.high


def wilson(k: int, n: int, level: float = 0.95) -> Interval:
    """The score interval, all shares from which k of n is less than z standard errors away: Wilson 1927 (JASA 22).

    It covers the true share in about `level` of all experiments, on the average over shares; for some, in less.
    """
    _counted(k, n)
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * sqrt(k * (n - k) / n + z * z / 4)
    return Interval(0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half)


@lru_cache(maxsize=4096)
def clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """All shares that neither tail of the exact test rejects: Clopper and Pearson 1934 (Biometrika 26, 404-413).

    It covers the true share in at least `level` of all experiments, whatever the share is; so it is the wider one.
    """
    _counted(k, n)
    tail = (1 - level) / 2
    low = _outer(lambda p: fsum(chances(n, p)[k:]) < tail)[0] if k else 0.0
    high = _outer(lambda p: fsum(chances(n, p)[: k + 1]) >= tail)[1] if k < n else 1.0
    return Interval(low, high)


def _outer(before: Callable[[float], bool]) -> tuple[float, float]:
    """The two numbers, as near each other as may be, between which `before` stops being so."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if before(middle) else (low, middle)
    return low, high


def _counted(k: int, n: int) -> None:
    if not 0 <= k <= n or not n:
        raise LimnerError(f"{k} of {n} is no share", "count some pictures, and those of them that are so")


@dataclass(frozen=True, slots=True)
class Reference:
    """The share that something is compared with, or the range in which sources put it; `source` is who says so."""

    low: float
    high: float
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise LimnerError(f"{self.low} to {self.high} is no range of shares", "say 0.45, or 0.40 to 0.50")

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def places(self) -> tuple[float, ...]:
        """The share; or both ends of the range with its middle."""
        return (self.low,) if self.low == self.high else (self.low, self.middle, self.high)


@dataclass(frozen=True, slots=True)
class Against:
    """k of n beside a reference: p at its places; and where it is kindest to no difference, which counts."""

    at: tuple[tuple[float, float], ...]
    p: float
    kindest: float


def against(k: int, n: int, reference: Reference) -> Against:
    """The exact two-sided test against a share, or against every share of a range: then the largest p is the range's.

    A range is one null hypothesis, that the share lies in it; it is refuted where each of its shares is.
    """
    _counted(k, n)
    p, kindest = largest(k, n, reference.low, reference.high)
    return Against(tuple((place, surprise(k, n, place)) for place in reference.places), p, kindest)
