"""Many share a forward pass, and nobody notices the company."""

from dataclasses import dataclass, field, replace

import pytest
import torch
from torch.testing import assert_close

from limner.engine import Engine
from limner.process.ladder import karras
from limner.process.noise import draw
from limner.process.schedule import scaled_linear
from limner.sampler import SAMPLERS, Query, Sampling, steer
from limner.sampler.sampling import Asking
from limner.score.exact import Mixture
from limner.score.guidance import Guidance, Lane, classifier_free
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

SIGMAS = karras(scaled_linear(), 5)
JOBS = {  # name: sampler, guidance, side
    "a": ("euler", 1.0, 4),
    "b": ("heun", 3.0, 4),
    "c": ("ancestral", 0.0, 4),
    "d": ("dpmpp_2m", 7.5, 6),
    "e": ("langevin", -1.0, 4),
    "f": ("euler", 2.0, 6),
}


@dataclass
class Recording:
    """An exact denoiser that notes what it was asked, all at once."""

    passes: list[tuple[torch.Size, tuple[float, ...]]] = field(default_factory=list)

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        self.passes.append((x.shape, tuple(sigma.tolist())))
        means = draw(0, "means", 0, (3, *x.shape[1:])).to(x)
        return Mixture(means, 0.4)(x, sigma, context)


def job(name: str) -> tuple[Sampling, Guidance]:
    sampler, scale, side = JOBS[name]
    seed, shape = ord(name), (1, 2, side, side)
    x = SIGMAS[0] * draw(seed, "x", 0, shape)
    words, nothing = Context(torch.full((1, 3, 1), 0.5)), Context(torch.zeros(1, 3, 1))
    return SAMPLERS[sampler](x, SIGMAS, lambda step: draw(seed, "fresh", step, shape)), classifier_free(
        words, nothing, scale
    )


def finished(names: str, max_rows: int) -> tuple[dict[str, Latent], Recording]:
    denoiser = Recording()
    engine = Engine(denoiser, range(1, max_rows + 1))
    for name in names:
        engine.add(name, *job(name))
    while engine.busy:
        engine.tick()
    return engine.finished, denoiser


@pytest.mark.tiny
def test_one_by_one_is_alone_bit_for_bit() -> None:
    queued, _ = finished("abcdef", max_rows=1)
    for name in JOBS:
        assert torch.equal(queued[name], finished(name, max_rows=1)[0][name])


@pytest.mark.parametrize("max_rows", [1, 2, 3, 5, 16])
def test_no_pass_mixes_sizes_or_overfills(max_rows: int) -> None:
    latents, denoiser = finished("abcdef", max_rows)
    assert latents.keys() == JOBS.keys()
    assert max(shape[0] for shape, _ in denoiser.passes) <= max(max_rows, 2)  # a guided job alone is two rows
    assert {tuple(shape[1:]) for shape, _ in denoiser.passes} == {(2, 4, 4), (2, 6, 6)}
    rows = sum(shape[0] for shape, _ in denoiser.passes)
    assert rows == sum(shape[0] for name in JOBS for shape, _ in finished(name, 1)[1].passes)


def test_fuller_passes_are_fewer() -> None:
    assert len(finished("abcdef", 16)[1].passes) < len(finished("abcdef", 2)[1].passes)


@pytest.mark.tiny
def test_the_cancelled_stop_and_the_others_do_not_notice() -> None:
    denoiser = Recording()
    engine = Engine(denoiser, order=lambda job, clock: 0.0)
    cancelled, words = job("b")
    engine.add("b", cancelled, words)
    engine.add("a", *job("a"))
    engine.tick()
    engine.cancel("b")
    with pytest.raises(StopIteration):
        next(cancelled)
    asked = len(denoiser.passes)
    while engine.busy:
        engine.tick()
    assert engine.finished.keys() == {"a"}
    assert len(denoiser.passes) - asked == len(SIGMAS) - 1
    assert torch.equal(engine.finished["a"], finished("a", 1)[0]["a"])
    engine.cancel("a")
    engine.cancel("nobody")
    assert not engine.busy
    assert not engine.tick()


class Linear:
    """D(x) = 2x, so that every slope is known."""

    def __init__(self) -> None:
        self.sizes = list[int]()

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        self.sizes.append(len(x))
        self.answer = 2 * x
        return self.answer


@pytest.mark.tiny
@pytest.mark.parametrize("order", [("plain", "steered"), ("steered", "plain")])
def test_a_slope_is_the_objectives_gradient(order: tuple[str, str]) -> None:
    """For the sum of D(x)^2 it is 8x; who asks for one is asked alone, of the lane that taps see and no other."""
    denoiser, slopes = Linear(), list[Latent]()

    def control(query: Query) -> Asking:
        reply = yield replace(query, objective=lambda: denoiser.answer.square().sum())
        assert reply.slope is not None
        assert not reply.denoised.requires_grad
        assert_close(reply.slope, 8 * reply.x)
        slopes.append(reply.slope)
        return reply

    start = torch.ones(1, 1, 2, 2)
    plain, steered = (SAMPLERS["euler"](start, [3.0, 1.0, 0.0], never) for _ in range(2))
    samplings = {"plain": plain, "steered": steer(steered, control)}
    engine = Engine(denoiser, range(1, 9))
    lanes = (Lane(Context(torch.zeros(1, 1, 1)), 2.0), Lane(Context(torch.zeros(1, 1, 1)), -1.0, seen=False))
    for name in order:
        engine.add(name, samplings[name], lanes)
    with torch.no_grad():
        while engine.busy:
            engine.tick()
    assert len(slopes) == 2
    assert denoiser.sizes == [1, 1, 2, 2]
    assert torch.equal(engine.finished["steered"], engine.finished["plain"])


def never(step: int) -> Latent:
    raise AssertionError("no noise was asked for")


@pytest.mark.tiny
@pytest.mark.parametrize("order", ["abcdef", "fedcba", "cafbed"])
def test_a_batch_is_a_stack_of_singles(order: str) -> None:
    batched, denoiser = finished(order, max_rows=16)
    for name in order:
        # each row's arithmetic is its own; float32 sums over a batch may only run in another order
        assert_close(batched[name], finished(name, max_rows=16)[0][name], rtol=1e-5, atol=1e-5)
    assert any(len(set(sigmas)) > 2 for _, sigmas in denoiser.passes)  # samplers at different noise in one pass
