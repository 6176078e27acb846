"""Many at once: whoever has a question pending may share a forward pass, and nobody notices the company."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

from torch import Tensor

from limner.bundle.pixels import out_of_memory
from limner.engine.batch import Beside, Bucket, Finish, Running, answer
from limner.engine.capacity import RowByRow
from limner.errors import LimnerError
from limner.sampler.sampling import Query, Reply, Sampling
from limner.score.denoiser import Denoiser
from limner.score.guidance import Guidance
from limner.types import Latent

PATIENCE = 8.0  # a job waits for at most so many times the work by which newcomers are shorter
Order: TypeAlias = Callable[[Running, float], float]
"""(job, the engine's clock) -> its turn: the lowest goes first, and of equals the one that came first."""


def shortest_first(job: Running, clock: float) -> float:
    """The work it has left, less a share of all that was done since it came.

    Shortest remaining first has the least mean wait (Schrage 1968, "A proof of the optimality of the shortest remaining
    processing time discipline"); ageing keeps a long job from starving.
    """
    return job.work - (clock - job.since) / PATIENCE


@dataclass(slots=True, eq=False)
class Finishing:
    """A job whose sampling is over, on its way to a picture."""

    name: str
    pieces: Generator[str | None, None, Tensor]


@dataclass(frozen=True, slots=True)
class Over:
    """A sampling's last word."""

    latent: Latent


class Engine:
    """Owns the device; knows no HTTP and no files.  A `tick` is one forward pass, and one piece of a finished picture.

    `sizes` are the numbers of rows a pass may have: it is filled up to the smallest that holds it.  Without any, every
    job is computed alone.  With several, pixels stay the same in any company only if the denoiser's rows do not depend
    on the size; with one they need not depend on anything.  Each (network, latent size) is a bucket with sizes of its
    own, which `capacity.profile` finds: `buckets` says those that differ.

    `notes`, and `said` of each job, tell what was done otherwise than usual, such as with too little memory.
    What a job's own code raises, and numbers that are not finite, end that job: `failed` says why, the others go on.
    """

    def __init__(self, denoiser: Denoiser, sizes: Sequence[int] = (), order: Order = shortest_first) -> None:
        self.denoiser, self.sizes, self.order = denoiser, tuple(sorted(sizes)), order
        self.buckets: dict[Bucket, tuple[int, ...]] = {}
        self.waiting: deque[Running] = deque()
        self.finishing: deque[Finishing] = deque()
        self.finished: dict[str, Tensor] = {}
        self.failed: dict[str, LimnerError] = {}
        self.notes: list[str] = []
        self.said: dict[str, list[str]] = {}
        self.clock = 0.0
        self.beside = Beside()

    def add(
        self,
        name: str,
        sampling: Sampling,
        guidance: Guidance,
        left: int = 1,
        denoiser: Denoiser | None = None,
        finish: Finish | None = None,
    ) -> None:
        """Admit a job, from the next tick on; `left` is the number of passes it expects to take.

        Raises LimnerError where the sampling fails before its first question, or the name is in use.
        """
        if name in self.names():
            raise LimnerError(f"a job named {name!r} is running", "give it another name")
        try:
            query = next(sampling)
        except StopIteration as done:  # it asks nothing: only its end is left to do
            self._finish(name, done.value, finish)
            return
        except Exception as fault:
            raise blamed(fault) from fault
        own = denoiser or self.denoiser
        self.waiting.append(Running(name, own, sampling, guidance, left, query, finish, self.clock))

    def names(self) -> set[str]:
        """The jobs that are not yet finished."""
        return {job.name for job in self.waiting} | {job.name for job in self.finishing}

    def cancel(self, name: str) -> None:
        """Its next question is never asked; a name nobody bears is no error, as the job may just have finished."""
        for job in [job for job in self.waiting if job.name == name]:
            self.waiting.remove(job)
            with suppress(Exception):  # a control's last words
                job.sampling.close()
        for ending in [ending for ending in self.finishing if ending.name == name]:
            self.finishing.remove(ending)
            ending.pieces.close()
        self.said.pop(name, None)

    def tick(self) -> list[Running]:
        """Ask, answer, advance, and do a piece of the oldest finished picture.  The jobs that were asked."""
        asked = self.pick()
        done = bool(self.finishing)
        if asked:
            self._pass(asked)
        if done:
            self._piece(self.finishing[0])
        return asked

    @property
    def busy(self) -> bool:
        """Whether there is anything left to do."""
        return bool(self.waiting or self.finishing)

    def pick(self) -> list[Running]:
        """Whose turn it is, and in their order all who fit beside it."""
        turns = sorted(self.waiting, key=lambda job: self.order(job, self.clock))
        picked, rows = list[Running](), 0
        most = max(self.sizes_of(turns[0]), default=0) if turns else 0
        for job in turns:
            if not picked or (job.fits_with(picked[0]) and rows + job.rows <= most):
                picked.append(job)
                rows += job.rows
        return picked

    def sizes_of(self, job: Running) -> tuple[int, ...]:
        """The numbers of rows that a pass with this job may have."""
        return self.buckets.get(job.bucket, self.sizes)

    def size(self, job: Running, rows: int) -> int:
        """How many rows a pass of so many gets."""
        return next((size for size in self.sizes_of(job) if size >= rows), rows)

    def _pass(self, asked: Sequence[Running]) -> None:
        rows = sum(job.rows for job in asked)
        try:
            replies, sums = answer(asked, self.size(asked[0], rows), self.beside)
        except Exception as fault:
            self._shrink(asked, fault)
            return
        self.clock += sum(job.rows * job.numbers for job in asked)
        following = [advanced(job, reply) for job, reply in zip(asked, replies, strict=True)]  # while the device works
        for job, reply, next_, total in zip(asked, replies, following, sums.tolist(), strict=True):
            job.left, job.denoised = job.left - 1, reply.denoised
            whole = isfinite(total) or job.fault is not None
            self._settle(job, next_ if whole else ArithmeticError("the network's answer is not finite"))

    def _shrink(self, asked: Sequence[Running], fault: Exception) -> None:
        """After a pass that failed as a whole: smaller passes while there are any; who was alone is to blame."""
        rows = sum(job.rows for job in asked)
        size = self.size(asked[0], rows)
        if (out_of_memory(fault) and size > rows) or len(asked) > 1:
            if out_of_memory(fault):
                smaller = tuple(each for each in self.sizes_of(asked[0]) if each < size)
                self.buckets[asked[0].bucket] = smaller
                most = max(smaller, default=0)
                self.notes.append(f"out of memory with {size} rows; now at most {most or 'one job'} at once")
                for job in asked:
                    self.say(job.name, self.notes[-1])
                return
            for job in asked:  # who of them it was only shows alone
                self._pass([job])
            return
        job = asked[0]
        if out_of_memory(fault) and rows > 1 and not isinstance(job.denoiser, RowByRow):
            self.say(job.name, f"out of memory with {rows} rows: the network was asked row by row")
            job.denoiser = RowByRow(job.denoiser)
            return
        self._fail(job, fault)

    def say(self, name: str, note: str) -> None:
        self.said.setdefault(name, []).append(note)

    def _settle(self, job: Running, following: Query | Over | Exception) -> None:
        if isinstance(following, Query):
            job.ask(following)
        elif isinstance(following, Over):
            self._end(job, following.latent)
        else:
            self._fail(job, following)

    def _end(self, job: Running, latent: Latent) -> None:
        self.waiting.remove(job)
        self._finish(job.name, latent, job.finish)

    def _finish(self, name: str, latent: Latent, finish: Finish | None) -> None:
        if finish is None:
            self.finished[name] = latent
        else:
            self.finishing.append(Finishing(name, finish(latent)))

    def _piece(self, ending: Finishing) -> None:
        try:
            if note := next(ending.pieces):
                self.say(ending.name, note)
        except StopIteration as done:
            self.finished[ending.name] = done.value
            self.finishing.remove(ending)
        except Exception as fault:
            self.failed[ending.name] = blamed(fault)
            self.finishing.remove(ending)

    def _fail(self, job: Running, fault: Exception) -> None:
        self.failed[job.name] = blamed(fault)
        self.waiting.remove(job)
        with suppress(Exception):
            job.sampling.close()


def advanced(job: Running, reply: Reply) -> Query | Over | Exception:
    """What the job's sampling says to the reply: its next question, its latent, or what went wrong in it."""
    if job.fault is not None:
        return job.fault
    try:
        return job.sampling.send(reply)
    except StopIteration as done:
        return Over(done.value)
    except Exception as fault:
        return fault


def blamed(fault: Exception) -> LimnerError:
    """The reason a job ended, in one line; the fault itself is its cause."""
    if isinstance(fault, LimnerError):
        return fault
    lines = str(fault).splitlines() or [""]
    remedy = "draw it smaller, in float16, or with --offload" if out_of_memory(fault) else ""
    reason = LimnerError(f"{type(fault).__name__}: {lines[0]}".rstrip(": "), remedy)
    reason.__cause__ = fault
    return reason
