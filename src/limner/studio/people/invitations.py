"""Invitations: a link that lets one person in once, until a day, and is void when another is sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from secrets import token_hex, token_urlsafe

from sqlalchemy import Connection, Select, insert, select, update

from limner.errors import LimnerError
from limner.studio.course import Course
from limner.studio.database import Database, Moment, Record
from limner.studio.people import log, passwords
from limner.studio.people.passwords import digest
from limner.studio.people.person import Person, person, present
from limner.studio.people.roster import Guest
from limner.studio.people.sessions import Session, renewed
from limner.studio.register import INVITATIONS, PEOPLE, Role, Standing

DAY = 86400.0
VOID = "this invitation is not good any more", "ask your instructor for a new one", 404
USED = "this invitation was used already", "sign in, or ask your instructor for a new one", 410
LATE = "this invitation has run out", "ask your instructor for a new one", 410
CLOSED = "the course takes in nobody any more", "ask your instructor", 403


@dataclass(frozen=True, slots=True)
class Invitation:
    """What is told once: the link to it, which nobody can find out again."""

    person: Person
    link: str = field(repr=False)
    until: float


@dataclass(frozen=True, slots=True)
class Invitations:
    """Every call may be made again where its answer was lost."""

    database: Database
    course: Course

    def invite(self, by: Person, guests: Iterable[Guest]) -> list[Invitation]:
        """An invitation for each who is not in the course: a roster may be read again when somebody joined."""
        by.must(Role.INSTRUCTOR)
        drawn = [(guest, token_hex(8), token_urlsafe(32)) for guest in guests]
        return self.database.write(lambda moment: list(self._invited(moment, by, drawn)))

    def _invited(self, moment: Moment, by: Person, drawn: list[tuple[Guest, str, str]]) -> Iterator[Invitation]:
        until = self._until(moment)
        known = {row.mail: row.id for row in moment.run(select(PEOPLE.c.mail, PEOPLE.c.id))}
        for guest, name, token in drawn:
            if known.get(guest.mail, name) != name:
                continue
            if guest.mail not in known:
                row = {"id": name, "name": guest.name, "mail": guest.mail, "role": guest.role, "made": moment.now}
                moment.run(insert(PEOPLE).values(**row, standing=Standing.INVITED))
                moment.run(insert(INVITATIONS).values(hash=digest(token), person=name, made=moment.now, until=until))
                log.note(moment, by.id, "invited", name, {"role": guest.role})
            yield Invitation(present(moment, name), self._link(token), until)

    def again(self, by: Person, who: str) -> Invitation:
        """Another link, and the one before is void: for who lost it, or forgot the password that it led to."""
        by.must(Role.INSTRUCTOR)
        token = token_urlsafe(32)

        def act(moment: Moment) -> Invitation:
            known, until = present(moment, who), self._until(moment)
            if known.standing == Standing.SUSPENDED:
                raise LimnerError(f"{known.mail} is suspended", "readmit them first", 409)
            values = {"hash": digest(token), "made": moment.now, "until": until, "used_by": None}
            of = INVITATIONS.c.person == known.id
            before = moment.run(select(INVITATIONS.c.hash).where(of))
            moment.run(
                update(INVITATIONS).where(of).values(**values)
                if before
                else insert(INVITATIONS).values(**values, person=known.id)
            )
            if not before or before[0].hash != values["hash"]:
                log.note(moment, by.id, "invited again", known.id)
            return Invitation(known, self._link(token), until)

        return self.database.write(act)

    def whose(self, token: str) -> Person:
        """Who is asked in by this, for a page that asks for a password; LimnerError where it is good for nothing."""

        def act(connection: Connection) -> Person:
            row = connection.execute(_of(token)).one_or_none()
            return person(self._good(row, self.database.clock(connection)))

        return self.database.read(act)

    def accept(self, token: str, password: str) -> Session:
        """The first session of who comes with this, under a password of their own; whoever comes second is refused."""
        who = self.whose(token)
        kept, begins = passwords.hashed(password), token_urlsafe(32)

        def act(moment: Moment) -> Session:
            row = next(iter(moment.run(_of(token))), None)
            if row is None or row.used_by != digest(begins):
                self._good(row, moment.now)
            used = update(INVITATIONS).where(INVITATIONS.c.hash == digest(token))
            moment.run(used.values(used_by=digest(begins)))
            return renewed(moment, who.id, kept, begins, "came in")

        return self.database.write(act)

    def _until(self, moment: Moment) -> float:
        closes = self.course.invitations.closes
        if closes is not None and closes <= moment.now:
            raise LimnerError(CLOSED[0], "change invitations.closes in its class file", 403)
        days = moment.now + self.course.invitations.days * DAY
        return days if closes is None else min(days, closes)

    def _good(self, row: Record | None, now: float) -> Record:
        """It is there, not used, not too old, and who it is for is let in; else LimnerError says which it is not.

        Whoever has the link may know: it cannot be guessed.
        """
        if row is None or row.standing not in (Standing.INVITED, Standing.ACTIVE):
            raise LimnerError(*VOID)
        if row.used_by is not None:
            raise LimnerError(*USED)
        closes = self.course.invitations.closes
        if closes is not None and closes <= now:
            raise LimnerError(*CLOSED)
        if row.until <= now:
            raise LimnerError(*LATE)
        return row

    def _link(self, token: str) -> str:
        return f"{self.course.course.address.rstrip('/')}/join/{token}"


def _of(token: str) -> Select[*tuple[object, ...]]:
    joined = select(PEOPLE, INVITATIONS.c.until, INVITATIONS.c.used_by)
    joined = joined.join(INVITATIONS, INVITATIONS.c.person == PEOPLE.c.id)
    return joined.where(INVITATIONS.c.hash == digest(token))
