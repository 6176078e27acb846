"""Guidance is a weighted sum of denoisers, whose weights sum to one."""

from dataclasses import dataclass
from typing import TypeAlias

from limner.types import Context


@dataclass(frozen=True, slots=True)
class Lane:
    """One thing to be told, and its weight.  Taps look at the lanes where `seen` is true."""

    context: Context
    weight: float = 1.0
    seen: bool = True


Guidance: TypeAlias = tuple[Lane, ...]


def classifier_free(prompt: Context, nothing: Context, scale: float) -> Guidance:
    """D = scale D(x | prompt) + (1 - scale) D(x | nothing).  Ho & Salimans 2022 (arXiv:2207.12598), Eq. 6.

    Their w is scale - 1.  A negative prompt stands in `nothing`'s place.  Scale 1 is no guidance and costs half,
    scale 0 is no prompt.
    """
    if scale == 1:
        return (Lane(prompt),)
    if scale == 0:
        return (Lane(nothing, seen=False),)
    return (Lane(prompt, scale), Lane(nothing, 1 - scale, seen=False))
