"""Those who teach mark what was handed in without knowing whose it is, and everything that they do is written down."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Select, func, insert, select, update

from limner.coursework.grading.marks import Mark, commented, points, standing, tidy
from limner.coursework.grading.rubric import Criterion, Rubric
from limner.errors import LimnerError
from limner.studio.database import Database, Moment, Record
from limner.studio.handed import HANDINS, LIFTED, MARKS
from limner.studio.people import log
from limner.studio.people.handing import Handin, handin
from limner.studio.people.letters import day
from limner.studio.people.person import Person, find
from limner.studio.register import Role


@dataclass(frozen=True, slots=True)
class Marked:
    """A hand-in with the marks that stand, by criterion; `line` is the number of the last one, 0 if there is none.

    `anew` says whether it was handed in again since any of them.
    """

    handin: Handin
    marks: dict[str, Mark]
    line: int

    @property
    def given(self) -> dict[str, Decimal]:
        return {name: mark.points for name, mark in self.marks.items() if mark.points is not None}

    @property
    def total(self) -> Decimal:
        return tidy(sum(self.given.values(), Decimal(0)))

    @property
    def anew(self) -> bool:
        return any(mark.seen != self.handin.file for mark in self.marks.values())

    def whole(self, rubric: Rubric) -> bool:
        return all(each.name in self.given for each in rubric.criteria)


@dataclass(frozen=True, slots=True)
class Marking:
    """What those who teach do.  LimnerError for whoever does not."""

    database: Database

    def all(self, by: Person, assignment: str) -> list[Marked]:
        """Every hand-in to an assignment, in the order of names that were drawn by lot."""
        by.must(Role.ASSISTANT)
        wanted = select(HANDINS).where(HANDINS.c.assignment == assignment).order_by(HANDINS.c.id)
        return self.database.read(
            lambda connection: [_marked(connection, row) for row in connection.execute(wanted).all()]
        )

    def one(self, by: Person, name: str) -> Marked:
        by.must(Role.ASSISTANT)
        return self.database.read(lambda connection: _marked(connection, _row(connection, name)))

    def own(self, who: Person, name: str) -> Marked | None:
        """What a student reads of their own hand-in: nothing before it is released."""

        def act(connection: Connection) -> Marked | None:
            row = _row(connection, name)
            return _marked(connection, row) if row.person == who.id and row.released else None

        return self.database.read(act)

    def mark(self, by: Person, name: str, rubric: Rubric, given: Collection[tuple[str, str, str]], line: int) -> Marked:
        """Criteria with points and comments as they were typed; an empty one takes its mark back.

        `line` is that of the last mark that was seen: LimnerError where somebody marked it since, or a mark is wrong,
        and then none is taken.
        """
        by.must(Role.ASSISTANT)
        wanted = [(rubric.criterion(each), text.strip(), comment) for each, text, comment in given]
        read = [(each, points(text, each) if text else None, commented(words)) for each, text, words in wanted if each]

        def act(moment: Moment) -> None:
            now = _marked(moment.connection, _row(moment.connection, name))
            new = [each for each in read if (each[1], each[2]) != _stands(now, each[0])]
            if new and now.line != line:
                raise LimnerError("somebody marked it meanwhile", "look at what stands now, and mark it again", 409)
            last = moment.connection.scalar(select(func.max(MARKS.c.number))) or 0
            for number, (criterion, value, words) in enumerate(new, last + 1):
                text = None if value is None else f"{value:f}"
                row = {"number": number, "handin": name, "criterion": criterion.name, "points": text, "comment": words}
                moment.run(insert(MARKS).values(**row, marker=by.id, at=moment.now, seen=now.handin.file))
                detail = {"handin": name, "criterion": criterion.name, "points": text}
                log.note(moment, by.id, "marked", "", detail)

        self.database.write(act)
        return self.one(by, name)

    def release(self, by: Person, assignment: str, rubric: Rubric) -> int:
        """Let students read the marks of all that are marked wholly: how many are new."""
        by.must(Role.INSTRUCTOR)
        ready = [each.handin.id for each in self.all(by, assignment) if each.whole(rubric) and not each.handin.released]

        def act(moment: Moment) -> None:
            moment.run(update(HANDINS).where(HANDINS.c.id.in_(ready)).values(released=moment.now))
            if ready:
                log.note(moment, by.id, "released marks", "", {"assignment": assignment, "handins": len(ready)})

        self.database.write(act)
        return len(ready)

    def lift(self, by: Person, name: str) -> None:
        """Let an instructor know whose it is; that they do is in the log."""
        by.must(Role.INSTRUCTOR)

        def act(moment: Moment) -> None:
            _row(moment.connection, name)
            if not moment.run(select(LIFTED).where(LIFTED.c.handin == name, LIFTED.c.person == by.id)):
                moment.run(insert(LIFTED).values(handin=name, person=by.id, at=moment.now))
                log.note(moment, by.id, "lifted blind marking", "", {"handin": name})

        self.database.write(act)

    def whose(self, by: Person, name: str) -> Person | None:
        """Whose it is, for whoever lifted it."""

        def act(connection: Connection) -> str | None:
            lifted = select(LIFTED.c.person).where(LIFTED.c.handin == name, LIFTED.c.person == by.id)
            return str(_row(connection, name).person) if connection.execute(lifted).all() else None

        person = self.database.read(act) if by.may(Role.INSTRUCTOR) else None
        return find(self.database, person) if person else None

    def people(self, by: Person, assignment: str) -> dict[str, Person]:
        """Whose each hand-in is, at the end: for the file with the totals, and in the log."""
        by.must(Role.INSTRUCTOR)
        wanted = select(HANDINS.c.id, HANDINS.c.person).where(HANDINS.c.assignment == assignment)
        rows = self.database.read(lambda connection: connection.execute(wanted).all())
        self.database.write(
            lambda moment: log.note(moment, by.id, "took the marks along", "", {"assignment": assignment})
        )
        return {row.id: find(self.database, row.person) for row in rows}

    def person(self, name: str) -> Person:
        """Whose it is, for the machine that has to hide their name."""
        return find(self.database, str(self.database.read(lambda connection: _row(connection, name).person)))


def _row(connection: Connection, name: str) -> Record:
    row = connection.execute(select(HANDINS).where(HANDINS.c.id == name[:16])).one_or_none()
    if row is None:
        raise LimnerError("there is no such hand-in", "see the list of hand-ins", 404)
    return row


def _marked(connection: Connection, row: Record) -> Marked:
    lines = connection.execute(_lines(row.id)).all()
    marks = [
        Mark(each.handin, each.criterion, None if each.points is None else Decimal(each.points), each.comment,
             each.marker, day(each.at), each.seen) for each in lines
    ]  # fmt: skip
    stand = {name: mark for (_, name), (_, mark) in standing(marks).items() if mark.points is not None or mark.comment}
    return Marked(handin(row), stand, lines[-1].number if lines else 0)


def _lines(name: str) -> Select[*tuple[object, ...]]:
    return select(MARKS).where(MARKS.c.handin == name).order_by(MARKS.c.number)


def _stands(now: Marked, criterion: Criterion) -> tuple[Decimal | None, str]:
    mark = now.marks.get(criterion.name)
    return mark.said if mark else (None, "")


def rubric_for(rubric: Rubric, assignment: str, tasks: Sequence[str]) -> Rubric:
    """What is marked in an assignment that is called as a task is: that alone."""
    if assignment not in tasks:
        return rubric
    return Rubric(tuple(each for each in rubric.criteria if each.task in ("", assignment)))
