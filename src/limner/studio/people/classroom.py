"""The queue as a course has it: who asks, asks on the terms of the class file."""

from dataclasses import dataclass

from sqlalchemy import update

from limner.recipe import Recipe
from limner.studio import budgets
from limner.studio.budgets import THOUSAND, Terms, Unit
from limner.studio.course import Assignment, Course
from limner.studio.database import Moment
from limner.studio.people import log
from limner.studio.people.person import Person
from limner.studio.register import Role
from limner.studio.schema import STUDIO
from limner.studio.store import Store


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

    def terms(self, who: Person, assignment: str = "") -> Terms:
        place = self.course.roles[who.role]
        if not assignment and who.role == Role.STUDENT and len(self.course.assignments) == 1:
            assignment = self.course.assignments[0].name
        if not assignment and (who.role != Role.STUDENT or not self.course.assignments):
            return Terms(place.share, place.waiting)
        asked = self.course.assignment(assignment)
        unit, budget = _budget(asked, who)
        if who.role != Role.STUDENT:
            return Terms(place.share, place.waiting, asked.name, unit)
        return Terms(place.share, place.waiting, asked.name, unit, budget, asked.opens, asked.closes)

    def balances(self, who: Person) -> list[Balance]:
        """Of every assignment of the course."""
        had = self.store.database.read(lambda connection: budgets.accounts(connection, who.id))
        found = {(each.assignment, each.unit): each for each in had}
        out = list[Balance]()
        for each in self.course.assignments:
            unit, budget = _budget(each, who)
            account = found.get((each.name, unit))
            spent, held = (account.spent, account.held) if account else (0, 0)
            out.append(Balance(each.name, unit, budget, spent, held))
        return out

    def maintain(self, by: Person, reason: str) -> None:
        """`Store.maintain`, by somebody who may, and in the log."""
        by.must(Role.INSTRUCTOR)

        def act(moment: Moment) -> None:
            if moment.closed != reason:
                moment.run(update(STUDIO).values(closed=reason))
                log.note(moment, by.id, "closed the queue" if reason else "opened the queue", "", {"why": reason})

        self.store.database.write(act)


def _budget(assignment: Assignment, who: Person) -> tuple[Unit, int | None]:
    """An assignment's unit, and how much of it they may have: those who teach, as much as they like."""
    seconds, pictures = assignment.seconds, assignment.pictures
    unit = Unit.PICTURES if seconds is None else Unit.MILLISECONDS
    budget = pictures if seconds is None else seconds * THOUSAND
    return unit, budget if who.role == Role.STUDENT else None
