"""The queue as a course has it: who asks, asks on the terms of the class file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import func, insert, select, update

from limner.errors import LimnerError
from limner.recipe import Recipe
from limner.studio import budgets
from limner.studio.budgets import THOUSAND, Terms, Unit
from limner.studio.course import Assignment, Course
from limner.studio.database import Moment
from limner.studio.explanation import explain
from limner.studio.people import log
from limner.studio.people.person import Person, present
from limner.studio.register import GRANTS, Role
from limner.studio.schema import LEDGER, STUDIO
from limner.studio.store import Store

MOST = 1_000_000  # pictures or seconds in one grant


@dataclass(frozen=True, slots=True)
class Balance:
    """What somebody has of one assignment's budget, in its unit; `budget` is None where there is no limit."""

    assignment: str
    unit: Unit
    budget: int | None
    spent: int
    held: int

    @property
    def left(self) -> int | None:
        return None if self.budget is None else max(0, self.budget - self.spent - self.held)


@dataclass(frozen=True, slots=True)
class Classroom:
    """What a page calls: one call for a click."""

    store: Store
    course: Course

    def submit(self, who: Person, key: str, recipe: Recipe, count: int = 1, assignment: str = "") -> tuple[str, ...]:
        """`Store.submit` in a person's name, as their role and the assignment allow; LimnerError says what they do not.

        Where there is one assignment, it is that; where there are several, a student has to say for which.
        """
        return self.store.submit(who.id, key, recipe, count, self.terms(who, assignment))

    def order(self, who: Person, key: str, recipes: Sequence[Recipe], assignment: str = "") -> tuple[str, ...]:
        """`Store.order`, on the same terms."""
        return self.store.order(who.id, key, recipes, self.terms(who, assignment))

    def explain(self, who: Person, job: str) -> str:
        """`explanation.explain`, on the terms of the assignment that the picture is for."""
        return explain(self.store, who.id, job, self.terms(who, self.purpose(who, job)))

    def purpose(self, who: Person, job: str) -> str:
        """The assignment that their picture is for, if the course has it still."""
        line = select(LEDGER.c.assignment).where(LEDGER.c.job == job, LEDGER.c.owner == who.id, ~LEDGER.c.closes)
        assignment = self.store.database.read(lambda connection: connection.scalar(line)) or ""
        return assignment if assignment in [each.name for each in self.course.assignments] else ""

    def terms(self, who: Person, assignment: str = "") -> Terms:
        place = self.course.roles[who.role]
        if not assignment and who.role == Role.STUDENT and len(self.course.assignments) == 1:
            assignment = self.course.assignments[0].name
        if not assignment and (who.role != Role.STUDENT or not self.course.assignments):
            return Terms(place.share, place.waiting)
        asked = self.course.assignment(assignment)
        unit, budget = _budget(asked, who, self._granted(who))
        if who.role != Role.STUDENT:
            return Terms(place.share, place.waiting, asked.name, unit)
        return Terms(place.share, place.waiting, asked.name, unit, budget, asked.opens, asked.closes)

    def balances(self, who: Person) -> list[Balance]:
        """Of every assignment of the course."""
        had = self.store.database.read(lambda connection: budgets.accounts(connection, who.id))
        found = {(each.assignment, each.unit): each for each in had}
        granted, out = self._granted(who), list[Balance]()
        for each in self.course.assignments:
            unit, budget = _budget(each, who, granted)
            account = found.get((each.name, unit))
            spent, held = (account.spent, account.held) if account else (0, 0)
            out.append(Balance(each.name, unit, budget, spent, held))
        return out

    def grant(self, by: Person, who: str, assignment: str, more: int) -> None:
        """More of an assignment's budget for one student, in pictures or seconds as it has them; less, below nought."""
        by.must(Role.INSTRUCTOR)
        unit, name = _unit(self.course.assignment(assignment)), token_hex(8)
        if not 0 < abs(more) <= MOST:
            raise LimnerError(f"{more} is out of range", f"grant 1 to {MOST}, or take as much away")
        amount = more * (THOUSAND if unit == Unit.MILLISECONDS else 1)

        def act(moment: Moment) -> None:
            known = present(moment, who)
            if not moment.run(select(GRANTS.c.id).where(GRANTS.c.id == name)):
                row = {"id": name, "person": known.id, "assignment": assignment, "unit": unit, "amount": amount}
                moment.run(insert(GRANTS).values(**row, made=moment.now))
                log.note(moment, by.id, "granted", known.id, {"assignment": assignment, unit.value: amount})

        self.store.database.write(act)

    def maintain(self, by: Person, reason: str) -> None:
        """`Store.maintain`, by somebody who may, and in the log."""
        by.must(Role.INSTRUCTOR)

        def act(moment: Moment) -> None:
            if moment.closed != reason:
                moment.run(update(STUDIO).values(closed=reason))
                log.note(moment, by.id, "closed the queue" if reason else "opened the queue", "", {"why": reason})

        self.store.database.write(act)

    def _granted(self, who: Person) -> Mapping[tuple[str, str], int]:
        """What was granted to them, by assignment and unit."""
        each = GRANTS.c.assignment, GRANTS.c.unit
        summed = select(*each, func.sum(GRANTS.c.amount).label("amount")).where(GRANTS.c.person == who.id)
        rows = self.store.database.read(lambda connection: connection.execute(summed.group_by(*each)).all())
        return {(row.assignment, row.unit): int(row.amount) for row in rows}


def _unit(assignment: Assignment) -> Unit:
    return Unit.PICTURES if assignment.seconds is None else Unit.MILLISECONDS


def _budget(asked: Assignment, who: Person, granted: Mapping[tuple[str, str], int]) -> tuple[Unit, int | None]:
    """An assignment's unit, and how much of it they may have: those who teach, as much as they like."""
    unit = _unit(asked)
    budget = asked.pictures if asked.seconds is None else asked.seconds * THOUSAND
    if budget is None or who.role != Role.STUDENT:
        return unit, None
    return unit, max(0, budget + granted.get((asked.name, unit), 0))
