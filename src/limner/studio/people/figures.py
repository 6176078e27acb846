"""Who drew how much for what, and who draws: what an instructor wants to know of a class at a glance."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, literal_column, select

from limner.studio.schema import JOBS, LEDGER, OPEN, State


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody has drawn for one assignment, of what is kept still: pictures, device-seconds, and what waits."""

    owner: str
    assignment: str
    pictures: int
    seconds: float
    open: int


def usage(connection: Connection) -> list[Use]:
    """Everybody's, whoever used the most first."""
    purpose = func.coalesce(LEDGER.c.assignment, literal_column("''")).label("assignment")
    many, waits = ((JOBS.c.state == State.DONE), JOBS.c.state.in_(OPEN))
    sums = (
        func.sum(case((many, 1), else_=0)).label("pictures"),
        func.sum(JOBS.c.spent).label("seconds"),
        func.sum(case((waits, 1), else_=0)).label("open"),
    )
    statement = select(JOBS.c.owner, purpose, *sums)
    statement = statement.outerjoin(LEDGER, and_(LEDGER.c.job == JOBS.c.id, ~LEDGER.c.closes))
    rows = connection.execute(statement.group_by(JOBS.c.owner, purpose)).all()
    found = [Use(row.owner, row.assignment, int(row.pictures), float(row.seconds), int(row.open)) for row in rows]
    return sorted(found, key=lambda use: (-use.seconds, use.owner, use.assignment))
