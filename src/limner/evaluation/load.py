"""What waiting is like: the same jobs, the same clock on the wall, and two rules for whose turn it is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean

import numpy as np
import torch
from torch import Tensor

from limner.bundle import Bundle
from limner.engine import Engine
from limner.engine.backends import Backend
from limner.engine.batch import Running
from limner.engine.engine import Order, shortest_first
from limner.engine.preview import looker
from limner.engine.run import Reader, admit, guidance, pixels, sampling
from limner.network.vae import without_rest
from limner.recipe import Recipe, Wish, resolve
from limner.sampler import Reply
from limner.score.guidance import at

LENGTHS = (4, 10, 20, 30, 50)  # steps of a job in mixed company


def first_come(job: Running, clock: float) -> float:
    """First in, first out: of equal turns the oldest goes first."""
    return 0.0


RULES: dict[str, Order] = {"first come": first_come, "shortest first": shortest_first}


@dataclass(frozen=True, slots=True)
class Coming:
    """A job and the second at which it arrives."""

    name: str
    recipe: Recipe
    at: float


@dataclass(frozen=True, slots=True)
class Served:
    """Seconds from a job's arrival to its picture, and the picture."""

    seconds: float
    picture: Tensor


def recipe(bundle: Bundle, seed: int, steps: int) -> Recipe:
    return resolve(Wish(model=bundle.identity, prompt="a red apple", seed=seed, steps=steps), bundle.defaults)


@torch.no_grad()
def serve(
    bundle: Bundle, backend: Backend, coming: Sequence[Coming], order: Order, sizes: Sequence[int] = ()
) -> dict[str, Served]:
    """Admit each job when its time has come, and tick until all are pictures; LimnerError if one comes to none."""
    engine, read, served = Engine(backend.denoiser, sizes, order), Reader(bundle), dict[str, Served]()
    left, arrival = sorted(coming, key=lambda job: job.at), {job.name: job.at for job in coming}
    for job in coming:
        guidance(job.recipe, read, backend)  # so that the towers have read all that will be said
    began = time.perf_counter()
    while left or engine.busy:
        while left and left[0].at <= time.perf_counter() - began:
            job = left.pop(0)
            admit(engine, job.name, job.recipe, read, backend=backend)
        if not engine.busy:
            time.sleep(max(0.0, left[0].at - (time.perf_counter() - began)))
        engine.tick()
        if engine.failed:
            raise next(iter(engine.failed.values()))
        for name in list(engine.finished):
            served[name] = Served(time.perf_counter() - began - arrival[name], engine.finished.pop(name))
    return served


def behind(bundle: Bundle, backend: Backend, order: Order) -> dict[str, float]:
    """Seconds of a 4-step draft that comes when four 50-step jobs are waiting, and of the last of those."""
    long = [Coming(f"long {k}", recipe(bundle, k, 50), 0.0) for k in range(4)]
    done = serve(bundle, backend, [*long, Coming("draft", recipe(bundle, 9, 4), 1e-3)], order)
    return {"draft": done["draft"].seconds, "last long": max(done[job.name].seconds for job in long)}


def lone(bundle: Bundle, backend: Backend, rounds: int) -> dict[int, float]:
    """Seconds of a job alone, by its steps: the least of the rounds."""
    return {
        steps: min(
            serve(bundle, backend, [Coming("", recipe(bundle, 0, steps), 0.0)], first_come)[""].seconds
            for _ in range(rounds)
        )
        for steps in LENGTHS
    }


def poisson(bundle: Bundle, count: int, alone: dict[int, float], load: float, seed: int = 0) -> list[Coming]:
    """Jobs of mixed lengths whose gaps are exponential, at `load` of what the engine can do one job after another."""
    chance, now, out = Random(seed), 0.0, list[Coming]()
    gap = mean(alone.values()) / load
    for number in range(count):
        now += chance.expovariate(1 / gap)
        out.append(Coming(str(number), recipe(bundle, number, chance.choice(LENGTHS)), now))
    return out


def waits(coming: Sequence[Coming], served: dict[str, Served], alone: dict[int, float]) -> dict[str, float]:
    """Mean and 95th percentile of seconds from arrival, and of how many times its lone seconds a job took."""
    seconds = [served[job.name].seconds for job in coming]
    slowdown = [served[job.name].seconds / alone[job.recipe.steps] for job in coming]
    return {
        "mean": mean(seconds),
        "p95": float(np.quantile(seconds, 0.95)),
        "p95 slowdown": float(np.quantile(slowdown, 0.95)),
    }


def timed(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


@torch.no_grad()
def bare(bundle: Bundle, backend: Backend, asked: Recipe) -> Tensor:
    """The same picture by a loop that knows nothing of engines: what there is to lose by having one."""
    talk, lanes = sampling(asked, bundle), guidance(asked, Reader(bundle), backend)
    query = next(talk)
    said, nothing = at(lanes, query.sigma)
    told = type(said.context).cat([said.context, nothing.context])
    while True:
        x, sigma = torch.cat([query.x, query.x]), query.x.new_full((2,), query.sigma)
        with_, without = backend.denoiser(x, sigma, told).chunk(2)
        try:
            query = talk.send(Reply(query.x, said.weight * with_ + nothing.weight * without))
        except StopIteration as done:
            return without_rest(backend.decoding(done.value))


@torch.no_grad()
def previews(bundle: Bundle, backend: Backend, asked: Recipe) -> dict[str, float]:
    """Seconds to the first preview, of all previews, and of the whole job, from the moment the sentence arrives."""
    look, first, spent, done = looker(bundle), 0.0, 0.0, 0
    began = time.perf_counter()
    engine, read = Engine(backend.denoiser), Reader(bundle)
    admit(engine, "", asked, read, backend=backend)
    while engine.busy:
        for job in engine.tick():
            done += 1
            if job.denoised is not None:
                spent += timed(lambda latent=job.denoised, done=done: look(latent, done, asked.steps))  # type: ignore[misc]
                first = first or time.perf_counter() - began
    pixels(engine.finished[""])
    return {"first": first, "all": spent, "whole": time.perf_counter() - began}
