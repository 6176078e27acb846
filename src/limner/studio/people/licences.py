"""Which models' licences somebody has accepted: once, by the terms that were shown."""

from dataclasses import dataclass

from sqlalchemy import insert, select

from limner.errors import LimnerError
from limner.studio.database import Database, Moment
from limner.studio.people import log
from limner.studio.people.person import Person
from limner.studio.register import ACCEPTED
from limner.studio.staff import Card


@dataclass(frozen=True, slots=True)
class Licences:
    """Every call may be made again where its answer was lost."""

    database: Database

    def open(self, who: Person, card: Card) -> bool:
        """Whether this model's licence asks for something that they have not accepted."""
        return bool(card.terms) and card.digest not in self.accepted(who)

    def accepted(self, who: Person) -> set[str]:
        """By the digests of their terms."""
        theirs = select(ACCEPTED.c.terms).where(ACCEPTED.c.person == who.id)
        return self.database.read(lambda connection: set(connection.scalars(theirs).all()))

    def require(self, who: Person, card: Card) -> None:
        """LimnerError where they may not draw with this model yet."""
        if self.open(who, card):
            what = f"{card.name} comes under {card.licence}, which you have not accepted yet"
            raise LimnerError(what, f"read and accept it on the studio's page /licences/{card.name}", 403)

    def accept(self, who: Person, card: Card, digest: str) -> None:
        """They do; LimnerError where it was another text that they have read."""
        if not card.terms or digest != card.digest:
            raise LimnerError("that is not this licence's text as it is now", "read it again", 409)

        def act(moment: Moment) -> None:
            this = ACCEPTED.c.person == who.id, ACCEPTED.c.terms == digest
            if not moment.run(select(ACCEPTED.c.terms).where(*this)):
                row = {"person": who.id, "terms": digest, "licence": card.licence, "made": moment.now}
                moment.run(insert(ACCEPTED).values(**row))
                log.note(moment, who.id, "accepted a licence", who.id, {"licence": card.licence})

        self.database.write(act)
