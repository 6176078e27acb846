"""How likely each count is if the share were p, and so how surprising a count is: summed exactly, nothing assumed."""

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from math import exp, fsum, lgamma

from limner.errors import LimnerError

TIE = 1 + 1e-7  # counts whose chances differ by less are equally likely: the last digits are not the data's
MOST = 100_000  # pictures


@lru_cache(maxsize=256)
def chances(n: int, p: float) -> tuple[float, ...]:
    """P(X = k) for k = 0 ... n, where each of n is so with probability p.

    Each follows from the likeliest by the ratio of neighbours, (n - k) p / ((k + 1) (1 - p)): no factorial is rounded.
    LimnerError where n or p is none.
    """
    if not 0 <= n <= MOST or not 0 <= p <= 1:
        raise LimnerError(f"{n} pictures with a share of {p} are no experiment", f"n is 0 to {MOST}, a share 0 to 1")
    if p in (0, 1):
        return tuple(float(k == round(n * p)) for k in range(n + 1))
    odds, top = p / (1 - p), min(int((n + 1) * p), n)
    up = accumulate(range(top, n), lambda chance, k: chance * (n - k) / (k + 1) * odds, initial=1.0)
    down = accumulate(range(top, 0, -1), lambda chance, k: chance * k / (n - k + 1) / odds, initial=1.0)
    weights = [*reversed([*down][1:]), *up]
    whole = fsum(weights)
    return tuple(weight / whole for weight in weights)


def surprise(k: int, n: int, p: float) -> float:
    """The exact two-sided binomial test: how likely a count no likelier than k is, if the share were p.

    Clopper and Pearson's model with the ordering by probability, which is R's and scipy's (`binomtest`).
    """
    one = chances(n, p)
    if not 0 <= k <= n:
        raise LimnerError(f"{k} of {n} is no share", "count some pictures, and those of them that are so")
    return min(fsum(chance for chance in one if chance <= one[k] * TIE), 1.0)


def surprises(n: int, p: float) -> list[float]:
    """`surprise` for every count 0 ... n."""
    one = chances(n, p)
    rising = sorted(one)
    sums = [0.0, *accumulate(rising)]
    return [min(sums[bisect_right(rising, chance * TIE)], 1.0) for chance in one]


def largest(k: int, n: int, low: float, high: float) -> tuple[float, float]:
    """The largest p of the exact test over all shares from `low` to `high`, and the share where it is.

    Between two shares at which another count j becomes as likely as k the p is P(X <= k) + P(X >= j), which falls and
    then rises; so it is largest at one of those shares, (p / (1 - p))^(k - j) = C(n, j) / C(n, k), or at an end.
    """
    places = [low, high, *(place for place in _ties(k, n) if low < place < high)]
    if n and low <= k / n <= high:
        places = [k / n]
    return max((surprise(k, n, place), place) for place in places)


def _ties(k: int, n: int) -> list[float]:
    """Every share at which some other count is exactly as likely as k."""
    logs = [lgamma(n + 1) - lgamma(j + 1) - lgamma(n - j + 1) for j in range(n + 1)]
    odds = [(logs[j] - logs[k]) / (k - j) for j in range(n + 1) if j != k]
    return [_logistic(each) for each in odds]


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > -700 else 0.0
