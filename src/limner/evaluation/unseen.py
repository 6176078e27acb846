"""How well a denoiser does on pictures that it was not taught, at each amount of noise, picture by picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import ttest_1samp

from limner.errors import LimnerError
from limner.process.noise import draw
from limner.score.denoiser import Denoiser, rowwise
from limner.training.diffusion import Lessons
from limner.types import Context

LEVELS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 14.0)
"""Noise levels in sigma, all within Stable Diffusion's schedule, whose last is 14.6."""
NEAR = 0.05  # root mean square distance of latents, whose spread is 1, below which two pictures are the same
ROWS = 64
Errors = Float[np.ndarray, "levels n"]


def apart(held: Lessons, taught: Lessons) -> Int[torch.Tensor, " n"]:
    """Which of the held-out pictures are none of those that were taught: a thing alone on white may be composed twice.

    LimnerError if there is none.
    """
    known = taught.latents.flatten(1).float()
    nearest = torch.cat([torch.cdist(few.flatten(1).float(), known).amin(1) for few in torch.split(held.latents, ROWS)])
    rows: torch.Tensor = (nearest > NEAR * known.shape[1] ** 0.5).nonzero().flatten()
    if not len(rows):
        raise LimnerError("every held-out picture was taught too", "compose more of them, or from a wider mix")
    return rows


@torch.no_grad()
def errors(
    denoiser: Denoiser, held: Lessons, rows: Int[torch.Tensor, " n"], levels: Sequence[float], seed: int, told: bool
) -> Errors:
    """Mean squared error of the estimate of x0, of each of these pictures at each noise level.

    Every denoiser gets the same noise. `told` whether it is told the captions, or nothing.  Times (1 + sigma^2) /
    sigma^2 it is the error of the velocity: x0 - D = -c_out (v - F), Salimans & Ho 2022 (arXiv:2202.00512), app. D.
    """
    out = list[Float[np.ndarray, " n"]]()
    for level in levels:
        found = list[torch.Tensor]()
        for few in torch.split(rows, ROWS):
            x0 = held.latents[few].float()
            noise = [draw(seed, f"unseen at {level:g}", row, tuple(x0.shape[1:])) for row in few.tolist()]
            sigma = torch.full((len(few),), level, device=x0.device)
            states = held.states[few] if told else held.nothing.expand(len(few), -1, -1)
            x = x0 + rowwise(sigma) * torch.stack(noise).to(x0.device)
            denoised = denoiser(x, sigma, Context(states.float()))
            found.append((denoised - x0).square().mean((1, 2, 3)).double().cpu())
        out.append(torch.cat(found).numpy())
    return np.stack(out)


def velocity(found: Errors, levels: Sequence[float]) -> Errors:
    """The same errors, of the velocity: the loss that training minimises."""
    weights: Errors = np.array([[(1 + s**2) / s**2] for s in levels])
    out: Errors = found * weights
    return out


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean errors of one and of the other, and by how many per cent of the other's the one's is lower: a 95% interval.

    Of pairs: both answered for the same pictures with the same noise.  Student's t on the differences.
    """

    one: float
    other: float
    lower: float
    low: float
    high: float


def difference(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> Difference:
    """LimnerError unless there are at least two pairs."""
    if len(one) != len(other) or len(one) < 2:
        raise LimnerError(f"{len(one)} and {len(other)} errors are no pairs", "hold more pictures out")
    percent = 100 * (other - one) / other.mean()
    if not np.ptp(percent):  # of no spread: of equals the t statistic would be 0 / 0
        low = high = float(percent[0])
    else:
        low, high = (float(bound) for bound in ttest_1samp(percent, 0).confidence_interval(0.95))
    return Difference(float(one.mean()), float(other.mean()), float(percent.mean()), low, high)
