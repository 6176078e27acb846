"""The line as it stands: the jobs that wait, in the order of their turns."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from limner.studio import turns
from limner.studio.rules import Rules
from limner.studio.schema import JOBS, MODELS, OWNERS, State


def line(
    connection: Connection, now: float, rules: Rules, model: str | None = None, each: int | None = None
) -> Iterator[turns.Waiting]:
    """The jobs for one model, or for any; of every owner at most `each`.

    What an owner's running jobs are still expected to take is counted as used, or else he who has had nothing yet would
    have every device at once.
    """
    place = func.row_number().over(partition_by=JOBS.c.owner, order_by=JOBS.c.number).label("place")
    queued = select(JOBS.c.id, JOBS.c.owner, JOBS.c.number, JOBS.c.work, JOBS.c.model, place)
    queued = queued.where(JOBS.c.state == State.QUEUED)
    if model is not None:
        queued = queued.where(JOBS.c.model == model)
    ranked = queued.subquery()
    first = select(ranked).order_by(ranked.c.number)
    if each is not None:
        first = first.where(ranked.c.place <= each)
    waiting = connection.execute(first).all()
    running = connection.execute(
        select(JOBS.c.owner, JOBS.c.model, JOBS.c.work, JOBS.c.spent).where(JOBS.c.state == State.RUNNING)
    ).all()
    paces = {row.identity: row.pace for row in connection.execute(select(MODELS))}
    owners = connection.execute(select(OWNERS)).all()  # last: whoever is not among them has gone meanwhile
    used = {row.name: turns.decayed(row.used, now - row.used_at, rules.halflife) for row in owners}
    for row in running:
        if row.owner not in used:
            continue
        used[row.owner] += max(0.0, row.work * paces.get(row.model, turns.PACE) - row.spent)
    shares = {row.name: turns.Share(row.weight, used[row.name]) for row in owners}
    jobs = (
        turns.Waiting(row.id, row.owner, row.work * paces.get(row.model, turns.PACE))
        for row in waiting
        if row.owner in used
    )
    return turns.order(jobs, shares)
