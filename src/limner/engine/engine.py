"""Many at once: whoever has a question pending shares a forward pass, and nobody notices the company."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from limner.sampler.sampling import Query, Reply, Sampling
from limner.score.denoiser import Denoiser
from limner.score.guidance import Guidance, Lane
from limner.taps import Routed
from limner.types import Context, Latent


@dataclass(slots=True, eq=False)
class Running:
    """A job between two questions."""

    name: str
    sampling: Sampling
    guidance: Guidance
    query: Query

    @property
    def rows(self) -> int:
        return sum(len(lane.context) for lane in self.guidance)


def answer(asked: Sequence[Running], denoiser: Denoiser) -> list[Reply]:
    """One forward pass for every pending question, each lane at its own noise level; then each guidance's sum."""
    lanes = [(job.query, lane) for job in asked for lane in job.guidance]
    bounds = list(pairwise(accumulate((len(query.x) for query, _ in lanes), initial=0)))
    routes = [
        (slice(*rows), query.taps)
        for rows, (query, lane) in zip(bounds, lanes, strict=True)
        if query.taps and lane.seen
    ]
    x = torch.cat([query.x for query, _ in lanes])
    sigma = torch.cat([query.x.new_full((len(query.x),), query.sigma) for query, _ in lanes])
    context = Context.cat([lane.context for _, lane in lanes])
    objectives = [job.query.objective for job in asked if job.query.objective is not None]
    with torch.set_grad_enabled(bool(objectives)):
        x = x.detach().requires_grad_(bool(objectives))
        denoised = denoiser(x, sigma, context, Routed(routes) if routes else None)
        slope = torch.autograd.grad(torch.stack([f() for f in objectives]).sum(), x)[0] if objectives else None
    replies, pieces = list[Reply](), iter(bounds)
    for job in asked:
        own = [(slice(*next(pieces)), lane) for lane in job.guidance]
        mean = weighted(denoised.detach(), own)
        downhill = None if slope is None else torch.stack([slope[rows] for rows, _ in own]).sum(0)
        replies.append(Reply(job.query.x, mean, downhill))
    return replies


def weighted(denoised: Latent, lanes: Sequence[tuple[slice, Lane]]) -> Float[Tensor, "rows c h w"]:
    return torch.stack([lane.weight * denoised[rows] for rows, lane in lanes]).sum(0)


class Engine:
    """Owns the denoiser; knows no HTTP and no files.  `tick` is one forward pass for the rows that fit together.

    A pass never mixes sizes, nor questions with and without a gradient.  With `max_rows` 1 every job is computed alone.
    """

    def __init__(self, denoiser: Denoiser, max_rows: int = 1) -> None:
        self.denoiser, self.max_rows = denoiser, max_rows
        self.waiting: deque[Running] = deque()
        self.finished: dict[str, Latent] = {}

    def add(self, name: str, sampling: Sampling, guidance: Guidance) -> None:
        self.waiting.append(Running(name, sampling, guidance, next(sampling)))

    def cancel(self, name: str) -> None:
        """Its next question is never asked; a name nobody bears is no error, as the job may just have finished."""
        for job in [job for job in self.waiting if job.name == name]:
            self.waiting.remove(job)
            job.sampling.close()

    def tick(self) -> bool:
        """Ask, answer, advance.  False when there is nothing left to do."""
        asked = self.pick()
        if not asked:
            return False
        for job, reply in zip(asked, answer(asked, self.denoiser), strict=True):
            self.advance(job, reply)
        return True

    def pick(self) -> list[Running]:
        """First come, first served: the oldest job, and whoever fits beside it."""
        picked, rows = list[Running](), 0
        for job in self.waiting:
            alike = not picked or (
                job.query.x.shape[1:] == picked[0].query.x.shape[1:]
                and job.query.objective is None
                and picked[0].query.objective is None
            )
            if alike and (not picked or rows + job.rows <= self.max_rows):
                picked.append(job)
                rows += job.rows
        return picked

    def advance(self, job: Running, reply: Reply) -> None:
        try:
            job.query = job.sampling.send(reply)
        except StopIteration as done:
            self.finished[job.name] = done.value
            self.waiting.remove(job)
