"""One forward pass for many questions: every row has its own noise level, its own words and its own faults."""

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby, pairwise
from math import prod
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from limner.sampler.sampling import Query, Reply, Sampling
from limner.score.denoiser import Denoiser
from limner.score.guidance import Guidance, at
from limner.taps import Editor, Look, Routed, Site, Tap, Witness
from limner.types import Context, Latent, Probs

Finish: TypeAlias = Callable[[Latent], Generator[str | None, None, Tensor]]
"""What becomes of a clean latent, in pieces: a decoder yields between its blocks, a note if there is something to say,
and returns the picture."""


Mean: TypeAlias = Float[Tensor, "_ c h w"]
"""What one job is answered, in as many rows as it asked about."""

Bucket: TypeAlias = tuple[int, torch.Size, int]
"""A network, a latent's channels, height and width, and how many states it is told."""


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
    lanes: Guidance = field(init=False)
    rows: int = field(init=False)
    pictures: int = field(init=False)

    def __post_init__(self) -> None:
        self.ask(self.query)

    def ask(self, query: Query) -> None:
        """Its next question, about so many `pictures`; `lanes` is what it is to be told at that noise level, in so many
        `rows`: where the way downhill is asked for, what taps see and nothing else.  Where they see nothing there is no
        such way, and the question is a plain one."""
        self.query, self.lanes, self.pictures = query, at(self.guidance, query.sigma), query.x.shape[0]
        if query.objective is not None:
            seen = watched(self.lanes)
            self.query = query if seen else replace(query, objective=None)
            self.lanes = seen or self.lanes
        self.rows = sum(len(lane.context) for lane in self.lanes)

    @property
    def work(self) -> int:
        """What is left to do, in latent numbers through the network."""
        return max(self.left, 1) * self.rows * self.numbers

    @property
    def numbers(self) -> int:
        """Of one row's latent."""
        return prod(self.query.x.shape[1:])

    @property
    def bucket(self) -> Bucket:
        """What jobs must share to share a pass."""
        return id(self.denoiser), self.query.x.shape[1:], self.guidance[0].context.states.shape[1]

    def fits_with(self, other: "Running") -> bool:
        """Whether one pass may answer both: one network, one size, and no gradients."""
        return self.bucket == other.bucket and self.query.objective is None and other.query.objective is None


def watched(lanes: Guidance) -> Guidance:
    """The lanes that taps look at, their mean; none where they look at none."""
    seen = [lane for lane in lanes if lane.seen]
    return tuple(replace(lane, weight=1 / len(seen), rescale=None) for lane in seen)


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


@dataclass(slots=True, eq=False)
class Beside:
    """Contexts side by side.  While the same ones are told again they are the very same object, so that whoever is
    told need not read it again."""

    most: int = 8
    kept: OrderedDict[tuple[int, ...], tuple[Sequence[Context], Context]] = field(default_factory=OrderedDict)

    def __call__(self, contexts: Sequence[Context]) -> Context:
        key = tuple(map(id, contexts))
        if key not in self.kept:
            self.kept[key] = contexts, Context.cat(contexts)  # with the contexts, so that nothing else has their ids
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)
        self.kept.move_to_end(key)
        return self.kept[key][1]


@dataclass(frozen=True, slots=True)
class Witnessing:
    """A job's witness; what it raises is that job's own fault."""

    job: Running
    tap: Witness

    def wants(self, site: Site) -> bool:
        return Watching(self.job, self.tap).wants(site)

    def witness(self, site: Site, look: Look) -> None:
        try:
            self.tap.witness(site, look)
        except Exception as fault:
            self.job.fault = fault


def answer(
    asked: Sequence[Running], size: int = 0, beside: Callable[[Sequence[Context]], Context] = Context.cat
) -> tuple[list[Reply], Float[Tensor, " jobs"]]:
    """One pass for every pending question, each lane at its own noise level; then each guidance's weighted sum.

    And the sum of each job's reply, which is finite if the reply is: on the device, so that whoever asks waits for the
    pass, and nobody before.
    Up to `size` rows the pass is filled with copies of its first row, so that its shape does not tell the company.
    A job whose taps or objective raise has its `fault` set, and its reply means nothing.
    """
    told = [job.lanes for job in asked]
    lanes = [(job, lane) for job, guidance in zip(asked, told, strict=True) for lane in guidance]
    bounds = list(pairwise(accumulate((job.pictures for job, _ in lanes), initial=0)))
    routes = [
        (slice(*rows), tuple(guarded(job, tap) for tap in job.query.taps))
        for rows, (job, lane) in zip(bounds, lanes, strict=True)
        if job.query.taps and lane.seen
    ]
    x = filled(torch.cat([job.query.x for job, _ in lanes]), size)
    sigma = filled(each_row(x, [(job.query.sigma, job.pictures) for job, _ in lanes]), size)
    contexts = [lane.context for _, lane in lanes]
    said = contexts[0] if len(contexts[0]) == 1 else contexts[0][:1]
    context = beside([*contexts, *[said] * (size - bounds[-1][1])])
    objectives = [job for job in asked if job.query.objective is not None]
    with torch.set_grad_enabled(bool(objectives)):
        x = x.detach().requires_grad_(bool(objectives))
        denoised = asked[0].denoiser(x, sigma, context, Routed(routes) if routes else None)
        slope = downhill(objectives, x) if objectives else None
    means = rescaled(weighted(denoised.detach(), asked, told), denoised.detach(), asked, told)
    row, replies = 0, list[Reply]()
    for job, mean, guidance in zip(asked, means, told, strict=True):
        rows, row = slice(row, row + job.pictures * len(guidance)), row + job.pictures * len(guidance)
        steepest = None if slope is None else slope[rows].view(len(guidance), *mean.shape).sum(0)
        replies.append(Reply(job.query.x, mean, steepest))
    return replies, totals(means)


def guarded(job: Running, tap: Tap) -> Tap:
    if isinstance(tap, Editor):
        return Editing(job, tap)
    return Witnessing(job, tap) if isinstance(tap, Witness) else Watching(job, tap)


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


def each_row(x: Latent, lanes: Sequence[tuple[float, int]]) -> Float[Tensor, " rows"]:
    """One number a row, from (number, rows): on the CPU, where whoever must know them need not wait."""
    return torch.tensor([number for number, rows in lanes for _ in range(rows)], dtype=x.dtype)


def weighted(denoised: Latent, asked: Sequence[Running], told: Sequence[Guidance]) -> list[Mean]:
    """Each job's sum over its lanes, in the order of its lanes and of no company.

    All rows are weighted in one product, and neighbours with as many lanes are summed in one; of a job alone the rows
    of each lane, in half as many kernels, which round alike.
    """
    if len(asked) == 1:
        n = asked[0].pictures
        first, *rest = (lane.weight * denoised[k * n : k * n + n] for k, lane in enumerate(told[0]))
        return [sum(rest, start=first)]
    shapes = [(len(guidance), job.pictures) for job, guidance in zip(asked, told, strict=True)]
    lanes = [(lane.weight, rows) for guidance, (_, rows) in zip(told, shapes, strict=True) for lane in guidance]
    weights = each_row(denoised, lanes).to(denoised.device, non_blocking=denoised.is_cuda)
    products, row, out = denoised[: sum(rows for _, rows in lanes)] * weights[:, None, None, None], 0, list[Mean]()
    for (lanes_each, rows_each), alike in groupby(shapes):
        jobs = len(list(alike))
        block = products[row : row + jobs * lanes_each * rows_each]
        first, *rest = block.view(jobs, lanes_each, rows_each, *denoised.shape[1:]).unbind(1)
        out += sum(rest, first).unbind()
        row += jobs * lanes_each * rows_each
    return out


def rescaled(means: Sequence[Mean], denoised: Latent, asked: Sequence[Running], told: Sequence[Guidance]) -> list[Mean]:
    """Each job's sum with its contrast taken back to that of one of its lanes, where the lane asks for it."""
    row, out = 0, list[Mean]()
    for job, mean, guidance in zip(asked, means, told, strict=True):
        for lane in guidance:
            if lane.rescale is not None:
                alone = denoised[row : row + job.pictures]
                mean = lane.rescale(job.query.x, job.query.sigma, alone, mean)
            row += job.pictures
        out.append(mean)
    return out


def totals(means: Sequence[Mean]) -> Float[Tensor, " jobs"]:
    """The sum of each one's numbers, which is finite only if they are."""
    if len(means) == 1:
        return means[0].sum()[None]
    if len({mean.shape for mean in means}) == 1:
        return torch.stack(list(means)).flatten(1).sum(1)
    return torch.stack([mean.sum() for mean in means])
