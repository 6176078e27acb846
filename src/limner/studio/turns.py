"""Whose turn it is: who used the devices least, for the share that is his, comes next.

Use is forgotten exponentially (Kay and Lauder 1988, "A Fair Share Scheduler", CACM 31(1)), and within one moment the
order is that of fair queueing (Demers, Keshav and Shenker 1989): each turn that is given is counted as taken.  Much at
once is forgotten a little faster than the same in pieces: of N who always wait, one whose jobs take s seconds gets by
s N ln2 / (2 half-lives) more than his share: 4%, for 20 seconds among 20 and a half-life of an hour.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from limner.recipe import Recipe

LEAST = 1e-6  # device-seconds: a turn that cost nothing would never be followed by another's
PACE = 1.0  # device-seconds for a unit of work, of a model that nobody has seen work


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job in the queue, and the device-seconds that it will take."""

    job: str
    owner: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Share:
    """What an owner may have, as a weight beside the others', and has had of late, in device-seconds."""

    weight: float
    used: float


def order(waiting: Iterable[Waiting], shares: Mapping[str, Share]) -> Iterator[Waiting]:
    """The jobs, which come oldest first, by turns: of equal turns the older goes first, and an owner's in their order.

    Nobody starves: whoever gets no turn is forgiven, exponentially, what he had, until he has had the least of all.  A
    weight of eight is priority, and no more than that: the hall waits for a lecturer's picture, not for his hundred.
    """
    lines = dict[str, deque[tuple[int, Waiting]]]()
    for age, job in enumerate(waiting):
        lines.setdefault(job.owner, deque()).append((age, job))
    turns = [(shares[owner].used / shares[owner].weight, line[0][0], owner) for owner, line in lines.items()]
    heapify(turns)
    while turns:
        had, _, owner = turns[0]
        line = lines[owner]
        _, job = line.popleft()
        yield job
        if line:
            heapreplace(turns, (had + max(job.seconds, LEAST) / shares[owner].weight, line[0][0], owner))
        else:
            heappop(turns)


def decayed(used: float, seconds: float, halflife: float) -> float:
    """What is left of it after so many seconds."""
    return float(used * 2 ** (-max(0.0, seconds) / halflife))


def work(recipe: Recipe) -> float:
    """How much there is to do, in millions of pixels that go through the network; guided ones go through it twice."""
    return recipe.steps * recipe.width * recipe.height / 1e6 * (1 + (recipe.guidance != 1))


def learnt(pace: float | None, seconds: float, done: float) -> float:
    """The pace after a job took these seconds for that much work: a fifth of the way there, as one job is no rule."""
    seen = seconds / max(done, LEAST)
    return seen if pace is None else pace + 0.2 * (seen - pace)
