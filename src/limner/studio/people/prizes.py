"""Pictures for awards are chosen by votes, without anybody's name, until the very end."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from limner.errors import LimnerError
from limner.studio.database import Database, Moment
from limner.studio.handed import HANDINS, VOTES
from limner.studio.people import log
from limner.studio.people.person import Person, find
from limner.studio.register import Role


@dataclass(frozen=True, slots=True)
class Prizes:
    database: Database

    def vote(self, by: Person, handin: str, picture: int) -> None:
        """For a picture, or not any more."""
        by.must(Role.ASSISTANT)

        def act(moment: Moment) -> None:
            rows = moment.run(select(HANDINS.c.pictures).where(HANDINS.c.id == handin[:16]))
            if not rows or not 1 <= picture <= rows[0].pictures:
                raise LimnerError("there is no such picture", "see the page of all pictures", 404)
            mine = VOTES.c.handin == handin, VOTES.c.picture == picture, VOTES.c.person == by.id
            if moment.run(select(VOTES).where(*mine)):
                moment.run(delete(VOTES).where(*mine))
            else:
                moment.run(insert(VOTES).values(handin=handin, picture=picture, person=by.id, at=moment.now))

        self.database.write(act)

    def votes(self, by: Person) -> Counter[tuple[str, int]]:
        """How many each picture has."""
        by.must(Role.ASSISTANT)
        rows = self.database.read(lambda connection: connection.execute(select(VOTES)).all())
        return Counter((row.handin, row.picture) for row in rows)

    def mine(self, by: Person) -> set[tuple[str, int]]:
        wanted = select(VOTES).where(VOTES.c.person == by.id)
        rows = self.database.read(lambda connection: connection.execute(wanted).all())
        return {(row.handin, row.picture) for row in rows}

    def credits(self, by: Person) -> dict[str, Person]:
        """Whose the chosen pictures are, by their hand-ins; that somebody looked is in the log."""
        by.must(Role.INSTRUCTOR)
        wanted = select(HANDINS.c.id, HANDINS.c.person).where(HANDINS.c.id.in_(select(VOTES.c.handin)))
        rows = self.database.read(lambda connection: connection.execute(wanted).all())
        self.database.write(lambda moment: log.note(moment, by.id, "looked up whose pictures were chosen", ""))
        return {row.id: find(self.database, row.person) for row in rows}
