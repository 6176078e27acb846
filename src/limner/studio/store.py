"""The authority on jobs, as those who want pictures see it: what was accepted is finished or says why not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import loads
from secrets import token_hex

from sqlalchemy import ColumnElement, Connection, Exists, Select, exists, func, insert, select, update

from limner.errors import LimnerError
from limner.recipe import Recipe, from_json, series, to_json
from limner.studio import budgets, turns
from limner.studio.budgets import Terms
from limner.studio.database import Database, Moment, Record
from limner.studio.line import line
from limner.studio.register import PEOPLE, Standing
from limner.studio.rules import USUAL, Rules
from limner.studio.schema import EVENTS, EXPLAINED, JOBS, MODELS, OPEN, OWNERS, STUDIO, SUBMISSIONS, Kind, State
from limner.studio.waiting import Place, places

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Job:
    """One picture that somebody asked for, as it stands: `done` of `total` forward passes, or why it failed."""

    id: str
    submission: str
    owner: str
    recipe: Recipe
    state: State
    done: int
    total: int
    lapses: int
    picture: str | None
    notes: tuple[str, ...]
    what: str
    remedy: str
    looked: bool = False  # whether there is something to see of it on its way


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job: numbers grow without a gap, so whoever saw one can ask for what came after."""

    number: int
    job: str
    kind: Kind
    at: float
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Store:
    """The queue's front.  Every call is one transaction, and may be made again where its answer was lost."""

    database: Database
    rules: Rules = USUAL

    def submit(
        self, owner: str, key: str, recipe: Recipe, count: int = 1, terms: Terms | None = None
    ) -> tuple[str, ...]:
        """The jobs that draw `count` pictures of this recipe, seed, seed + 1, ...; on the disk when this returns.

        `key` is the client's own name for what it asks: asking again gives the same jobs.  LimnerError where it was
        something else that was asked by this key, more is waiting than one owner may have, or asked for than is left of
        a budget; or nobody may ask for anything now.
        """
        self._few(count, terms)
        return self.order(owner, key, series(recipe, count), terms)

    def order(self, owner: str, key: str, recipes: Sequence[Recipe], terms: Terms | None = None) -> tuple[str, ...]:
        """The same for pictures that differ in more than their seeds: all of them, or none."""
        self._few(len(recipes), terms)
        for name, word in (("owner", owner), ("key", key)):
            if not (0 < len(word) <= LONGEST_NAME and word.isprintable()):
                raise LimnerError(f"{name} is not a name", f"choose 1 to {LONGEST_NAME} printable characters")
        return self.database.write(lambda moment: self._submitted(moment, owner, key, recipes, terms))

    def _few(self, count: int, terms: Terms | None) -> None:
        cap = terms.waiting if terms else self.rules.cap
        if count > cap:
            raise LimnerError(f"{count} pictures are more than {cap}", "ask for fewer at a time")

    def _submitted(
        self, moment: Moment, owner: str, key: str, recipes: Sequence[Recipe], terms: Terms | None
    ) -> tuple[str, ...]:
        wish = [*map(to_json, recipes), terms.assignment if terms else ""]
        asked = sha256("\n".join(wish).encode()).hexdigest()
        known = moment.run(
            select(SUBMISSIONS.c.id, SUBMISSIONS.c.asked).where(SUBMISSIONS.c.owner == owner, SUBMISSIONS.c.key == key)
        )
        if known:
            if known[0].asked != asked:
                raise LimnerError(f"the key {key!r} was used for another wish", "choose a new key", 409)
            jobs = select(JOBS.c.id).where(JOBS.c.submission == known[0].id, ~explains()).order_by(JOBS.c.number)
            return tuple(str(row.id) for row in moment.run(jobs))
        admitted(moment, owner)
        room(moment, owner, len(recipes), terms.waiting if terms else self.rules.cap)
        _known(moment, owner)
        submission = token_hex(8)
        moment.run(insert(SUBMISSIONS).values(id=submission, owner=owner, key=key, asked=asked, at=moment.now))
        new = {queued(moment, owner, submission, each, turns.work(each)): each for each in recipes}
        if terms:
            moment.run(update(OWNERS).where(OWNERS.c.name == owner).values(weight=terms.share))
            paces = {row.identity: row.pace for row in moment.run(select(MODELS))}
            seconds = {job: turns.work(each) * paces.get(each.model, turns.PACE) for job, each in new.items()}
            budgets.reserve(moment, owner, terms, seconds)
        return tuple(new)

    def cancel(self, owner: str, job: str) -> State:
        """What becomes of it: whatever was over stays so, a worker is told at its next heartbeat.

        LimnerError where this owner has no such job, with no word on whether another has.
        """

        def act(moment: Moment) -> State:
            rows = moment.run(select(JOBS.c.state).where(JOBS.c.id == _id(job), JOBS.c.owner == owner))
            if not rows:
                raise LimnerError(f"no job {job!r} of yours", "see the list of your jobs", 404)
            if (state := State(rows[0].state)) not in OPEN:
                return state
            _cancelled(moment, job)
            return State.CANCELLED

        return self.database.write(act)

    def job(self, job: str) -> Job | None:
        return next(self._jobs(select(JOBS).where(JOBS.c.id == _id(job))), None)

    def jobs(
        self, owner: str, last: int = 100, before: str | None = None, which: Sequence[ColumnElement[bool]] = ()
    ) -> list[Job]:
        """An owner's latest jobs, the newest first; only those older than the job `before`, where there is one, and of
        those only which fulfil some conditions."""
        statement = (
            select(JOBS).where(JOBS.c.owner == owner, ~explains(), *which).order_by(JOBS.c.number.desc()).limit(last)
        )
        if before is not None:
            number = select(JOBS.c.number).where(JOBS.c.id == _id(before), JOBS.c.owner == owner).scalar_subquery()
            statement = statement.where(JOBS.c.number < number)
        return list(self._jobs(statement))

    def listed(self, jobs: Sequence[str]) -> list[Job]:
        """Anybody's jobs of these names, in their order, for whoever may see them."""
        order = {name: place for place, name in enumerate(jobs)}
        found = self._jobs(select(JOBS).where(JOBS.c.id.in_(list(jobs))))
        return sorted(found, key=lambda job: order[job.id])

    def submission(self, owner: str, submission: str) -> list[Job]:
        """What an owner asked for at once, in the order of its seeds; nothing where this owner asked no such thing."""
        mine = select(JOBS).where(JOBS.c.owner == owner, JOBS.c.submission == _id(submission), ~explains())
        return list(self._jobs(mine.order_by(JOBS.c.number)))

    def owns(self, owner: str, picture: str) -> bool:
        """Whether a job of this owner's came to that picture; others' may have, too."""
        mine = select(JOBS.c.id).where(JOBS.c.owner == owner, JOBS.c.picture == picture).limit(1)
        return self.database.read(lambda connection: connection.scalar(mine)) is not None

    def _jobs(self, statement: Select[*tuple[object, ...]]) -> Iterator[Job]:
        return map(_job, self.database.read(lambda connection: connection.execute(statement).all()))

    def preview(self, job: str) -> bytes | None:
        """The last look at a job that runs."""
        return self.database.read(
            lambda connection: connection.scalar(select(JOBS.c.preview).where(JOBS.c.id == _id(job)))
        )

    def events(self, after: int, owner: str | None = None, job: str | None = None, most: int = 1000) -> list[Event]:
        """What happened after the event of that number, to everybody's jobs, an owner's or one."""
        statement = select(EVENTS).where(EVENTS.c.number > after).order_by(EVENTS.c.number).limit(most)
        if owner is not None:
            statement = statement.join(JOBS, JOBS.c.id == EVENTS.c.job).where(JOBS.c.owner == owner)
        if job is not None:
            statement = statement.where(EVENTS.c.job == _id(job))
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return [Event(row.number, row.job, Kind(row.kind), row.at, loads(row.detail)) for row in rows]

    def news(self, after: int) -> dict[str, int]:
        """Whose jobs something happened to after the event of that number, and the number of the last such event."""
        last = select(JOBS.c.owner, func.max(EVENTS.c.number)).join(JOBS, JOBS.c.id == EVENTS.c.job)
        last = last.where(EVENTS.c.number > after).group_by(JOBS.c.owner)
        rows = self.database.read(lambda connection: connection.execute(last).all())
        return {str(owner): int(number) for owner, number in rows}

    def last(self) -> int:
        """The number of the latest event."""
        return self.database.read(lambda connection: connection.scalar(select(STUDIO.c.events))) or 0

    def ahead(self, job: str) -> int | None:
        """How many pictures would be begun before this one if nobody asked for another; None when it does not wait."""

        def act(connection: Connection) -> int | None:
            turn = enumerate(line(connection, self.database.clock(connection), self.rules))
            return next((place for place, each in turn if each.job == job), None)

        return self.database.read(act)

    def places(self) -> dict[str, Place]:
        """Where each open job stands, and when its picture will be there."""
        return self.database.read(lambda connection: places(connection, self.database.clock(connection), self.rules))

    def counts(self, owner: str | None = None) -> dict[State, int]:
        """How many jobs are in which state; a state without any is left out."""
        return self.database.read(lambda connection: _counted(connection, owner))

    def weigh(self, owner: str, weight: float) -> None:
        """How much of the devices' time an owner may have beside others: 1 is a student's, 8 is priority."""
        if not 0 < weight < float("inf"):
            raise LimnerError(f"weight {weight} is out of range", "choose a number above 0")

        def act(moment: Moment) -> None:
            _known(moment, owner)
            moment.run(update(OWNERS).where(OWNERS.c.name == owner).values(weight=weight))

        self.database.write(act)

    def maintain(self, reason: str) -> None:
        """No job is accepted or given out from here on, for this reason; those that run end.  Empty: go on."""
        self.database.write(lambda moment: moment.run(update(STUDIO).values(closed=reason)))

    def closed(self) -> str:
        """Why no job is given out; empty when they are."""
        return self.database.read(lambda connection: connection.scalar(select(STUDIO.c.closed))) or ""


def _cancelled(moment: Moment, job: str) -> None:
    """That job, which waits or runs, is over."""
    moment.run(update(JOBS).where(JOBS.c.id == job).values(state=State.CANCELLED, until=None))
    budgets.refund(moment, job)
    moment.tell(job, Kind.CANCELLED)


def admitted(moment: Moment, owner: str) -> None:
    """Who has an account has to be let in by it, and there has to be somebody at work; LimnerError."""
    if moment.closed:
        raise LimnerError(f"the studio takes no jobs now: {moment.closed}", "what you asked for is kept; wait", 503)
    rows = moment.run(select(PEOPLE.c.standing).where(PEOPLE.c.id == owner))
    if rows and rows[0].standing != Standing.ACTIVE:
        raise LimnerError("this account may draw nothing now", "ask your instructor", 403)


def room(moment: Moment, owner: str, more: int, cap: int) -> None:
    """LimnerError where that is more than may wait."""
    waiting = _counted(moment.connection, owner).get(State.QUEUED, 0)
    if waiting + more > cap:
        raise LimnerError(
            f"{waiting} of your pictures are waiting, and {more} more would be above {cap}",
            "wait for some of them, or cancel some",
            429,
        )


def explains() -> Exists:
    """Whether a job is no picture of its own, but about one."""
    return exists().where(EXPLAINED.c.job == JOBS.c.id)


def _job(row: Record) -> Job:
    notes = tuple(loads(row.notes))
    return Job(
        row.id, row.submission, row.owner, from_json(row.recipe), State(row.state), row.done, row.total, row.lapses,
        row.picture, notes, row.what, row.remedy, row.preview is not None,
    )  # fmt: skip


def queued(moment: Moment, owner: str, submission: str, recipe: Recipe, work: float) -> str:
    """A new job, which waits."""
    job = token_hex(8)
    row = insert(JOBS).values(
        id=job, submission=submission, owner=owner, number=moment.next, model=recipe.model, recipe=to_json(recipe),
        work=work, state=State.QUEUED, lapses=0, spent=0.0, done=0, total=0,
        notes="[]", what="", remedy="",
    )  # fmt: skip
    moment.run(row)
    moment.tell(job, Kind.QUEUED)
    return job


def _id(word: str) -> str:
    """Whatever a client calls a job: what cannot be a name of one is nobody's."""
    return word if word.isascii() and word.isalnum() else ""


def _known(moment: Moment, owner: str) -> None:
    """From here on there is such an owner."""
    if not moment.run(select(OWNERS.c.name).where(OWNERS.c.name == owner)):
        moment.run(insert(OWNERS).values(name=owner, weight=1.0, used=0.0, used_at=moment.now))


def _counted(connection: Connection, owner: str | None) -> dict[State, int]:
    statement = select(JOBS.c.state, func.count()).group_by(JOBS.c.state)
    if owner is not None:
        statement = statement.where(JOBS.c.owner == owner)
    return {State(state): count for state, count in connection.execute(statement)}
