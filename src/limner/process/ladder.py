"""Which noise levels a sampler visits, from high to low and then 0: a plain list of floats."""

from collections.abc import Callable
from math import exp, log

from limner.errors import LimnerError
from limner.process.schedule import NoiseSchedule

RHO = 7.0


def karras(schedule: NoiseSchedule, n: int) -> list[float]:
    """Even steps in sigma^(1/7), dense where detail is made.  Karras et al. 2022 (arXiv:2206.00364), Eq. 5."""
    low, high = schedule.sigmas[0] ** (1 / RHO), schedule.sigmas[-1] ** (1 / RHO)
    return [*((high + i * (low - high)) ** RHO for i in evenly(n)), 0.0]


def exponential(schedule: NoiseSchedule, n: int) -> list[float]:
    """Even steps in log sigma, which are even steps in the logarithm of the signal-to-noise ratio.

    Lu et al. 2022 (arXiv:2206.00927), section 4, "uniform logSNR": the grid on which DPM-Solver's order shows.
    """
    low, high = log(schedule.sigmas[0]), log(schedule.sigmas[-1])
    return [*(exp(high + i * (low - high)) for i in evenly(n)), 0.0]


def trailing(schedule: NoiseSchedule, n: int) -> list[float]:
    """Even steps in time that begin at the very last.  Lin et al. 2023 (arXiv:2305.08891), section 3.3 and table 2."""
    times, sigmas = room(schedule, n), schedule.sigmas
    return [*(sigmas[round(times - i * times / n) - 1] for i in range(n)), 0.0]


def leading(schedule: NoiseSchedule, n: int) -> list[float]:
    """Even steps in time that end at time 1, as Stable Diffusion was first sampled.

    Song et al. 2020 (arXiv:2010.02502), appendix D.2, "linear", moved by one.
    """
    times, sigmas = room(schedule, n), schedule.sigmas
    first = 1 if n < times else 0
    return [*(sigmas[first + i * (times // n)] for i in reversed(range(n))), 0.0]


def linspace(schedule: NoiseSchedule, n: int) -> list[float]:
    """Even steps in time from the last to the first, whole or not: others' "normal" or "uniform"."""
    end = len(schedule.abar) - 1
    return [*(schedule.sigma_of((1 - i) * end) for i in evenly(n)), 0.0]


def simple(schedule: NoiseSchedule, n: int) -> list[float]:
    """Every (T / n)-th level from the last down, rounded up: ComfyUI's and AUTOMATIC1111's "simple".

    `trailing` rounds to the nearest; where n divides T they are one.
    """
    times, sigmas = room(schedule, n), schedule.sigmas
    return [*(sigmas[times - 1 - int(i * (times / n))] for i in range(n)), 0.0]


def sgm_uniform(schedule: NoiseSchedule, n: int) -> list[float]:
    """`linspace` with one more step, and without its last: as Stability's generative-models draw SDXL."""
    return [*linspace(schedule, n + 1)[:-2], 0.0]


def room(schedule: NoiseSchedule, n: int) -> int:
    """How many whole times there are; LimnerError if `n` steps would have to visit one twice."""
    if n > len(schedule.abar):
        raise LimnerError(f"{n} steps do not fit into {len(schedule.abar)} times", "take fewer, or the ladder karras")
    return len(schedule.abar)


def evenly(n: int) -> list[float]:
    return [i / (n - 1) for i in range(n)] if n > 1 else [0.0]


LADDERS: dict[str, Callable[[NoiseSchedule, int], list[float]]] = {
    "exponential": exponential,
    "karras": karras,
    "leading": leading,
    "linspace": linspace,
    "sgm_uniform": sgm_uniform,
    "simple": simple,
    "trailing": trailing,
}
