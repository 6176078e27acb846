"""Students hand in, again and again until the last day; what came last is marked, and they have a receipt of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, delete, insert, select, update

from limner.coursework.grading.folder import drawn
from limner.errors import LimnerError
from limner.studio.course import Assignment, Course
from limner.studio.database import Database, Moment, Record
from limner.studio.handed import HANDINS, MARKS, REMARKS, VOTES
from limner.studio.people import log
from limner.studio.people.letters import day
from limner.studio.people.person import Person
from limner.studio.sheets import Sheets, Told
from limner.studio.vault import Vault

FRESH = 120.0  # seconds in which a file that is nobody's may be about to be somebody's


@dataclass(frozen=True, slots=True)
class Handin:
    """What was handed in, without whose it is; `file` is its sha256, `released` when its marks could be read."""

    id: str
    assignment: str
    file: str
    size: int
    name: str
    at: float
    verdict: str
    errors: int
    warnings: int
    pictures: int
    released: float | None


@dataclass(frozen=True, slots=True)
class Handing:
    """What students do."""

    database: Database
    vault: Vault
    course: Course

    @property
    def assignments(self) -> Sequence[Assignment]:
        """What can be handed in: where the class file names nothing, one thing without a last day."""
        return self.course.assignments or (Assignment(name=self.course.course.name),)

    def assignment(self, name: str) -> Assignment:
        """LimnerError where there is none of that name."""
        found = next((each for each in self.assignments if each.name == name), None)
        if found is None:
            names = ", ".join(each.name for each in self.assignments)
            raise LimnerError(f"there is no assignment {name[:64]!r}", f"choose from {names}", 404)
        return found

    def called(self, who: Person, assignment: str) -> str:
        """The name of their hand-in; one by lot if there is none yet."""

        def act(connection: Connection) -> str:
            mine = _mine(who.id).where(HANDINS.c.assignment == assignment)
            row = connection.execute(mine).one_or_none()
            return str(row.id) if row else drawn(connection.scalars(select(HANDINS.c.id)))

        return self.database.read(act)

    def now(self) -> float:
        """The database's time, by which last days are told."""
        return self.database.read(self.database.clock)

    def hand_in(
        self, who: Person, assignment: Assignment, handin: str, name: str, data: bytes, told: Told, at: float
    ) -> Handin:
        """Keep these bytes as theirs, in the place of what they handed in before; LimnerError after the last day.

        They arrived `at` that moment: what arrived later, and was checked sooner, stays.
        """
        file = self.vault.handins.keep(data)
        values = {
            "file": file, "size": len(data), "name": name[:200], "verdict": told.verdict, "errors": told.errors,
            "warnings": told.warnings, "pictures": told.pictures, "released": None,
        }  # fmt: skip

        def act(moment: Moment) -> None:
            opened(assignment, at)
            here = moment.run(_mine(who.id).where(HANDINS.c.assignment == assignment.name))
            if here and (here[0].file == file or here[0].at > at):
                return
            if here:
                moment.run(delete(VOTES).where(VOTES.c.handin == here[0].id))  # which were for other pictures
                moment.run(update(HANDINS).where(HANDINS.c.id == here[0].id).values(at=at, **values))
            else:
                row = {"id": handin, "person": who.id, "assignment": assignment.name, "at": at, **values}
                moment.run(insert(HANDINS).values(**row))
            log.note(moment, who.id, "handed in", who.id, {"assignment": assignment.name, "sha256": file})

        self.database.write(act)
        return next(each for each in self.mine(who) if each.assignment == assignment.name)

    def mine(self, who: Person) -> list[Handin]:
        rows = self.database.read(lambda connection: connection.execute(_mine(who.id)).all())
        return [handin(row) for row in rows]

    def one(self, who: Person, name: str) -> Handin:
        """One of theirs; LimnerError."""
        found = next((each for each in self.mine(who) if each.id == name), None)
        if found is None:
            raise LimnerError("you have no such hand-in", "see /course/handin", 404)
        return found

    def read(self, each: Handin) -> bytes:
        return self.vault.handins.read(each.file)


def handin(row: Record) -> Handin:
    return Handin(*(row._mapping[name] for name in Handin.__dataclass_fields__))


def _mine(person: str) -> Select[*tuple[object, ...]]:
    return select(HANDINS).where(HANDINS.c.person == person).order_by(HANDINS.c.assignment)


def opened(assignment: Assignment, now: float) -> None:
    """LimnerError where nothing could be handed in at that moment."""
    if assignment.opens is not None and now < assignment.opens:
        raise LimnerError(f"{assignment.name} is not open yet", f"hand in from {day(assignment.opens)} on", 403)
    if assignment.closes is not None and now > assignment.closes:
        raise LimnerError(f"{assignment.name} closed on {day(assignment.closes)}", "ask an instructor", 403)


def forget(moment: Moment, who: str) -> None:
    """All that somebody handed in, with its marks, remarks and votes."""
    moment.run(delete(HANDINS).where(HANDINS.c.person == who))


def outdated(moment: Moment, before: float) -> None:
    """What was handed in before that moment."""
    moment.run(delete(HANDINS).where(HANDINS.c.at <= before))


def sweep(database: Database, vault: Vault, age: float = FRESH) -> int:
    """How many files are gone that are nobody's hand-in any more, and the sheets of what is no more."""
    rows = database.read(lambda connection: connection.execute(select(HANDINS.c.id, HANDINS.c.file)).all())
    held, files = {row.file for row in rows}, vault.handins
    Sheets(files).sweep([(row.id, row.file) for row in rows])
    return sum(files.remove(name, age) for name in list(files.names()) if name not in held)


def told(connection: Connection, who: str) -> dict[str, list[dict[str, object]]]:
    """All that is kept of somebody's hand-ins: marks only where they could read them."""
    rows = connection.execute(_mine(who)).mappings().all()
    out = list[dict[str, object]]()
    for row in rows:
        marks = select(MARKS).where(MARKS.c.handin == row["id"]).order_by(MARKS.c.number)
        asked = select(REMARKS).where(REMARKS.c.handin == row["id"]).order_by(REMARKS.c.at)
        given = connection.execute(marks).mappings().all() if row["released"] else []
        remarks = connection.execute(asked).mappings().all()
        out.append({**row, "marks": list(map(dict, given)), "remarks": list(map(dict, remarks))})
    return {"handins": out}
