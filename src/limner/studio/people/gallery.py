"""Whose pictures are whose: one's own are private, are shared one by one, may be reported, and may be taken down."""

from collections.abc import Collection
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import ColumnElement, Connection, Exists, Select, delete, exists, func, insert, select, update

from limner.errors import LimnerError
from limner.studio.database import Database, Moment, Record
from limner.studio.people import log
from limner.studio.people.person import Person
from limner.studio.register import REPORTS, SHARED, TAKEN, Role
from limner.studio.schema import JOBS
from limner.studio.vault import Vault

LONGEST = 1000  # characters of a reason
DISMISSED, TAKEN_DOWN = "dismissed", "taken down"


@dataclass(frozen=True, slots=True)
class Mark:
    """What its owner sees beside a picture: that others see it, or why nobody does."""

    shared: bool
    taken: str


@dataclass(frozen=True, slots=True)
class Report:
    """Somebody finds that a picture should not be there: `taken` says why it is not, if so."""

    job: str
    owner: str
    reporter: str
    why: str
    at: float
    taken: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """A picture is called by its job.  What one may not see is answered like what is not there."""

    database: Database
    vault: Vault

    def see(self, who: Person, job: str) -> bytes:
        """The file: for its owner, and for all if it is shared; those who teach see what was reported.

        One that was taken down is an instructor's only, and LimnerError tells its owner why.
        """
        row = self.database.read(lambda connection: seen(connection, who, job))
        return self.vault.read(row.picture)

    def find(self, who: Person, picture: str) -> bytes:
        """The same, called by its content: for whoever sees it as the picture of any job."""
        self.sees(who, picture)
        return self.vault.read(picture)

    def sees(self, who: Person, picture: str) -> None:
        """Nothing, if they may see it; LimnerError."""
        wanted = JOBS.c.picture == _id(picture)
        self.database.read(lambda connection: _first(connection, who, wanted, picture))

    def hung(self, picture: str) -> None:
        """Nothing, if what was shown to the whole class may be seen still; LimnerError where it was taken down."""
        taken = select(TAKEN.c.why).where(TAKEN.c.picture == picture)
        if (why := self.database.read(lambda connection: connection.scalar(taken))) is not None:
            raise LimnerError(f"this picture was taken down: {why}", "ask an instructor", 403)

    def allow(self, who: Person, job: str) -> None:
        """The same, called by a job."""
        self.database.read(lambda connection: seen(connection, who, job))

    def share(self, who: Person, job: str) -> None:
        """Let everybody of the course see one's own picture."""

        def act(moment: Moment) -> None:
            if not _own(moment, who, job).shared:
                moment.run(insert(SHARED).values(job=job, at=moment.now))

        self.database.write(act)

    def withdraw(self, who: Person, job: str) -> None:
        """Let nobody else see it any more."""

        def act(moment: Moment) -> None:
            _own(moment, who, job)
            moment.run(delete(SHARED).where(SHARED.c.job == job))

        self.database.write(act)

    def shown(self, last: int = 100) -> list[str]:
        """The jobs whose pictures everybody sees, the one that was shared last first."""
        statement = select(SHARED.c.job).join(JOBS, JOBS.c.id == SHARED.c.job).where(~_taken())
        statement = statement.order_by(SHARED.c.at.desc(), JOBS.c.number.desc()).limit(last)
        return list(self.database.read(lambda connection: connection.scalars(statement).all()))

    def marks(self, who: Person, jobs: Collection[str]) -> dict[str, Mark]:
        """Of those of these jobs that are theirs and have a picture."""
        mine = _looked().where(JOBS.c.owner == who.id, JOBS.c.id.in_(list(jobs)), JOBS.c.picture.is_not(None))
        rows = self.database.read(lambda connection: connection.execute(mine).all())
        return {row.id: Mark(bool(row.shared), row.taken or "") for row in rows}

    def report(self, who: Person, job: str, why: str) -> None:
        """Ask those who teach to look at a picture that one sees, once."""
        words, name = reason(why), token_hex(8)

        def act(moment: Moment) -> None:
            seen(moment.connection, who, job)
            if not moment.run(select(REPORTS.c.id).where(REPORTS.c.job == job, REPORTS.c.reporter == who.id)):
                moment.run(insert(REPORTS).values(id=name, job=job, reporter=who.id, why=words, at=moment.now))
                log.note(moment, who.id, "reported", job)

        self.database.write(act)

    def reports(self, by: Person) -> list[Report]:
        """Those that nobody has decided on, the oldest first."""
        by.must(Role.ASSISTANT)
        about = select(REPORTS, JOBS.c.owner, TAKEN.c.why.label("taken")).join(JOBS, JOBS.c.id == REPORTS.c.job)
        waiting = about.outerjoin(TAKEN, TAKEN.c.picture == JOBS.c.picture).where(REPORTS.c.decided.is_(None))
        ordered = waiting.order_by(REPORTS.c.at, REPORTS.c.id)
        rows = self.database.read(lambda connection: connection.execute(ordered).all())
        return [Report(r.job, r.owner, r.reporter or "", r.why, r.at, r.taken or "") for r in rows]

    def dismiss(self, by: Person, job: str) -> None:
        """It may stay: what was reported of it is decided."""
        by.must(Role.INSTRUCTOR)

        def act(moment: Moment) -> None:
            if _decide(moment, select(JOBS.c.id).where(JOBS.c.id == job), DISMISSED):
                log.note(moment, by.id, "dismissed reports", job)

        self.database.write(act)

    def take_down(self, by: Person, job: str, why: str) -> None:
        """Nobody sees this picture any more but instructors, whoever has drawn the same; its owners see why."""
        by.must(Role.INSTRUCTOR)
        words = reason(why)

        def act(moment: Moment) -> None:
            picture = _picture(moment, job)
            if not moment.run(select(TAKEN).where(TAKEN.c.picture == picture)):
                moment.run(insert(TAKEN).values(picture=picture, why=words, at=moment.now))
                log.note(moment, by.id, "took down", job, {"picture": picture})
            _decide(moment, select(JOBS.c.id).where(JOBS.c.picture == picture), TAKEN_DOWN)

        self.database.write(act)

    def taken_down(self, by: Person) -> list[Report]:
        """What nobody sees any more, the last first: `at` is when, and each picture stands there once."""
        by.must(Role.ASSISTANT)
        first = select(func.min(JOBS.c.number).label("number")).join(TAKEN, TAKEN.c.picture == JOBS.c.picture)
        first = first.group_by(JOBS.c.picture)
        about = select(JOBS.c.id, JOBS.c.owner, TAKEN.c.why, TAKEN.c.at).join(TAKEN, TAKEN.c.picture == JOBS.c.picture)
        ordered = about.where(JOBS.c.number.in_(first)).order_by(TAKEN.c.at.desc(), JOBS.c.number)
        rows = self.database.read(lambda connection: connection.execute(ordered).all())
        return [Report(row.id, row.owner, "", row.why, row.at, row.why) for row in rows]

    def restore(self, by: Person, job: str) -> None:
        """It was a mistake: it is seen again by those who saw it before."""
        by.must(Role.INSTRUCTOR)

        def act(moment: Moment) -> None:
            picture = _picture(moment, job)
            if moment.run(select(TAKEN).where(TAKEN.c.picture == picture)):
                moment.run(delete(TAKEN).where(TAKEN.c.picture == picture))
                log.note(moment, by.id, "restored", job, {"picture": picture})

        self.database.write(act)


def seen(connection: Connection, who: Person, job: str) -> Record:
    """The row of a picture that they may see; LimnerError."""
    return _first(connection, who, JOBS.c.id == _id(job), job)


def _first(connection: Connection, who: Person, which: ColumnElement[bool], name: str) -> Record:
    """The first of these rows, which have the same picture, that they may see; their own before others'."""
    found = _looked().where(which, JOBS.c.picture.is_not(None)).order_by(JOBS.c.owner != who.id, JOBS.c.number)
    for row in connection.execute(found) if who.may(Role.STUDENT) else ():
        mine = row.owner == who.id
        if row.taken and mine and not who.may(Role.INSTRUCTOR):
            raise LimnerError(f"this picture was taken down: {row.taken}", "ask your instructor", 403)
        judging = who.may(Role.INSTRUCTOR) if row.taken else row.reported and who.may(Role.ASSISTANT)
        if judging or (not row.taken and (mine or row.shared)):
            return row
    raise LimnerError(*_absent(name))


def _absent(name: str) -> tuple[str, str, int]:
    return f"no picture {name[:80]!r} of yours", "see the list of your pictures", 404


def _looked() -> Select[*tuple[object, ...]]:
    """Jobs with what decides who sees their picture."""
    shared = exists().where(SHARED.c.job == JOBS.c.id).label("shared")
    undecided = exists().where(REPORTS.c.job == JOBS.c.id, REPORTS.c.decided.is_(None)).label("reported")
    columns = JOBS.c.id, JOBS.c.owner, JOBS.c.picture, TAKEN.c.why.label("taken"), shared, undecided
    return select(*columns).outerjoin(TAKEN, TAKEN.c.picture == JOBS.c.picture)


def _taken() -> Exists:
    return exists().where(TAKEN.c.picture == JOBS.c.picture)


def _own(moment: Moment, who: Person, job: str) -> Record:
    """One's own picture, which one may do something with; LimnerError."""
    row = seen(moment.connection, who, job)
    if row.owner != who.id or row.taken:
        raise LimnerError(*_absent(job))
    return row


def _picture(moment: Moment, job: str) -> str:
    rows = moment.run(select(JOBS.c.picture).where(JOBS.c.id == _id(job), JOBS.c.picture.is_not(None)))
    if not rows:
        raise LimnerError(f"no picture {job!r}", "see the list of reports", 404)
    return str(rows[0].picture)


def _decide(moment: Moment, jobs: Select[tuple[str]], how: str) -> bool:
    """Whether there was anything to decide."""
    about = REPORTS.c.job.in_(jobs), REPORTS.c.decided.is_(None)
    waiting = moment.run(select(REPORTS.c.id).where(*about))
    moment.run(update(REPORTS).where(*about).values(decided=how))
    return bool(waiting)


def reason(why: str) -> str:
    """What somebody gives as one; LimnerError for none."""
    if not 0 < len(why.strip()) <= LONGEST or "\0" in why:
        raise LimnerError("a reason is needed", f"say in 1 to {LONGEST} characters what is wrong")
    return why.strip().encode("utf-8", "replace").decode()


def _id(job: str) -> str:
    return job if job.isascii() and job.isalnum() else ""
