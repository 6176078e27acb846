"""Whoever finds that the filter was wrong asks those who teach, who then see what was asked for, and decide."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from limner.errors import LimnerError
from limner.recipe import Recipe, from_json
from limner.studio.database import Database, Moment, Record
from limner.studio.people import log
from limner.studio.people.filtering import LET, REFUSED
from limner.studio.people.gallery import reason
from limner.studio.people.person import Person
from limner.studio.register import WITHHELD, Role
from limner.studio.schema import JOBS, State


@dataclass(frozen=True, slots=True)
class Held:
    """What its owner sees beside a picture that was withheld."""

    asked: bool
    decided: str


@dataclass(frozen=True, slots=True)
class Appeal:
    """Somebody wants what was withheld from them; `score` is the classifier's, from 0 to 1."""

    job: str
    owner: str
    recipe: Recipe
    why: str
    at: float
    score: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Pictures that were finished, how many of them were withheld, asked for by their owners, and let through."""

    drawn: int
    withheld: int
    asked: int
    through: int


@dataclass(frozen=True, slots=True)
class Appeals:
    """A decision is on a recipe: it holds for whoever has asked for the same, and will."""

    database: Database

    def held(self, who: Person, jobs: Collection[str]) -> dict[str, Held]:
        """Of those of these jobs that are theirs and were withheld."""
        mine = select(WITHHELD).join(JOBS, JOBS.c.id == WITHHELD.c.job)
        mine = mine.where(JOBS.c.owner == who.id, WITHHELD.c.job.in_(list(jobs)))
        rows = self.database.read(lambda connection: connection.execute(mine).all())
        return {row.job: Held(row.asked is not None, row.decided or "") for row in rows}

    def ask(self, who: Person, job: str, why: str) -> None:
        """Let those who teach read one's own recipe and decide, once."""
        said = reason(why)

        def act(moment: Moment) -> None:
            row = _row(moment, job)
            if row.owner != who.id:
                raise _absent(job)
            if row.asked is None:
                moment.run(update(WITHHELD).where(WITHHELD.c.job == job).values(why=said, asked=moment.now))
                log.note(moment, who.id, "asked to be let through", job)

        self.database.write(act)

    def waiting(self, by: Person) -> list[Appeal]:
        """Those that nobody has decided on, the oldest first."""
        return self._appeals(by, None)

    def through(self, by: Person) -> list[Appeal]:
        """Those that were let through."""
        return self._appeals(by, LET)

    def _appeals(self, by: Person, decided: str | None) -> list[Appeal]:
        by.must(Role.ASSISTANT)
        about = select(WITHHELD, JOBS.c.owner, JOBS.c.recipe.label("text")).join(JOBS, JOBS.c.id == WITHHELD.c.job)
        about = about.where(WITHHELD.c.asked.is_not(None), WITHHELD.c.decided.is_not_distinct_from(decided))
        ordered = about.order_by(WITHHELD.c.asked, WITHHELD.c.job)
        rows = self.database.read(lambda connection: connection.execute(ordered).all())
        return [Appeal(row.job, row.owner, from_json(row.text), row.why, row.asked, row.score) for row in rows]

    def decide(self, by: Person, job: str, through: bool) -> None:
        """Whether that recipe is drawn without the filter from here on; one that nobody asked about is left alone."""
        by.must(Role.INSTRUCTOR)
        how = LET if through else REFUSED

        def act(moment: Moment) -> None:
            row = _row(moment, job)
            if row.asked is None:
                raise _absent(job)
            if row.decided != how:
                moment.run(update(WITHHELD).where(WITHHELD.c.recipe == row.recipe).values(decided=how))
                log.note(moment, by.id, how, job, {"score": round(row.score, 3)})

        self.database.write(act)

    def tally(self) -> Tally:
        """Of what is kept still."""

        def act(connection: Connection) -> Tally:
            sums = func.count(), func.count(WITHHELD.c.asked)
            withheld, asked = connection.execute(select(*sums).select_from(WITHHELD)).one()
            done = connection.scalar(select(func.count()).select_from(JOBS).where(JOBS.c.state == State.DONE)) or 0
            let = connection.scalar(select(func.count()).select_from(WITHHELD).where(WITHHELD.c.decided == LET)) or 0
            return Tally(done + withheld, withheld, asked, let)

        return self.database.read(act)


def _row(moment: Moment, job: str) -> Record:
    held = select(WITHHELD, JOBS.c.owner).join(JOBS, JOBS.c.id == WITHHELD.c.job)
    rows = moment.run(held.where(WITHHELD.c.job == (job if job.isascii() and job.isalnum() else "")))
    if not rows:
        raise _absent(job)
    return rows[0]


def _absent(job: str) -> LimnerError:
    return LimnerError(f"no picture {job[:80]!r} was withheld", "see the list of your pictures", 404)
