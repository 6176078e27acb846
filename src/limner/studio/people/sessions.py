"""Signing in: a password becomes a session, whose token is the browser's alone and is kept here as a hash."""

from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_urlsafe

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from limner.errors import LimnerError
from limner.studio.database import Database, Moment, Record
from limner.studio.people import log, passwords, tries
from limner.studio.people.passwords import digest
from limner.studio.people.person import Person, address, person, shut
from limner.studio.register import PEOPLE, SESSIONS, Standing

LIFE = 7 * 86400.0  # seconds
WRONG = "the name or the password is wrong", "try again, or ask for a new invitation", 401
OUT = "this account is suspended", "ask your instructor", 403


@dataclass(frozen=True, slots=True)
class Session:
    """`token` goes into a cookie that no script reads, `csrf` into the forms that it may send (`Sessions.who`)."""

    person: Person
    token: str = field(repr=False)
    until: float

    @property
    def csrf(self) -> str:
        """Made from the token, which cannot be told from it: it is this session's and dies with it."""
        return digest(f"csrf {self.token}")

    def meant(self, csrf: str) -> bool:
        """Whether a form with this in it came from a page of ours."""
        return compare_digest(self.csrf.encode(), csrf.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Sessions:
    """Every call may be made again where its answer was lost."""

    database: Database

    def sign_in(self, mail: str, password: str, client: str, former: str = "") -> Session:
        """A new session, whatever there was before: the browser's former one is over.  `client` is its address.

        LimnerError for a wrong password, which says no more about an unknown name; after some, also to wait.
        """
        typed = mail.strip().lower()
        self.database.write(lambda moment: tries.charge(moment, typed, client))
        row = self._row(PEOPLE.c.mail == address(mail))
        if not passwords.right(row.password if row else None, password) or row is None:
            raise LimnerError(*WRONG)
        if row.standing != Standing.ACTIVE:
            raise LimnerError(*OUT)
        fresh = passwords.hashed(password) if passwords.stale(row.password) else row.password
        token = token_urlsafe(32)

        def act(moment: Moment) -> Session:
            (now,) = moment.run(select(PEOPLE.c.password).where(PEOPLE.c.id == row.id))
            if now.password not in (row.password, fresh):
                raise LimnerError(*WRONG)  # it was changed meanwhile
            moment.run(update(PEOPLE).where(PEOPLE.c.id == row.id).values(password=fresh))
            tries.forgive(moment, typed, client)
            moment.run(delete(SESSIONS).where(SESSIONS.c.hash == digest(former)))
            return begun(moment, row.id, token)

        return self.database.write(act)

    def who(self, token: str) -> Session | None:
        """Whose session this is; nobody's where it ran out, was ended, or never was."""

        def act(connection: Connection) -> Session | None:
            good = SESSIONS.c.until > self.database.clock(connection), PEOPLE.c.standing == Standing.ACTIVE
            joined = select(PEOPLE, SESSIONS.c.until).join(SESSIONS, SESSIONS.c.person == PEOPLE.c.id)
            row = connection.execute(joined.where(SESSIONS.c.hash == digest(token), *good)).one_or_none()
            return Session(person(row), token, row.until) if row else None

        return self.database.read(act)

    def sign_out(self, token: str) -> None:
        self.database.write(lambda moment: moment.run(delete(SESSIONS).where(SESSIONS.c.hash == digest(token))))

    def change(self, session: Session, password: str, new: str, client: str) -> Session:
        """Another password, and a new session: all others are over, as somebody may have known the old one."""
        who, kept, token = session.person, passwords.hashed(new), token_urlsafe(32)
        self.prove(who, password, client)
        return self.database.write(lambda moment: renewed(moment, who.id, kept, token, "password changed"))

    def prove(self, who: Person, password: str, client: str) -> None:
        """LimnerError where that is not their password: for what somebody at a browser left open should not do."""
        self.database.write(lambda moment: tries.charge(moment, who.mail, client))
        row = self._row(PEOPLE.c.id == who.id)
        if row is None or not passwords.right(row.password, password):
            raise LimnerError("that is not your password", "try again, or ask for a new invitation", 403)
        self.database.write(lambda moment: tries.forgive(moment, who.mail, client))

    def _row(self, condition: ColumnElement[bool]) -> Record | None:
        return self.database.read(lambda connection: connection.execute(select(PEOPLE).where(condition)).one_or_none())


def renewed(moment: Moment, who: str, kept: str, token: str, deed: str) -> Session:
    """A session under another password: the only one from here on, and no token of before is good."""
    if not moment.run(select(SESSIONS.c.hash).where(SESSIONS.c.hash == digest(token))):  # else it was done already
        (row,) = moment.run(select(PEOPLE.c.standing).where(PEOPLE.c.id == who))
        if row.standing not in (Standing.INVITED, Standing.ACTIVE):
            raise LimnerError(*OUT)
        moment.run(update(PEOPLE).where(PEOPLE.c.id == who).values(password=kept, standing=Standing.ACTIVE))
        shut(moment, who)
        log.note(moment, who, deed, who)
    return begun(moment, who, token)


def begun(moment: Moment, who: str, token: str) -> Session:
    """A session from now on; LimnerError where they are not let in any more."""
    rows = moment.run(select(PEOPLE).where(PEOPLE.c.id == who, PEOPLE.c.standing == Standing.ACTIVE))
    if not rows:
        raise LimnerError(*OUT)
    known = moment.run(select(SESSIONS.c.until).where(SESSIONS.c.hash == digest(token)))
    if known:  # the answer was lost on its way
        return Session(person(rows[0]), token, known[0].until)
    moment.run(delete(SESSIONS).where(SESSIONS.c.person == who, SESSIONS.c.until <= moment.now))
    until = moment.now + LIFE
    moment.run(insert(SESSIONS).values(hash=digest(token), person=who, made=moment.now, until=until))
    log.note(moment, who, "signed in", who)
    return Session(person(rows[0]), token, until)
