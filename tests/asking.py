"""Controls at work on the small model: who asks, through which controls, in whose company."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from limner.bundle import Bundle
from limner.engine import Engine
from limner.process.ladder import trailing
from limner.process.noise import draw
from limner.sampler import SAMPLERS, Control, Sampling, steer
from limner.sampler.sampling import Asking, Query
from limner.score.guidance import Guidance, classifier_free
from limner.taps import Site
from limner.types import Latent, Probs

STEPS = 4


def conversation(
    bundle: Bundle, controls: Sequence[Control] = (), sampler: str = "euler", seed: int = 0, rows: int = 1
) -> Sampling:
    """`rows` pictures from one and the same noise."""
    sigmas, shape = trailing(bundle.schedule, STEPS), (rows, 4, 8, 8)
    x = sigmas[0] * draw(seed, "x", 0, (1, 4, 8, 8)).repeat(rows, 1, 1, 1)
    sampling = SAMPLERS[sampler](x, sigmas, lambda step: draw(seed, "fresh", step, shape))
    for control in controls:
        sampling = steer(sampling, control)
    return sampling


def guidance(bundle: Bundle, *prompts: str, scale: float = 3.0) -> Guidance:
    return classifier_free(bundle.context(prompts), bundle.context([""] * len(prompts)), scale)


def together(bundle: Bundle, *jobs: tuple[Sampling, Guidance]) -> list[Latent]:
    """Every job's clean latent, all of them in the same forward passes."""
    engine = Engine(bundle.denoiser, sizes=range(1, 65))
    for name, job in enumerate(jobs):
        engine.add(str(name), *job)
    while engine.busy:
        engine.tick()
    return [engine.finished[str(name)] for name in range(len(jobs))]


@dataclass
class Idle:
    """Steering at its least: before each step it asks which way its objective falls, and does not go there."""

    seen: Probs | None = None
    slopes: int = 0

    def wants(self, site: Site) -> bool:
        return site.kind == "cross"

    def watch(self, site: Site, probs: Probs) -> None:
        self.seen = probs

    def objective(self) -> torch.Tensor:
        assert self.seen is not None
        return self.seen.square().sum()

    def control(self, query: Query) -> Asking:
        reply = yield replace(query, taps=(*query.taps, self), objective=self.objective)
        assert reply.slope is not None
        assert reply.slope.shape == query.x.shape
        self.slopes += int(reply.slope.abs().sum() > 0)
        return (yield query)
