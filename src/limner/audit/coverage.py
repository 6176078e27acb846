"""Do intervals keep their word?  In how many of all experiments they hold the true share, summed exactly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from limner.audit.shares import Interval

Method: TypeAlias = Callable[[int, int], Interval]
GRID = 1999  # shares between 0 and 1, and beside them each side of every end of an interval, where coverage jumps
BESIDE = 1e-9


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of an interval for n pictures: over all shares, the mean and the least, and at which share that is."""

    n: int
    mean: float
    least: float
    where: float


def wald(k: int, n: int) -> Interval:
    """The interval that is in many books, and statsmodels' default: shown here to fail, and used nowhere."""
    p, z = k / n, NormalDist().inv_cdf(0.975)
    half = z * sqrt(p * (1 - p) / n)
    return Interval(p - half, p + half)


def coverage(method: Method, n: int) -> Coverage:
    """The mean is over an even grid; the least over that and the shares next to where an interval begins or ends."""
    ends = [end for k in range(n + 1) for end in (method(k, n).low, method(k, n).high)]
    beside = np.array([end + side for end in ends for side in (-BESIDE, BESIDE)])
    even = np.linspace(0, 1, GRID + 2)[1:-1]
    places = np.concatenate([even, beside[(beside > 0) & (beside < 1)]])
    held = along(method, n, places)
    worst = int(held.argmin())
    return Coverage(n, float(held[: len(even)].mean()), float(held[worst]), float(places[worst]))


def along(method: Method, n: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance, at each of these shares, that the interval holds it."""
    intervals = [method(k, n) for k in range(n + 1)]
    low, high = (np.array([getattr(each, side) for each in intervals]) for side in ("low", "high"))
    chances = binom.pmf(np.arange(n + 1), n, places[:, None])
    holds = (low <= places[:, None]) & (places[:, None] <= high)
    return np.asarray((chances * holds).sum(axis=1), dtype=np.float64)


def over(method: Method, numbers: Iterable[int]) -> list[Coverage]:
    return [coverage(method, n) for n in numbers]
