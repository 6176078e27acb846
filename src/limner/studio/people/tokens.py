"""API tokens: for programs that draw in somebody's name, and for workers; shown once, named, and revoked by name."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_urlsafe

from sqlalchemy import Connection, delete, insert, select

from limner.errors import LimnerError
from limner.studio.database import Database, Moment
from limner.studio.people import log
from limner.studio.people.passwords import digest
from limner.studio.people.person import LONGEST, Person, person, present
from limner.studio.register import PEOPLE, TOKENS, Role, Standing

PREFIX = "limner_"  # so that a scanner finds one that was published
MOST = 20  # of one person


class Scope(StrEnum):
    """What a token is good for; it never signs in."""

    DRAW = "draw"
    SERVE = "serve"  # take jobs as a worker: it reads what everybody asks for


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of one after it was shown."""

    name: str
    scopes: tuple[Scope, ...]
    made: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every call may be made again where its answer was lost."""

    database: Database

    def make(self, who: Person, name: str, scopes: Collection[Scope]) -> str:
        """A new token under a name of its own, told this once; LimnerError for what they may not."""
        who.must(Role.INSTRUCTOR if Scope.SERVE in scopes else Role.STUDENT)
        if not (scopes and 0 < len(name.strip()) <= LONGEST and name.isprintable()):
            raise LimnerError("a token needs a name and something to be good for", f"choose from {', '.join(Scope)}")
        token = PREFIX + token_urlsafe(32)

        def act(moment: Moment) -> str:
            known = moment.run(select(TOKENS.c.name, TOKENS.c.hash).where(TOKENS.c.person == who.id))
            if any(row.hash == digest(token) for row in known):
                return token
            if any(row.name == name for row in known):
                raise LimnerError(f"you have a token {name!r} already", "choose another name, or revoke that one", 409)
            if len(known) >= MOST:
                raise LimnerError(f"you have {MOST} tokens", "revoke those that you do not use", 409)
            words = " ".join(sorted(set(scopes)))
            moment.run(
                insert(TOKENS).values(hash=digest(token), person=who.id, name=name, scopes=words, made=moment.now)
            )
            log.note(moment, who.id, "token made", who.id, {"scopes": words})  # its name is their own affair
            return token

        return self.database.write(act)

    def who(self, token: str, scope: Scope) -> Person | None:
        """In whose name it speaks; nobody's where it is not good for that, or not any more."""

        def act(connection: Connection) -> Person | None:
            joined = select(PEOPLE, TOKENS.c.scopes).join(TOKENS, TOKENS.c.person == PEOPLE.c.id)
            good = TOKENS.c.hash == digest(token), PEOPLE.c.standing == Standing.ACTIVE
            row = connection.execute(joined.where(*good)).one_or_none()
            return person(row) if row and scope in row.scopes.split() else None

        return self.database.read(act)

    def mine(self, who: Person) -> list[Token]:
        statement = select(TOKENS).where(TOKENS.c.person == who.id).order_by(TOKENS.c.made, TOKENS.c.name)
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return [Token(row.name, tuple(map(Scope, row.scopes.split())), row.made) for row in rows]

    def revoke(self, by: Person, whose: str, name: str) -> None:
        """One's own, or as an instructor anybody's; LimnerError where there is none of that name."""
        if by.id != whose:
            by.must(Role.INSTRUCTOR)

        def act(moment: Moment) -> None:
            of = present(moment, whose).id
            this = TOKENS.c.person == of, TOKENS.c.name == name
            if not moment.run(select(TOKENS.c.name).where(*this)):
                raise LimnerError(f"there is no token {name!r}", "see the list of tokens", 404)
            moment.run(delete(TOKENS).where(*this))
            log.note(moment, by.id, "token revoked", of)

        self.database.write(act)
