"""Who is served first: the shortest, and in the end everybody."""

from collections.abc import Callable
from random import Random

import pytest
import torch

from limner.engine import Engine
from limner.engine.engine import PATIENCE, Order, shortest_first
from limner.sampler import euler
from limner.score.guidance import Lane
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

WORDS = (Lane(Context(torch.zeros(1, 1, 1))),)


def nothing(x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
    return x


def add(engine: Engine, name: str, steps: int) -> None:
    sigmas = [float(steps - i) for i in range(steps + 1)]
    engine.add(name, euler(torch.ones(1, 1, 1, 1), sigmas), WORDS, steps)


def first_come(arrived: dict[str, int]) -> Order:
    return lambda job, clock: arrived[job.name]


def waits(arrivals: list[tuple[int, int]], order: Callable[[dict[str, int]], Order]) -> list[int]:
    """For jobs (tick of arrival, steps) the ticks from arrival to picture, one job a tick."""
    arrived, done = dict[str, int](), dict[str, int]()
    engine, tick = Engine(nothing, order=order(arrived)), 0
    coming = sorted(range(len(arrivals)), key=lambda k: arrivals[k][0])
    while coming or engine.busy:
        while coming and arrivals[coming[0]][0] <= tick:
            k = coming.pop(0)
            arrived[str(k)] = k
            add(engine, str(k), arrivals[k][1])
        engine.tick()
        tick += 1
        for name in engine.finished.keys() - done.keys():
            done[name] = tick
    return [done[str(k)] - at for k, (at, _) in enumerate(arrivals)]


@pytest.mark.tiny
def test_a_draft_behind_four_long_jobs_goes_first_and_costs_them_its_own_steps() -> None:
    arrivals = [(0, 50)] * 4 + [(3, 4)]
    fair, fifo = waits(arrivals, lambda _: shortest_first), waits(arrivals, first_come)
    assert fair[-1] == 4
    assert fifo[-1] == 200 - 3 + 4
    assert sorted(fair[:4]) == [54, 104, 154, 204]


@pytest.mark.tiny
def test_a_long_job_among_short_ones_without_end_is_served() -> None:
    """Shortest first alone would never serve it; it waits for at most PATIENCE times what the others are shorter by."""
    arrivals = [(0, 50)] + [(4 * k, 4) for k in range(200)]
    waited = waits(arrivals, lambda _: shortest_first)[0]
    assert 50 < waited <= (PATIENCE + 1) * 50


def test_under_load_the_mean_wait_and_the_slowest_slowdowns_fall() -> None:
    """Mixed lengths, Poisson arrivals at 0.9 of what one device can do, 400 jobs; in ticks, so on any machine."""
    rng, at, arrivals = Random(0), 0.0, list[tuple[int, int]]()
    lengths = [4, 8, 12, 20, 30, 50]
    for _ in range(400):
        at += rng.expovariate(0.9 / (sum(lengths) / len(lengths)))
        arrivals.append((int(at), rng.choice(lengths)))
    fair, fifo = waits(arrivals, lambda _: shortest_first), waits(arrivals, first_come)

    def slow(waited: list[int]) -> float:
        return sorted(w / steps for w, (_, steps) in zip(waited, arrivals, strict=True))[int(0.95 * len(waited))]

    assert sum(fair) <= 0.7 * sum(fifo)
    assert slow(fair) <= 0.3 * slow(fifo)
