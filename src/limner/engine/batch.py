"""One forward pass for many questions: every row has its own noise level, its own words and its own faults."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from limner.sampler.sampling import Query, Reply, Sampling
from limner.score.denoiser import Denoiser
from limner.score.guidance import Guidance, Lane, at
from limner.taps import Editor, Routed, Site, Tap
from limner.types import Context, Latent, Probs

Finish: TypeAlias = Callable[[Latent], Generator[None, None, Tensor]]
"""What becomes of a clean latent, in pieces: a decoder yields between its blocks and returns the picture."""


Bucket: TypeAlias = tuple[int, torch.Size]
"""A network and a latent's channels, height and width."""


@dataclass(slots=True, eq=False)
class Running:
    """A job between two questions: what it asks, how many passes it still expects, and the last answer it was given.

    `since` is the engine's clock when it was admitted; `fault` is what its own code raised within a pass.
    """

    name: str
    denoiser: Denoiser
    sampling: Sampling
    guidance: Guidance
    left: int
    query: Query
    finish: Finish | None = None
    since: float = 0.0
    denoised: Latent | None = None
    fault: Exception | None = field(default=None)

    @property
    def lanes(self) -> Guidance:
        """What it is to be told at the noise level of its question."""
        return at(self.guidance, self.query.sigma)

    @property
    def rows(self) -> int:
        return sum(len(lane.context) for lane in self.lanes)

    @property
    def work(self) -> int:
        """What is left to do, in latent numbers through the network."""
        return max(self.left, 1) * self.rows * self.query.x[0].numel()

    @property
    def bucket(self) -> Bucket:
        """What jobs must share to share a pass."""
        return id(self.denoiser), self.query.x.shape[1:]

    def fits_with(self, other: "Running") -> bool:
        """Whether one pass may answer both: one network, one size, and no gradients."""
        return self.bucket == other.bucket and self.query.objective is None and other.query.objective is None


@dataclass(frozen=True, slots=True)
class Watching:
    """A job's watcher; what it raises is that job's own fault."""

    job: Running
    tap: Tap

    def wants(self, site: Site) -> bool:
        if self.job.fault is not None:
            return False
        try:
            return self.tap.wants(site)
        except Exception as fault:
            self.job.fault = fault
            return False

    def watch(self, site: Site, probs: Probs) -> None:
        try:
            self.tap.watch(site, probs)  # type: ignore[union-attr]
        except Exception as fault:
            self.job.fault = fault


@dataclass(frozen=True, slots=True)
class Editing:
    """A job's editor; when it fails the pass goes on with what was there, for the others' sake."""

    job: Running
    tap: Editor

    def wants(self, site: Site) -> bool:
        return Watching(self.job, self.tap).wants(site)

    def edit(self, site: Site, probs: Probs) -> Probs:
        try:
            edited = self.tap.edit(site, probs)
            if edited.shape != probs.shape:
                raise ValueError(f"edited probabilities of shape {tuple(edited.shape)}, not {tuple(probs.shape)}")
        except Exception as fault:
            self.job.fault = fault
            return probs
        return edited


def answer(asked: Sequence[Running], size: int = 0) -> list[Reply]:
    """One pass for every pending question, each lane at its own noise level; then each guidance's weighted sum.

    Up to `size` rows the pass is filled with copies of its first row, so that its shape does not tell the company.
    A job whose taps or objective raise has its `fault` set, and its reply means nothing.
    """
    lanes = [(job, lane) for job in asked for lane in job.lanes]
    bounds = list(pairwise(accumulate((len(job.query.x) for job, _ in lanes), initial=0)))
    routes = [
        (slice(*rows), tuple(guarded(job, tap) for tap in job.query.taps))
        for rows, (job, lane) in zip(bounds, lanes, strict=True)
        if job.query.taps and lane.seen
    ]
    rows = bounds[-1][1]
    x = filled(torch.cat([job.query.x for job, _ in lanes]), size)
    sigma = filled(torch.cat([job.query.x.new_full((len(job.query.x),), job.query.sigma) for job, _ in lanes]), size)
    context = Context.cat([lane.context for _, lane in lanes])
    if rows < size:
        context = Context.cat([context, *[context[:1]] * (size - rows)])
    objectives = [job for job in asked if job.query.objective is not None]
    with torch.set_grad_enabled(bool(objectives)):
        x = x.detach().requires_grad_(bool(objectives))
        denoised = asked[0].denoiser(x, sigma, context, Routed(routes) if routes else None)
        slope = downhill(objectives, x) if objectives else None
    replies, pieces = list[Reply](), iter(bounds)
    for job in asked:
        own = [(slice(*next(pieces)), lane) for lane in job.lanes]
        mean = weighted(denoised.detach(), own)
        steepest = None if slope is None else torch.stack([slope[rows] for rows, _ in own]).sum(0)
        replies.append(Reply(job.query.x, mean, steepest))
    return replies


def guarded(job: Running, tap: Tap) -> Tap:
    return Editing(job, tap) if isinstance(tap, Editor) else Watching(job, tap)


def filled(rows: Tensor, size: int) -> Tensor:
    """The rows, and copies of the first up to `size`."""
    missing = size - len(rows)
    return rows if missing <= 0 else torch.cat([rows, rows[:1].expand(missing, *rows.shape[1:])])


def downhill(jobs: Sequence[Running], x: Latent) -> Latent:
    """The gradient of every objective that can be evaluated; the others' jobs bear the fault."""
    values = list[Tensor]()
    for job in jobs:
        try:
            assert job.query.objective is not None
            values.append(job.query.objective())
        except Exception as fault:
            job.fault = fault
    if not values:
        return torch.zeros_like(x)
    return torch.autograd.grad(torch.stack(values).sum(), x)[0]


def weighted(denoised: Latent, lanes: Sequence[tuple[slice, Lane]]) -> Float[Tensor, "rows c h w"]:
    return torch.stack([lane.weight * denoised[rows] for rows, lane in lanes]).sum(0)
