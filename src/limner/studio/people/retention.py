"""What is older than the course says is removed, and everybody could know it in time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, Select, delete, exists, insert, select

from limner.studio.check import sweep
from limner.studio.course import Course
from limner.studio.database import Database, Moment, Record
from limner.studio.people import handing, log
from limner.studio.people.deletion import clear, gone
from limner.studio.people.person import OPERATOR, Person
from limner.studio.register import INVITATIONS, KEPT, LOG, PEOPLE, SESSIONS, Role, Standing
from limner.studio.schema import HALL, JOBS, OPEN, STUDIES, SUBMISSIONS
from limner.studio.store import explains
from limner.studio.vault import Vault

DAY = 86400.0
ENDING = "announced the course's end"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A picture, and when it goes, at the earliest."""

    job: str
    at: float


@dataclass(frozen=True, slots=True)
class Retired:
    """How much was removed."""

    jobs: int
    pictures: int
    accounts: int


def announce(database: Database, course: Course) -> None:
    """Note for how long the course keeps pictures, and when accounts go, whenever it says something new.

    A studio does so as it starts.  Where pictures are kept for a shorter time than before, it comes into force after
    the course's notice; longer, at once.  Accounts go a notice after that was said, at the earliest.
    """

    def act(moment: Moment) -> None:
        said = _said(moment.connection)
        if not said or said[-1].days != course.retention.days:
            moment.run(insert(KEPT).values(number=len(said) + 1, at=moment.now, days=course.retention.days))
            log.note(moment, OPERATOR.id, "announced retention", "", {"days": course.retention.days})
        ends, told = course.course.ends, _told(moment.connection)
        goes = None if ends is None else ends + course.retention.accounts * DAY
        if goes != (told[1] if told else None):
            log.note(moment, OPERATOR.id, ENDING, "", {"goes": goes})

    database.write(act)


@dataclass(frozen=True, slots=True)
class Promise:
    """From when on it was said that pictures are kept for so many days."""

    at: float
    days: int


def promises(database: Database) -> list[Promise]:
    """All that was ever said of it; nothing, where nothing is removed by itself."""
    return [Promise(row.at, row.days) for row in database.read(_said)]


def leaving(database: Database, course: Course, who: Person) -> list[Leaving]:
    """Those of their pictures that go within the course's notice, the first first."""

    def act(connection: Connection) -> list[Leaving]:
        now = database.clock(connection)
        days = _days(_said(connection), now + course.retention.notice * DAY, course)
        if days is None:
            return []
        mine = select(JOBS.c.id, SUBMISSIONS.c.at).join(SUBMISSIONS, SUBMISSIONS.c.id == JOBS.c.submission)
        mine = mine.where(JOBS.c.owner == who.id, JOBS.c.picture.is_not(None), ~explains())
        soon = mine.where(SUBMISSIONS.c.at <= now + (course.retention.notice - days) * DAY)
        rows = connection.execute(soon.order_by(JOBS.c.number)).all()
        return [Leaving(row.id, max(row.at + days * DAY, now)) for row in rows]

    return database.read(act)


def expires(database: Database, course: Course, who: Person) -> float | None:
    """When their account is deleted, at the earliest; None where it is not, by itself."""

    def act(connection: Connection) -> float | None:
        ends = course.course.ends
        if ends is None or not connection.scalar(_students(ends).where(PEOPLE.c.id == who.id)):
            return None
        return _ending(connection, database.clock(connection), ends, course)

    return database.read(act)


def retire(database: Database, vault: Vault, course: Course) -> Retired:
    """Remove what is too old: jobs with their pictures, and students' accounts after the course's end.

    The ledger stays, so nobody's budget grows by it.
    """
    announce(database, course)
    jobs, pictures = database.write(lambda moment: _outdated(moment, course))
    accounts = 0
    for person in _alumni(database, course):
        more, theirs = database.write(partial(gone, by=OPERATOR.id, who=person))
        jobs, pictures, accounts = jobs + more, pictures | theirs, accounts + 1
    removed = clear(database, vault, pictures) + sweep(database, vault)
    handing.sweep(database, vault)
    return Retired(jobs, removed, accounts)


def _outdated(moment: Moment, course: Course) -> tuple[int, set[str]]:
    for table in (SESSIONS, INVITATIONS):
        moment.run(delete(table).where(table.c.until < moment.now - DAY))
    days = _days(_said(moment.connection), moment.now, course)
    if days is None:
        return 0, set()
    old = SUBMISSIONS.c.at <= moment.now - days * DAY
    over = JOBS.c.submission.in_(select(SUBMISSIONS.c.id).where(old)), JOBS.c.state.not_in(OPEN)
    for table in (HALL, STUDIES):
        moment.run(delete(table).where(table.c.at <= moment.now - days * DAY))
    handing.outdated(moment, moment.now - days * DAY)
    rows = moment.run(select(JOBS.c.id, JOBS.c.picture).where(*over))
    if rows:
        moment.run(delete(JOBS).where(*over))
        moment.run(delete(SUBMISSIONS).where(old, ~exists().where(JOBS.c.submission == SUBMISSIONS.c.id)))
        log.note(moment, OPERATOR.id, "retired", "", {"jobs": len(rows), "days": days})
    return len(rows), {row.picture for row in rows if row.picture}


def _said(connection: Connection) -> Sequence[Record]:
    return connection.execute(select(KEPT).order_by(KEPT.c.number)).all()


def _days(said: Sequence[Record], now: float, course: Course) -> int | None:
    """How long pictures are kept at this moment; None: for ever, as no other time has been said for long enough."""
    ripe = [row.days for row in said if row.at + course.retention.notice * DAY <= now]
    return max([ripe[-1], *(row.days for row in said[len(ripe) :])]) if ripe else None


def _told(connection: Connection) -> tuple[float, float | None] | None:
    """When it was last said when accounts go, and when that is; None where nothing was."""
    last = select(LOG).where(LOG.c.deed == ENDING).order_by(LOG.c.number.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return (row.at, json.loads(row.detail)["goes"]) if row else None


def _ending(connection: Connection, now: float, ends: float, course: Course) -> float:
    """When accounts go: as the class file says, and a notice after it was said at the earliest."""
    goes, told = ends + course.retention.accounts * DAY, _told(connection)
    since = told[0] if told and told[1] == goes else now
    return max(goes, since + course.retention.notice * DAY)


def _students(ends: float) -> Select[str]:
    """Those of the course that ended: who was asked to come later is of the next one."""
    here = PEOPLE.c.role == Role.STUDENT, PEOPLE.c.standing != Standing.GONE, PEOPLE.c.made <= ends
    return select(PEOPLE.c.id).where(*here)


def _alumni(database: Database, course: Course) -> list[str]:
    """Students of a course that ended so long ago."""

    def act(connection: Connection) -> list[str]:
        ends, now = course.course.ends, database.clock(connection)
        if ends is None or now < _ending(connection, now, ends, course):
            return []
        return list(connection.scalars(_students(ends)).all())

    return database.read(act)
