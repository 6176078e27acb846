"""How fast a picture drowns in noise: abar_t says what share of its variance is left at time t."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import cos, exp, inf, log, pi, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from limner.errors import LimnerError

TERMINAL = 2.0**-24  # "zero" signal at the last time, kept finite: sigma 4096


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """The times 0 ... T-1 and what is left of the picture at each: abar_t falls, sigma_t = sqrt(1/abar_t - 1) rises.

    sigma is the variance-exploding noise level: x_t / sqrt(abar_t) = x_0 + sigma_t eps.
    Between whole times log sigma is linear.  LimnerError where there are not two times or abar does not fall.
    """

    abar: tuple[float, ...]
    levels: tuple[float, ...] = field(init=False, repr=False, compare=False)
    """log sigma at every time."""

    def __post_init__(self) -> None:
        if len(self.abar) < 2 or not all(1 > a > b > 0 for a, b in pairwise(self.abar)):
            raise LimnerError(
                "this noise schedule does not fall from below 1 to above 0", "its betas lie between 0 and 1"
            )
        object.__setattr__(self, "levels", tuple(map(log, self.sigmas)))

    @property
    def sigmas(self) -> list[float]:
        return [sqrt((1 - abar) / abar) for abar in self.abar]

    def sigma_of(self, t: float) -> float:
        """The noise level at time t, which need not be whole; ValueError outside [0, T-1]."""
        if not 0 <= t <= len(self.abar) - 1:
            raise ValueError(f"time {t} is outside 0 ... {len(self.abar) - 1}")
        low = min(int(t), len(self.abar) - 2)
        before, after = (log((1 - abar) / abar) / 2 for abar in self.abar[low : low + 2])
        return exp(before + (t - low) * (after - before))

    def time_of(self, sigma: float) -> float:
        """`t_of` of one number."""
        asked = log(sigma) if sigma > 0 else -inf
        low = bisect_left(self.levels, asked, 1, len(self.levels) - 1) - 1
        share = (asked - self.levels[low]) / (self.levels[low + 1] - self.levels[low])
        return low + min(max(share, 0.0), 1.0)

    def t_of(self, sigma: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
        """The time at which the noise level is sigma; noise beyond either end has the end's time."""
        place = sigma.device if sigma.is_cuda else torch.device("cpu")  # not every device has float64
        known, apart = _levels(self, place)
        asked = sigma.detach().to(place, torch.float64).log()
        low = torch.searchsorted(known[1:-1], asked)
        share = (asked - known.take(low)) / apart.take(low)
        return (low + share.clamp(0, 1)).to(sigma.device, torch.float32)

    def draw(self, uniform: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
        """Noise levels for training, from uniform numbers in [0, 1): every time equally often."""
        times = (uniform.double() * len(self.abar)).long()
        return torch.tensor(self.sigmas, dtype=torch.float64)[times].float()


@lru_cache(maxsize=8)
def _levels(schedule: NoiseSchedule, device: torch.device) -> tuple[Float[Tensor, " times"], Float[Tensor, " gaps"]]:
    """log sigma at every time, and how far it is to the next."""
    known = torch.tensor(schedule.sigmas, dtype=torch.float64).log()
    return known.to(device), known.diff().to(device)


def from_betas(betas: list[float]) -> NoiseSchedule:
    """abar_t = prod_s<=t (1 - beta_s).  Ho et al. 2020 (arXiv:2006.11239), section 2."""
    abar, left = list[float](), 1.0
    for beta in betas:
        left *= 1 - beta
        abar.append(left)
    return NoiseSchedule(tuple(abar))


def linear(times: int = 1000, first: float = 1e-4, last: float = 0.02) -> NoiseSchedule:
    """beta rises linearly.  Ho et al. 2020 (arXiv:2006.11239), section 4."""
    return from_betas([first + (last - first) * t / max(times - 1, 1) for t in range(times)])


def scaled_linear(times: int = 1000, first: float = 0.00085, last: float = 0.012) -> NoiseSchedule:
    """sqrt(beta) rises linearly: Stable Diffusion's.  Rombach et al. 2022 (arXiv:2112.10752), its code's `linear`."""
    root, end = sqrt(first), sqrt(last)
    return from_betas([(root + (end - root) * t / max(times - 1, 1)) ** 2 for t in range(times)])


def cosine(times: int = 1000) -> NoiseSchedule:
    """abar_t = f(t) / f(0), f(t) = cos^2((t/T + s)/(1 + s) pi/2), s = 0.008, beta at most 0.999.

    Nichol & Dhariwal 2021 (arXiv:2102.09672), Eq. 17.
    """

    def f(u: float) -> float:
        return cos((u + 0.008) / 1.008 * pi / 2) ** 2

    return from_betas([min(1 - f((t + 1) / times) / f(t / times), 0.999) for t in range(times)])


def zero_terminal_snr(schedule: NoiseSchedule) -> NoiseSchedule:
    """Shift and scale sqrt(abar) so that nothing is left at the last time.

    Lin et al. 2023 (arXiv:2305.08891), Algorithm 1.  "Nothing" is 2^-24, so that sigma stays finite; where several
    times would fall below, they stay a little above it, so that sigma still rises.
    """
    roots = [sqrt(abar) for abar in schedule.abar]
    first, last = roots[0], roots[-1]
    floor = [TERMINAL * (2 - (t + 1) / len(roots)) for t in range(len(roots))]
    return NoiseSchedule(
        tuple(max(((r - last) * first / (first - last)) ** 2, low) for r, low in zip(roots, floor, strict=True))
    )


SCHEDULES: dict[str, Callable[[int, float, float], NoiseSchedule]] = {
    "linear": linear,
    "scaled_linear": scaled_linear,
    "squaredcos_cap_v2": lambda times, first, last: cosine(times),
}
