"""What each may still ask for: set aside when a job is accepted, settled when it is done, given back when it is not.

A job has one line in the ledger that sets something aside, and one that closes it.  Each is written in the transaction
that moves the job, and the table's key lets neither be written twice: the ledger says at any moment what the jobs say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from sqlalchemy import Connection, and_, func, insert, select

from limner.errors import LimnerError
from limner.studio.database import Moment
from limner.studio.schema import JOBS, LEDGER, OPEN, State

THOUSAND = 1000  # milliseconds in a second: the ledger counts in whole ones


class Unit(StrEnum):
    """What a budget is counted in."""

    PICTURES = "pictures"
    MILLISECONDS = "milliseconds"  # on a device


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms somebody asks: their share of the devices, how many of their pictures may wait, and their budget.

    `budget` is what they may have of `unit` for this assignment in all; None is as much as they like.  `opens` and
    `closes` are moments between which they may ask for it.
    """

    share: float
    waiting: int
    assignment: str = ""
    unit: Unit = Unit.PICTURES
    budget: int | None = None
    opens: float | None = None
    closes: float | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What somebody had for an assignment, and what is set aside for their jobs that wait or run."""

    assignment: str
    unit: Unit
    spent: int
    held: int


def reserve(moment: Moment, owner: str, terms: Terms, jobs: Mapping[str, float]) -> None:
    """Set aside what these jobs will take, with the seconds that each is expected to; LimnerError: it is too much.

    It is so too before the assignment opens, and after it closed.  What an expectation is too low by may overdraw a
    budget, once: the next job is refused.
    """
    if terms.opens is not None and moment.now < terms.opens:
        raise LimnerError(f"{terms.assignment} is not open yet", "wait for its first day", 403)
    if terms.closes is not None and moment.now >= terms.closes:
        raise LimnerError(f"{terms.assignment} is closed", "ask your instructor", 403)
    amounts = {job: 1 if terms.unit == Unit.PICTURES else ceil(seconds * THOUSAND) for job, seconds in jobs.items()}
    if terms.budget is not None:
        left, asked = terms.budget - _had(moment, owner, terms), sum(amounts.values())
        if asked > left:
            raise LimnerError(
                f"your budget for {terms.assignment or 'this course'} has {said(max(left, 0), terms.unit)} left of "
                f"{said(terms.budget, terms.unit)}, and this takes {said(asked, terms.unit)}",
                "ask for less, or ask your instructor for more",
                403,
            )
    line = {"owner": owner, "assignment": terms.assignment, "unit": terms.unit, "at": moment.now, "closes": False}
    for job, amount in amounts.items():
        moment.run(insert(LEDGER).values(**line, job=job, amount=amount))


def settle(moment: Moment, job: str, seconds: float) -> None:
    """It is done: what is set aside becomes what it cost, in the seconds of the lease in which it was drawn."""
    _close(moment, job, {Unit.PICTURES: 1, Unit.MILLISECONDS: ceil(seconds * THOUSAND)})


def refund(moment: Moment, job: str) -> None:
    """It failed or was cancelled: it cost nothing."""
    _close(moment, job, dict.fromkeys(Unit, 0))


def _close(moment: Moment, job: str, cost: Mapping[Unit, int]) -> None:
    """The second line, where there is a first and no second."""
    lines = {line.closes: line for line in moment.run(select(LEDGER).where(LEDGER.c.job == job))}
    if set(lines) == {False}:
        line = lines[False]
        same = {"owner": line.owner, "assignment": line.assignment, "unit": line.unit}
        more = cost[Unit(line.unit)] - line.amount
        moment.run(insert(LEDGER).values(**same, job=job, closes=True, amount=more, at=moment.now))


def accounts(connection: Connection, owner: str) -> list[Account]:
    """Of every assignment for which they asked for anything."""
    closing = LEDGER.alias()
    both = LEDGER.outerjoin(closing, and_(closing.c.job == LEDGER.c.job, closing.c.closes))
    statement = select(LEDGER.c.assignment, LEDGER.c.unit, LEDGER.c.amount, closing.c.amount.label("more"))
    rows = connection.execute(statement.select_from(both).where(LEDGER.c.owner == owner, ~LEDGER.c.closes)).all()
    found = dict[tuple[str, str], Account]()
    for row in rows:
        key = row.assignment, row.unit
        had = found.get(key, Account(row.assignment, Unit(row.unit), 0, 0))
        spent, held = (0, row.amount) if row.more is None else (row.amount + row.more, 0)
        found[key] = Account(had.assignment, had.unit, had.spent + spent, had.held + held)
    return [found[key] for key in sorted(found)]


def unbalanced(connection: Connection) -> list[str]:
    """What the ledger says otherwise than the jobs do, a line for each: never anything."""
    states = {row.id: row.state for row in connection.execute(select(JOBS.c.id, JOBS.c.state))}
    lines = dict[str, dict[bool, int]]()
    for row in connection.execute(select(LEDGER.c.job, LEDGER.c.closes, LEDGER.c.amount)):
        lines.setdefault(row.job, {})[row.closes] = row.amount
    return [fault for job, amounts in sorted(lines.items()) if (fault := _fault(job, states.get(job), amounts))]


def _fault(job: str, state: str | None, amounts: Mapping[bool, int]) -> str:
    if False not in amounts:
        return f"job {job} is closed, but nothing was set aside for it"
    cost = sum(amounts.values())
    if state in OPEN and True in amounts:
        return f"job {job} is {state}, but closed"
    if state not in OPEN and True not in amounts:
        return f"job {job} is {state or 'gone'}, but something is set aside for it"
    if state in (State.FAILED, State.CANCELLED) and cost:
        return f"job {job} is {state}, but cost {cost}"
    return f"job {job} cost {cost}" if cost < 0 else ""


def said(amount: int, unit: Unit) -> str:
    """An amount in words."""
    if unit == Unit.MILLISECONDS:
        return f"{amount / THOUSAND:.1f} device-seconds"
    return "1 picture" if amount == 1 else f"{amount} pictures"


def _had(moment: Moment, owner: str, terms: Terms) -> int:
    """Spent and set aside."""
    theirs = LEDGER.c.owner == owner, LEDGER.c.assignment == terms.assignment, LEDGER.c.unit == terms.unit
    return int(moment.connection.scalar(select(func.coalesce(func.sum(LEDGER.c.amount), 0)).where(*theirs)) or 0)
