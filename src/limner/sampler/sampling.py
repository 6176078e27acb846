"""A sampler is a conversation: it asks a question of the denoiser, and is answered."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

import torch

from limner.taps import Tap
from limner.types import Latent


@dataclass(frozen=True, slots=True)
class Query:
    """What is x0, given x at noise level sigma?  With an objective: and which way is downhill?"""

    x: Latent
    sigma: float
    taps: tuple[Tap, ...] = ()
    objective: Callable[[], torch.Tensor] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, and the x it is about: whoever stands between may have moved it.

    `slope` is the objective's gradient with respect to x, where one was asked for and something was told that its taps
    look at.
    """

    x: Latent
    denoised: Latent
    slope: Latent | None = None


Sampling: TypeAlias = Generator[Query, Reply, Latent]
Asking: TypeAlias = Generator[Query, Reply, Reply]
Control: TypeAlias = Callable[[Query], Asking]


def steer(sampling: Sampling, control: Control) -> Sampling:
    """Put a control between a sampling and whoever answers it."""
    query = next(sampling)
    while True:
        reply = yield from control(query)
        try:
            query = sampling.send(reply)
        except StopIteration as done:
            latent: Latent = done.value
            return latent
