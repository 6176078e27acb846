"""What a picture's words looked at, as a job beside the picture's own: fair, found again, and drawn once."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import insert, select, update

from limner.errors import LimnerError
from limner.recipe import from_json
from limner.studio import budgets, turns
from limner.studio.budgets import Terms, Unit
from limner.studio.database import Moment
from limner.studio.schema import EXPLAINED, JOBS, MODELS, OWNERS, State
from limner.studio.store import Job, Store, admitted, explains, queued, room

CHUNK = "limner-maps"  # what the text is called that a sheet's file says
COST = 2.0  # pictures that an explanation takes as long as


@dataclass(frozen=True, slots=True)
class Sheet:
    """How to read a sheet of maps: a row for each word; a column for all steps, then one for each of these steps.

    A step is its number and its noise level; `width` and `height` are a map's.
    """

    words: Sequence[str]
    steps: Sequence[tuple[int, float]]
    width: int
    height: int

    def spelt(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def read(text: str) -> Sheet:
    """What `spelt` wrote."""
    said = json.loads(text)
    return Sheet(said["words"], [(int(number), float(sigma)) for number, sigma in said["steps"]], said["width"],
                 said["height"])  # fmt: skip


def explain(store: Store, owner: str, job: str, terms: Terms | None = None) -> str:
    """The job that says what the words of an owner's picture looked at: asked again, the same, unless it came to
    nothing.

    LimnerError where there is no such picture, or no more may wait.  A budget in seconds pays for it; one in pictures
    does not, as it is none.
    """

    def act(moment: Moment) -> str:
        rows = moment.run(select(JOBS).where(JOBS.c.id == job, JOBS.c.owner == owner, ~explains()))
        if not rows or rows[0].state != State.DONE:
            raise LimnerError(f"no picture {job[:32]!r} of yours", "see the list of your pictures", 404)
        if known := _known(moment, job):
            return known
        admitted(moment, owner)
        room(moment, owner, 1, terms.waiting if terms else store.rules.cap)
        recipe = from_json(rows[0].recipe)
        work = COST * turns.work(recipe)
        name = queued(moment, owner, rows[0].submission, recipe, work)
        moment.run(insert(EXPLAINED).values(job=name, of=job))
        if terms:
            moment.run(update(OWNERS).where(OWNERS.c.name == owner).values(weight=terms.share))
        if terms and terms.unit == Unit.MILLISECONDS:
            pace = moment.connection.scalar(select(MODELS.c.pace).where(MODELS.c.identity == recipe.model))
            budgets.reserve(moment, owner, terms, {name: work * (turns.PACE if pace is None else pace)})
        return name

    return store.database.write(act)


def _known(moment: Moment, job: str) -> str:
    """The job that explains this one, or is about to; empty where there is none."""
    hopeful = JOBS.c.state.not_in((State.FAILED, State.CANCELLED))
    names = select(EXPLAINED.c.job).join(JOBS, JOBS.c.id == EXPLAINED.c.job).where(EXPLAINED.c.of == job, hopeful)
    return next((str(row.job) for row in moment.run(names)), "")


def explanation(store: Store, job: str) -> Job | None:
    """The last job that explains this one, whatever became of it."""
    names = select(EXPLAINED.c.job).join(JOBS, JOBS.c.id == EXPLAINED.c.job).where(EXPLAINED.c.of == job)
    last = names.order_by(JOBS.c.number.desc()).limit(1)
    name = store.database.read(lambda connection: connection.scalar(last))
    return None if name is None else store.job(name)


def explained(store: Store, job: str) -> str:
    """The job that this one explains; empty where it is a picture's own."""
    of = select(EXPLAINED.c.of).where(EXPLAINED.c.job == job)
    return store.database.read(lambda connection: connection.scalar(of)) or ""
