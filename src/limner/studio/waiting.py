"""How long it takes: a job's place in the line, and the seconds until its picture is there, as a range."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, select

from limner.studio import turns
from limner.studio.line import line
from limner.studio.rules import Rules
from limner.studio.schema import JOBS, MODELS, State
from limner.studio.staff import present

SOONER, LATER = 0.5, 2.0  # of what is expected: others give up, or ask for pictures whose turn comes before


@dataclass(frozen=True, slots=True)
class Place:
    """Where an open job stands if nobody asks for another: `ahead` are begun before it, of the same model.

    `soon` and `late` are seconds until the picture is there; None where the model was never seen at work, or no worker
    is there.
    """

    owner: str
    ahead: int
    workers: int
    soon: float | None = None
    late: float | None = None
    running: bool = False


def places(connection: Connection, now: float, rules: Rules) -> dict[str, Place]:
    """Every open job's.  A model's workers share its line, and each draws one picture at a time, or as good as."""
    paces: dict[str, float] = {row.identity: row.pace for row in connection.execute(select(MODELS))}
    workers, left, out = present(connection, now), defaultdict[str, float](float), dict[str, Place]()
    columns = select(JOBS.c.id, JOBS.c.owner, JOBS.c.model, JOBS.c.work, JOBS.c.spent, JOBS.c.state)
    open_ = connection.execute(columns.where(JOBS.c.state.in_((State.QUEUED, State.RUNNING)))).all()
    running = [row for row in open_ if row.state == State.RUNNING]
    for row in running:
        left[row.model] += max(0.0, row.work * paces.get(row.model, turns.PACE) - row.spent)
    for row in running:
        own = max(0.0, row.work * paces.get(row.model, turns.PACE) - row.spent)
        place = Place(row.owner, 0, workers.get(row.model, 0), running=True)
        out[row.id] = _timed(place, own, left[row.model], row.model in paces)
    for model in {row.model for row in open_ if row.state == State.QUEUED}:
        before = left[model]
        for ahead, waiting in enumerate(line(connection, now, rules, model)):
            there = workers.get(model, 0)
            expected = before / max(there, 1) + waiting.seconds
            out[waiting.job] = _timed(Place(waiting.owner, ahead, there), expected, expected, model in paces)
            before += waiting.seconds
    return out


def words(place: Place) -> str:
    """The same for a person, in round numbers."""
    many = {0: "next in line", 1: "1 picture before yours"}.get(place.ahead, f"{place.ahead} pictures before yours")
    where = "being drawn" if place.running else many
    if not place.workers:
        return f"{where}; no worker is here for this model at the moment"
    if place.soon is None or place.late is None:
        return f"{where}; how long this model takes here is not known yet"
    return f"{where}; {_span(place.soon, place.late)}"


def _timed(place: Place, least: float, most: float, known: bool) -> Place:
    if not (known and place.workers):
        return place
    return Place(place.owner, place.ahead, place.workers, SOONER * least, LATER * most, place.running)


def _span(soon: float, late: float) -> str:
    low, high = _round(soon), _round(late)
    if high <= 5:
        return "a few seconds"
    unit, per = ("minutes", 60) if high >= 120 else ("seconds", 1)
    first, last = low // per, -(-high // per)
    return f"up to {last} {unit}" if not first else f"{first} to {last} {unit}"


def _round(seconds: float) -> int:
    """To five seconds, to whole minutes above two: nobody believes a queue that says 3 minutes and 17 seconds."""
    step = 60 if seconds >= 120 else 5
    return step * round(seconds / step)
