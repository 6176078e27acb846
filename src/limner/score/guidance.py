"""Guidance is a weighted sum of denoisers, whose weights sum to one at every noise level."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TypeAlias

from limner.types import Context


@dataclass(frozen=True, slots=True)
class Lane:
    """One thing to be told, its weight, and the noise levels at which it counts: low < sigma <= high.

    Taps look at the lanes where `seen` is true.
    """

    context: Context
    weight: float = 1.0
    seen: bool = True
    low: float = -inf
    high: float = inf


Guidance: TypeAlias = tuple[Lane, ...]


def at(guidance: Guidance, sigma: float) -> Guidance:
    """The lanes that count at this noise level: the others are not even asked."""
    return tuple(lane for lane in guidance if lane.low < sigma <= lane.high)


def classifier_free(
    prompt: Context, nothing: Context, scale: float, above: float = -inf, below: float = inf
) -> Guidance:
    """D = scale D(x | prompt) + (1 - scale) D(x | nothing).  Ho & Salimans 2022 (arXiv:2207.12598), Eq. 6.

    Their w is scale - 1.  A negative prompt stands in `nothing`'s place.  Scale 1 is no guidance and costs half,
    scale 0 is no prompt.  Outside of above < sigma <= below it is scale 1: Kynkaanniemi et al. 2024 (arXiv:2404.07724),
    Eq. 5.
    """
    return composed([(Lane(prompt),)], (Lane(nothing, seen=False),), scale, above, below)


def composed(
    prompts: Sequence[Guidance], nothing: Guidance, scale: float, above: float = -inf, below: float = inf
) -> Guidance:
    """D = D(x | nothing) + scale sum_i w_i (D(x | c_i) - D(x | nothing)): several prompts at once.

    Liu et al. 2022 (arXiv:2206.01714), Eq. 11, their w_i times scale.  Each prompt is lanes of one weight w_i that
    share the noise levels among them, and so is `nothing`, of weight 1: what is said may change on the way.  `scale`,
    `above` and `below` are those of `classifier_free`.
    """
    share = sum(prompt[0].weight for prompt in prompts)

    def mixed(scale: float, low: float, high: float) -> Guidance:
        said = [within(lane, scale, low, high) for prompt in prompts for lane in prompt]
        return (*said, *(within(lane, 1 - scale * share, low, high) for lane in nothing))

    if scale == 1:
        lanes = mixed(1.0, -inf, inf)
    else:
        lanes = (*mixed(scale, above, below), *mixed(1.0, -inf, above), *mixed(1.0, max(above, below), inf))
    return tuple(lane for lane in lanes if lane.weight and lane.low < lane.high)


def within(lane: Lane, factor: float, low: float, high: float) -> Lane:
    """The lane with `factor` times its weight, and only where low < sigma <= high."""
    return replace(lane, weight=factor * lane.weight, low=max(low, lane.low), high=min(high, lane.high))
