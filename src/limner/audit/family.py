"""Who asks often enough finds something: several tests are judged together, by Holm."""

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """Each p as it counts among all that were asked: below a level with at most that chance of one false alarm in all.

    The smallest is multiplied by their number m, the next by m - 1, and so on, and none falls below one before it:
    Holm 1979 (Scand. J. Statist. 6, 65-70).  The family is what was planned, not what came out: fix it beforehand.
    """
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    out, before = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        before = out[place] = max(before, min((len(ps) - rank) * ps[place], 1.0))
    return out
