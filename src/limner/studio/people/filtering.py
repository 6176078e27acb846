"""The class's filter as the queue knows it: whether it watches, what it let nobody see, and what passes all the same.

A picture that is withheld is kept nowhere.  Its recipe says every pixel of it, so whoever lets it through lets the
recipe through: asked for again, by whomever, it is drawn without the filter.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from limner.studio.database import Database, Moment, Record
from limner.studio.people import log
from limner.studio.people.person import OPERATOR
from limner.studio.register import FILTER, WITHHELD
from limner.studio.schema import EXPLAINED, JOBS

ACTOR = "the filter"
WHAT = "withheld by the class's filter, which takes it for one that should not be seen"
REMEDY = "it has cost nothing; change the prompt or the seed, or ask on its page that somebody decides"
LET, REFUSED = "let through", "refused"


@dataclass(frozen=True, slots=True)
class Demand:
    """Whether pictures pass a filter before anybody sees them; and whether `looks` at unfinished ones, which do not."""

    watches: bool
    looks: bool


OFF = Demand(False, True)


def announce(database: Database, demand: Demand) -> None:
    """From here on it is so, for every worker of this studio: said before one starts."""

    def act(moment: Moment) -> None:
        if (before := demanded(moment.connection)) != demand:
            row = {"watches": demand.watches, "looks": demand.looks}
            known = moment.run(select(FILTER.c.id))
            moment.run(update(FILTER).values(**row) if known else insert(FILTER).values(id=1, **row))
            if before.watches != demand.watches:
                log.note(moment, OPERATOR.id, f"turned the filter {'on' if demand.watches else 'off'}", "")

    database.write(act)


def demanded(connection: Connection) -> Demand:
    """As it was said last; never, where nothing was."""
    row = connection.execute(select(FILTER)).one_or_none()
    return Demand(row.watches, row.looks) if row else OFF


def watched(moment: Moment, rows: Collection[Record]) -> set[str]:
    """Those of these jobs whose picture passes the filter: no maps of words, and none that was let through."""
    if not demanded(moment.connection).watches:
        return set()
    prints = {row.id: fingerprint(row.recipe) for row in rows}
    free = WITHHELD.c.recipe.in_(set(prints.values())), WITHHELD.c.decided == LET
    through = {row.recipe for row in moment.run(select(WITHHELD.c.recipe).where(*free))}
    maps = {row.job for row in moment.run(select(EXPLAINED.c.job).where(EXPLAINED.c.job.in_(prints)))}
    return {job for job, print_ in prints.items() if print_ not in through and job not in maps}


def blind(moment: Moment, row: Record) -> bool:
    """Whether nobody looks at this job before it is finished."""
    return not demanded(moment.connection).looks and row.id in watched(moment, [row])


def withhold(moment: Moment, job: str, score: float) -> None:
    """Note what the filter did, before the job is over for it."""
    (row,) = moment.run(select(JOBS.c.recipe).where(JOBS.c.id == job))
    values = {"job": job, "recipe": fingerprint(row.recipe), "score": score, "at": moment.now, "why": ""}
    moment.run(insert(WITHHELD).values(**values))
    log.note(moment, ACTOR, "withheld", job, {"score": round(score, 3)})


def fingerprint(recipe: str) -> str:
    """What a recipe's text is called here."""
    return sha256(recipe.encode()).hexdigest()
