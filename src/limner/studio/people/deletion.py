"""How somebody leaves: what is theirs is deleted, what others rest on loses their name."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from limner.studio import budgets
from limner.studio.database import Database, Moment
from limner.studio.people import handing, log
from limner.studio.people.person import Person, not_the_last, present, shut
from limner.studio.register import ACCEPTED, GRANTS, INVITATIONS, PEOPLE, REPORTS, Role, Standing
from limner.studio.schema import DRAFTS, HALL, JOBS, LEDGER, OPEN, OWNERS, RECEIPTS, SUBMISSIONS
from limner.studio.vault import Vault

FRESH = 3600.0  # seconds in which a file that is nobody's may be about to be somebody's: longer than a worker waits


@dataclass(frozen=True, slots=True)
class Deleted:
    """How much is gone; `others` are pictures that somebody else has drawn too, or that go with the next sweep."""

    jobs: int
    pictures: int
    others: int


def erase(database: Database, vault: Vault, by: Person, who: Person) -> Deleted:
    """Delete all of somebody's: account, jobs, receipts, pictures, hand-ins.  Oneself may do so, or an instructor.

    Jobs that wait or run are cancelled.  The ledger's lines stay, as nobody's, and the log's, by a pseudonym that leads
    to nobody any more.  A file is gone at once, unless another's job has the same picture; if this process dies, or the
    file was drawn within the last hour, it goes with the next sweep (`studio.check.sweep`): nobody is served it.
    """

    done = list[tuple[int, set[str]]]()  # what it said when the answer was lost on its way

    def act(moment: Moment) -> tuple[int, set[str]]:
        if done and not moment.run(
            select(PEOPLE.c.id).where(PEOPLE.c.id == who.id, PEOPLE.c.standing != Standing.GONE)
        ):
            return done[0]
        known = present(moment, who.id)
        if by.id != known.id:
            by.must(Role.INSTRUCTOR)
        not_the_last(moment, known)
        done[:] = [gone(moment, by.id, known.id)]
        return done[0]

    jobs, pictures = database.write(act)
    removed = clear(database, vault, pictures)
    handing.sweep(database, vault)
    return Deleted(jobs, removed, len(pictures) - removed)


def gone(moment: Moment, by: str, who: str) -> tuple[int, set[str]]:
    """How many jobs were theirs, and which pictures."""
    jobs = moment.run(select(JOBS.c.id, JOBS.c.state, JOBS.c.picture).where(JOBS.c.owner == who))
    for row in jobs:
        if row.state in OPEN:
            budgets.refund(moment, row.id)
    moment.run(delete(SUBMISSIONS).where(SUBMISSIONS.c.owner == who))  # and with them jobs, events, shares and reports
    for table in (HALL, DRAFTS, RECEIPTS):
        moment.run(delete(table).where(table.c.owner == who))
    handing.forget(moment, who)
    moment.run(delete(OWNERS).where(OWNERS.c.name == who))
    moment.run(update(LEDGER).where(LEDGER.c.owner == who).values(owner=""))
    moment.run(update(REPORTS).where(REPORTS.c.reporter == who).values(reporter=None))
    shut(moment, who)
    for table in (INVITATIONS, GRANTS, ACCEPTED):
        moment.run(delete(table).where(table.c.person == who))
    nobody = {"name": None, "mail": None, "password": None, "standing": Standing.GONE}
    moment.run(update(PEOPLE).where(PEOPLE.c.id == who).values(**nobody))
    log.note(moment, by, "deleted", who, {"jobs": len(jobs)})
    return len(jobs), {row.picture for row in jobs if row.picture}


def clear(database: Database, vault: Vault, pictures: Collection[str], age: float = FRESH) -> int:
    """How many of these files are gone: those that are no job's, and have not been kept within `age` seconds."""
    held = database.read(lambda connection: set(connection.scalars(select(JOBS.c.picture).distinct())))
    return sum(vault.remove(picture, age) for picture in pictures if picture not in held)
