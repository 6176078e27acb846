"""A person, and what may be asked of them: found by pseudonym or mail, given a role, suspended and let in again."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, Select, delete, select, update

from limner.errors import LimnerError
from limner.studio.database import Database, Moment, Record
from limner.studio.people import log
from limner.studio.register import INVITATIONS, PEOPLE, SESSIONS, TOKENS, Role, Standing

LONGEST = 200  # characters of a name or a mail


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is a pseudonym: the owner of their jobs, and what others see.  Who has gone has no name and no mail."""

    id: str
    name: str = field(repr=False)
    mail: str = field(repr=False)
    role: Role
    standing: Standing

    def may(self, least: Role) -> bool:
        """Whether they are at least that."""
        return self.standing == Standing.ACTIVE and self.role.may(least)

    def must(self, least: Role) -> None:
        """LimnerError for those who are not."""
        if not self.may(least):
            raise LimnerError(f"only {an(least)} may do that", f"ask {an(least)}", 403)


OPERATOR = Person("operator", "the operator", "", Role.INSTRUCTOR, Standing.ACTIVE)  # who is at the machine itself


def an(role: Role) -> str:
    return f"an {role.value}" if role.value[0] in "aeiou" else f"a {role.value}"


def address(mail: str) -> str:
    """A mail address as it is kept; empty where it can be none, and so nobody's."""
    mail = mail.strip().lower()
    name, at, host = mail.rpartition("@")
    plain = len(mail) <= LONGEST and mail.isprintable() and not any(c.isspace() or c in '<>,;"' for c in mail)
    return mail if plain and name and at and host and "@" not in name else ""


def find(database: Database, who: str) -> Person:
    """The person of this pseudonym or mail; LimnerError where there is none."""

    def act(connection: Connection) -> Record | None:
        return connection.execute(_called(who)).one_or_none()

    if (row := database.read(act)) is None:
        raise LimnerError(f"there is no {who!r} in this course", "see the list of people", 404)
    return person(row)


def everybody(database: Database) -> list[Person]:
    """All who have not gone: those who run the course first, then by name."""
    here = select(PEOPLE).where(PEOPLE.c.standing != Standing.GONE).order_by(PEOPLE.c.name, PEOPLE.c.id)
    people = [person(row) for row in database.read(lambda connection: connection.execute(here).all())]
    return sorted(people, key=lambda each: -each.role.rank)


def promote(database: Database, by: Person, who: str, role: Role) -> None:
    """Give somebody another role.  LimnerError where that leaves the course without an instructor."""
    by.must(Role.INSTRUCTOR)

    def act(moment: Moment) -> None:
        known = present(moment, who)
        if known.role != role:
            not_the_last(moment, known)
            moment.run(update(PEOPLE).where(PEOPLE.c.id == known.id).values(role=role))
            if role.rank < known.role.rank:
                moment.run(delete(TOKENS).where(TOKENS.c.person == known.id))  # they may say more than he may now
            log.note(moment, by.id, "role changed", known.id, {"from": known.role, "to": role})

    database.write(act)


def suspend(database: Database, by: Person, who: str) -> None:
    """Let nobody in by this account: its sessions and tokens are gone, its pictures stay."""
    by.must(Role.INSTRUCTOR)

    def act(moment: Moment) -> None:
        known = present(moment, who)
        if known.standing == Standing.SUSPENDED:
            return
        not_the_last(moment, known)
        moment.run(update(PEOPLE).where(PEOPLE.c.id == known.id).values(standing=Standing.SUSPENDED))
        moment.run(delete(INVITATIONS).where(INVITATIONS.c.person == known.id))
        shut(moment, known.id)
        log.note(moment, by.id, "suspended", known.id)

    database.write(act)


def readmit(database: Database, by: Person, who: str) -> None:
    """Undo a suspension."""
    by.must(Role.INSTRUCTOR)

    def act(moment: Moment) -> None:
        known = present(moment, who)
        if known.standing == Standing.SUSPENDED:
            (row,) = moment.run(select(PEOPLE.c.password).where(PEOPLE.c.id == known.id))
            standing = Standing.ACTIVE if row.password else Standing.INVITED
            moment.run(update(PEOPLE).where(PEOPLE.c.id == known.id).values(standing=standing))
            log.note(moment, by.id, "readmitted", known.id)

    database.write(act)


def sign_out(database: Database, by: Person, who: str) -> None:
    """End all sessions and tokens of somebody's: they sign in again."""

    def act(moment: Moment) -> None:
        known = present(moment, who)
        if by.id != known.id:
            by.must(Role.INSTRUCTOR)
        shut(moment, known.id)
        log.note(moment, by.id, "signed out everywhere", known.id)

    database.write(act)


def shut(moment: Moment, who: str) -> None:
    """No session and no token of theirs is good any more."""
    for table in (SESSIONS, TOKENS):
        moment.run(delete(table).where(table.c.person == who))


def present(moment: Moment, who: str) -> Person:
    """Somebody who has not gone; LimnerError."""
    rows = moment.run(_called(who))
    if not rows or rows[0].standing == Standing.GONE:
        raise LimnerError(f"there is no {who!r} in this course", "see the list of people", 404)
    return person(rows[0])


def person(row: Record) -> Person:
    return Person(row.id, row.name or "", row.mail or "", Role(row.role), Standing(row.standing))


def _called(who: str) -> Select[*tuple[object, ...]]:
    who = who if len(who) <= LONGEST and who.isprintable() else ""
    return select(PEOPLE).where((PEOPLE.c.mail == address(who)) if "@" in who else (PEOPLE.c.id == who))


def not_the_last(moment: Moment, known: Person) -> None:
    """LimnerError where without them nobody could be let in any more."""
    instructs = PEOPLE.c.role == Role.INSTRUCTOR, PEOPLE.c.standing == Standing.ACTIVE
    others = select(PEOPLE.c.id).where(*instructs, PEOPLE.c.id != known.id)
    if known.may(Role.INSTRUCTOR) and not moment.run(others):
        raise LimnerError("the course would be left without an instructor", "make somebody else one first", 409)
