"""How many rows a pass should have: as many as make the device faster, and no more."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from limner.bundle.pixels import out_of_memory
from limner.process.noise import draw
from limner.score.denoiser import Denoiser
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

ROWS = (1, 2, 4, 8, 16, 32, 64)
GAIN = 1.1  # so much faster a row has to become for a doubling to pay
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Profile:
    """Seconds a pass took, by its rows, and the sizes an engine should use for this (network, latent size).

    `sizes` holds one size, or none where jobs are best computed alone.  `room` is false where memory ended the trial.
    """

    seconds: dict[int, float]
    sizes: tuple[int, ...]
    room: bool

    @property
    def gain(self) -> float:
        """How many times as many rows a second the chosen size does as two rows do, which is one guided picture."""
        most = max(self.sizes, default=2)
        return (self.seconds[2] / 2) / (self.seconds[most] / most)


@dataclass(frozen=True, slots=True)
class RowByRow:
    """A denoiser that is asked for one row at a time, for whom there is no room for two; taps want to see all rows."""

    denoiser: Denoiser

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        if taps is not None:
            return self.denoiser(x, sigma, context, taps)
        rows = [slice(row, row + 1) for row in range(len(x))]
        return torch.cat([self.denoiser(x[row], sigma[row], context[row]) for row in rows])


@torch.no_grad()
def profile(
    denoiser: Denoiser, shape: Sequence[int], context: Context, device: torch.device, rows: Sequence[int] = ROWS
) -> Profile:
    """Time passes of more and more rows of this latent shape (channels, height, width) until more bring no gain.

    One size, not several: a pass that is always equally large computes a row the same way in any company.
    """
    seconds, room, best = dict[int, float](), True, 2
    for count in rows:
        x = draw(0, "capacity", count, (count, *shape)).to(device)
        sigma, said = torch.linspace(0.5, 8.0, count, device=device), Context.cat([context[:1]] * count)
        try:
            seconds[count] = min(_timed(denoiser, x, sigma, said) for _ in range(ROUNDS + 1))
        except Exception as fault:
            if not out_of_memory(fault) or count <= 2:
                raise
            room = False
            break
        if count > 2:
            if seconds[best] / best < GAIN * seconds[count] / count:
                break
            best = count
    return Profile(seconds, () if best == 2 else (best,), room)


def _timed(denoiser: Denoiser, x: torch.Tensor, sigma: torch.Tensor, context: Context) -> float:
    began = time.perf_counter()
    denoiser(x, sigma, context)
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began
