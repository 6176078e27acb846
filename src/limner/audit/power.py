"""How many pictures it takes: the chance that the exact test finds a difference that is there, summed exactly."""

from functools import lru_cache
from math import ceil, floor, fsum

from limner.audit.binomial import chances, largest, surprise, surprises

LEVEL, POWER = 0.05, 0.80
STEP, AHEAD, FAR = 10, 3, 1000  # numbers of pictures are round ones; power saws, so it must hold at the next ones too


@lru_cache(maxsize=4096)
def power(n: int, reference: float, share: float, level: float = LEVEL) -> float:
    """The chance that n pictures of a model whose share is `share` refute that it is `reference`, at that level."""
    refuting = (p < level for p in surprises(n, reference))
    return min(fsum(chance for chance, refutes in zip(chances(n, share), refuting, strict=True) if refutes), 1.0)


@lru_cache(maxsize=1024)
def needed(reference: float, share: float, level: float = LEVEL, least: float = POWER) -> int | None:
    """The first round number of pictures from which the power is `least`, three times in a row.

    None where no number up to 1,000 is enough: shares that near each other are told apart by nobody's tally.
    """
    held = 0
    for n in range(STEP, FAR + STEP * AHEAD, STEP):
        held = held + 1 if power(n, reference, share, level) >= least else 0
        if held == AHEAD:
            return n - STEP * (AHEAD - 1)
    return None


@lru_cache(maxsize=1024)
def noticed(n: int, reference: float, level: float = LEVEL, least: float = POWER) -> tuple[float | None, float | None]:
    """The nearest shares below and above the reference that n pictures would find with that power, to a hundredth.

    None on a side where not even the farthest share would be found.
    """
    middle = round(reference * 100)
    below, above = (
        next((share / 100 for share in shares if power(n, reference, share / 100, level) >= least), None)
        for shares in (range(middle, -1, -1), range(middle, 101))
    )
    return below, above


@lru_cache(maxsize=1024)
def paired_needed(first: int, second: int, pairs: int, level: float = LEVEL, least: float = POWER) -> int | None:
    """The round number of pairs at which McNemar's exact test has that power, if pairs differ as these did.

    The number of pairs that differ is itself by chance: the power is its mean over that.  None as in `needed`.
    """
    differ, one = (first + second) / pairs, first / (first + second) if first + second else 0.5
    for n in range(STEP, FAR // 2, STEP):
        if not differ:
            break
        likely = [(d, chance) for d, chance in enumerate(chances(n, differ)) if chance > 1e-6]
        if fsum(chance * power(d, 0.5, one, level) for d, chance in likely) >= least:
            return n
    return None


@lru_cache(maxsize=1024)
def would_do(k: int, n: int, low: float, high: float, level: float = LEVEL) -> int | None:
    """How many pictures in all would refute every share from `low` to `high`, if k of n is what the share is.

    So many that the power against the middle is enough, and that the count nearest to k of n would do, rounded either
    way.  None where the share is within the range, or so near to it that 1,000 are too few.
    """
    share = k / n
    if low <= share <= high:
        return None
    first, nearest = needed((low + high) / 2, share, level), low if share < low else high
    for more in range(first or FAR, FAR, STEP):
        counts = floor(share * more), ceil(share * more)
        if all(surprise(count, more, nearest) < level for count in counts) and all(
            largest(count, more, low, high)[0] < level for count in counts
        ):
            return more
    return None
