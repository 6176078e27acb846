"""Sentences from the hall: anybody sends one, whoever teaches chooses which is drawn before everybody's eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Select, func, insert, select, update

from limner.errors import LimnerError
from limner.studio.database import Database, Moment
from limner.studio.schema import HALL

LONGEST = 300  # characters that can be read from the last row
EACH = 3  # sentences of one person that may wait


class Stand(StrEnum):
    """Where a sentence is."""

    WAITING = "waiting"
    SHOWN = "shown"
    LEFT = "left"  # by who sent it, or who teaches


@dataclass(frozen=True, slots=True)
class Sentence:
    """Who sent it is known to the studio, and not to the hall; `job` draws it, once it is shown."""

    id: str
    owner: str
    prompt: str
    stand: Stand
    job: str | None


@dataclass(frozen=True, slots=True)
class Hall:
    """Every call is one transaction, and may be made again where its answer was lost."""

    database: Database

    def send(self, owner: str, prompt: str, key: str) -> Sentence:
        """A sentence for the hall, once for each key; LimnerError where it is none, or too many of theirs wait."""
        words = " ".join(prompt.split())
        if not 0 < len(words) <= LONGEST or "\0" in words:
            raise LimnerError("that is no sentence for the hall", f"write 1 to {LONGEST} characters")
        name = sha256(f"{owner} {key}".encode("utf-8", "replace")).hexdigest()[:16]

        def act(moment: Moment) -> None:
            if moment.run(select(HALL.c.id).where(HALL.c.id == name)):
                return
            mine = select(HALL.c.id).where(HALL.c.owner == owner, HALL.c.stand == Stand.WAITING)
            if len(moment.run(mine)) >= EACH:
                raise LimnerError(f"{EACH} sentences of yours wait already", "take one back, or wait", 429)
            last = moment.connection.scalar(select(func.max(HALL.c.number))) or 0
            row = {"id": name, "owner": owner, "prompt": words.encode("utf-8", "replace").decode(), "at": moment.now}
            moment.run(insert(HALL).values(**row, number=last + 1, turn=0, stand=Stand.WAITING))

        self.database.write(act)
        return self.one(name)

    def one(self, sentence: str) -> Sentence:
        """LimnerError where there is none of that name."""
        for found in self._found(select(HALL).where(HALL.c.id == sentence)):
            return found
        raise LimnerError("there is no such sentence", "see the list of the hall", 404)

    def waiting(self, last: int = 50) -> Sequence[Sentence]:
        """Those that were not chosen yet, the oldest first."""
        return self._found(select(HALL).where(HALL.c.stand == Stand.WAITING).order_by(HALL.c.number).limit(last))

    def of(self, owner: str, last: int = 20) -> Sequence[Sentence]:
        """Somebody's own, the latest first."""
        return self._found(select(HALL).where(HALL.c.owner == owner).order_by(HALL.c.number.desc()).limit(last))

    def shown(self, last: int = 200) -> Sequence[Sentence]:
        """Those that were drawn, in the order in which they were shown."""
        latest = select(HALL).where(HALL.c.stand == Stand.SHOWN).order_by(HALL.c.turn.desc()).limit(last)
        return self._found(latest)[::-1]

    def show(self, sentence: str, job: str) -> None:
        """It is drawn by this job, and stands on the wall."""

        def act(moment: Moment) -> None:
            last = moment.connection.scalar(select(func.max(HALL.c.turn))) or 0
            open_ = HALL.c.id == sentence, HALL.c.stand != Stand.SHOWN
            moment.run(update(HALL).where(*open_).values(stand=Stand.SHOWN, job=job, turn=last + 1))

        self.database.write(act)

    def leave(self, sentence: str, owner: str | None = None) -> None:
        """It will not be shown: said by its owner, or by whoever teaches.  Nothing, where it was, or is another's."""
        which = [HALL.c.id == sentence, HALL.c.stand == Stand.WAITING]
        if owner is not None:
            which.append(HALL.c.owner == owner)
        self.database.write(lambda moment: moment.run(update(HALL).where(*which).values(stand=Stand.LEFT)))

    def _found(self, statement: Select[*tuple[object, ...]]) -> Sequence[Sentence]:
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return [Sentence(row.id, row.owner, row.prompt, Stand(row.stand), row.job) for row in rows]
