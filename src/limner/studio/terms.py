"""Terms of a model's weights, which whoever asks for pictures of it accepts, once."""

from dataclasses import dataclass

from sqlalchemy import insert, select

from limner.errors import LimnerError
from limner.studio.database import Database, Moment
from limner.studio.schema import ACCEPTED
from limner.studio.staff import Card


@dataclass(frozen=True, slots=True)
class Acceptances:
    """Who accepted which terms, and when; other terms, of the same licence too, are asked for anew."""

    database: Database

    def of(self, owner: str) -> set[str]:
        """The sha256 of the terms that they accepted."""
        mine = select(ACCEPTED.c.terms).where(ACCEPTED.c.owner == owner)
        return set(self.database.read(lambda connection: connection.scalars(mine).all()))

    def accept(self, owner: str, card: Card) -> None:
        """Nothing, where the model asks for nothing or they did before."""

        def act(moment: Moment) -> None:
            known = select(ACCEPTED.c.at).where(ACCEPTED.c.owner == owner, ACCEPTED.c.terms == card.asks)
            if not moment.run(known):
                moment.run(insert(ACCEPTED).values(owner=owner, terms=card.asks, at=moment.now))

        if card.asks:
            self.database.write(act)

    def require(self, owner: str, card: Card) -> None:
        """LimnerError where the model asks for something that they did not accept."""
        if card.asks and card.asks not in self.of(owner):
            raise LimnerError(
                f"{card.name} comes under {card.licence}, which you have not accepted yet",
                "read its terms on the page where pictures are made, and tick them there, once",
                403,
            )
