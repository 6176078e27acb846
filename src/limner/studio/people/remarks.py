"""Who finds a mark wrong asks for it to be looked at again, is answered, and both are written down."""

from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Select, insert, select, update

from limner.errors import LimnerError
from limner.studio.database import Database, Moment, Record
from limner.studio.handed import HANDINS, REMARKS
from limner.studio.people import log
from limner.studio.people.person import Person
from limner.studio.register import Role

LONGEST = 4000  # characters of a request or an answer


@dataclass(frozen=True, slots=True)
class Remark:
    """`answered` is None as long as nobody has."""

    id: str
    handin: str
    text: str
    at: float
    answer: str
    answered: float | None


@dataclass(frozen=True, slots=True)
class Remarks:
    database: Database

    def ask(self, who: Person, handin: str, text: str) -> None:
        """For one's own hand-in, once its marks are out, and one request at a time; LimnerError."""
        text = _text(text, "say what should be looked at again, and why")

        def act(moment: Moment) -> None:
            rows = moment.run(select(HANDINS).where(HANDINS.c.id == handin[:16], HANDINS.c.person == who.id))
            if not rows:
                raise LimnerError("you have no such hand-in", "see /course/handin", 404)
            if rows[0].released is None:
                raise LimnerError("it is not marked yet", "wait until its marks are there", 409)
            here = [_remark(row) for row in moment.run(_of(handin))]
            if any(each.text == text and each.answered is None for each in here):
                return
            if any(each.answered is None for each in here):
                raise LimnerError("you have asked already", "wait for the answer", 409)
            row = {"id": token_hex(8), "handin": handin, "text": text, "at": moment.now, "answer": ""}
            moment.run(insert(REMARKS).values(**row, answered=None, by=None))
            log.note(moment, who.id, "asked for a remark", who.id, {"assignment": rows[0].assignment})

        self.database.write(act)

    def answer(self, by: Person, remark: str, text: str) -> str:
        """The hand-in that was asked about; marks are changed where they are given."""
        by.must(Role.ASSISTANT)
        text = _text(text, "say what you found")

        def act(moment: Moment) -> str:
            rows = moment.run(select(REMARKS).where(REMARKS.c.id == remark[:16]))
            if not rows:
                raise LimnerError("there is no such request", "see the list of requests", 404)
            if rows[0].answered is not None and rows[0].answer != text:
                raise LimnerError("somebody has answered it", "look at the answer", 409)
            if rows[0].answered is None:
                given = {"answer": text, "answered": moment.now, "by": by.id}
                moment.run(update(REMARKS).where(REMARKS.c.id == remark).values(**given))
                log.note(moment, by.id, "answered a remark request", "", {"handin": rows[0].handin})
            return str(rows[0].handin)

        return self.database.write(act)

    def of(self, handin: str) -> list[Remark]:
        """All that was asked about a hand-in, the first first."""
        rows = self.database.read(lambda connection: connection.execute(_of(handin)).all())
        return [_remark(row) for row in rows]

    def open(self, by: Person) -> list[Remark]:
        """What nobody has answered yet, the first first."""
        by.must(Role.ASSISTANT)
        wanted = select(REMARKS).where(REMARKS.c.answered.is_(None)).order_by(REMARKS.c.at)
        return [_remark(row) for row in self.database.read(lambda connection: connection.execute(wanted).all())]


def _of(handin: str) -> Select[*tuple[object, ...]]:
    return select(REMARKS).where(REMARKS.c.handin == handin).order_by(REMARKS.c.at)


def _remark(row: Record) -> Remark:
    return Remark(row.id, row.handin, row.text, row.at, row.answer, row.answered)


def _text(text: str, remedy: str) -> str:
    text = "".join(each if each.isprintable() or each == "\n" else " " for each in text.replace("\r\n", "\n")).strip()
    if not text:
        raise LimnerError("nothing was written", remedy)
    if len(text) > LONGEST:
        raise LimnerError(f"{len(text)} characters are too many", f"write at most {LONGEST}")
    return text
