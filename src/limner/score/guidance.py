"""Guidance is a weighted sum of denoisers, whose weights sum to one at every noise level."""

from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from limner.score.precondition import PREDICTIONS, SAYINGS
from limner.types import Context, Latent


@dataclass(frozen=True, slots=True)
class Rescale:
    """After the sum: x = share x_cfg std(x_pos) / std(x_cfg) + (1 - share) x_cfg, where x is what the network says.

    Lin et al. 2023 (arXiv:2305.08891), Eq. 15 and 16, a picture at a time; `prediction` names the network's parameter.
    """

    share: float
    prediction: str

    def __call__(self, x: Latent, sigma: float, alone: Latent, mean: Latent) -> Latent:
        """The guided `mean` with its contrast taken back towards that of one lane `alone`."""
        level, saying = mean.new_full((len(mean),), sigma), SAYINGS[self.prediction]
        said, unguided = saying(x, mean, level), saying(x, alone, level)
        ratio = unguided.std((1, 2, 3), keepdim=True) / said.std((1, 2, 3), keepdim=True)
        return PREDICTIONS[self.prediction](x, said * (self.share * ratio + 1 - self.share), level)


@dataclass(frozen=True, slots=True)
class Lane:
    """One thing to be told, its weight, and the noise levels at which it counts: low < sigma <= high.

    Taps look at the lanes where `seen` is true.  The sum's contrast is taken back to that of a lane with `rescale`.
    """

    context: Context
    weight: float = 1.0
    seen: bool = True
    low: float = -inf
    high: float = inf
    rescale: Rescale | None = None


Guidance: TypeAlias = tuple[Lane, ...]


def at(guidance: Guidance, sigma: float) -> Guidance:
    """The lanes that count at this noise level: the others are not even asked."""
    return tuple(lane for lane in guidance if lane.low < sigma <= lane.high)


def classifier_free(
    prompt: Context,
    nothing: Context,
    scale: float,
    above: float = -inf,
    below: float = inf,
    rescale: Rescale | None = None,
) -> Guidance:
    """D = scale D(x | prompt) + (1 - scale) D(x | nothing).  Ho & Salimans 2022 (arXiv:2207.12598), Eq. 6.

    Their w is scale - 1.  A negative prompt stands in `nothing`'s place.  Scale 1 is no guidance and costs half,
    scale 0 is no prompt.  Outside of above < sigma <= below it is scale 1: Kynkaanniemi et al. 2024 (arXiv:2404.07724),
    Eq. 5.  `rescale` takes the guided contrast back to the prompt's own.
    """
    if scale == 1:
        return (Lane(prompt),)
    guided = (Lane(prompt, scale, True, above, below, rescale), Lane(nothing, 1 - scale, False, above, below))
    plain = (Lane(prompt, high=above), Lane(prompt, low=max(above, below)))
    return tuple(lane for lane in (*guided, *plain) if lane.weight and lane.low < lane.high)
