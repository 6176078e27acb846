"""Who did what to whom: lines that are only ever added, each with a hash of itself and of all before it.

Haber and Stornetta 1991, "How to Time-Stamp a Digital Document", section 5.1: a line that is changed or removed breaks
the hash of the next.  People stand in it by their pseudonyms, so whoever goes need not be removed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps, loads

from sqlalchemy import Connection, Select, insert, or_, select, update

from limner.errors import LimnerError
from limner.studio.database import Database, Moment, Record
from limner.studio.register import LOG, LOG_END

BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was done; `hash` is the mark of the whole log up to here."""

    number: int
    at: float
    actor: str
    deed: str
    subject: str
    detail: Mapping[str, object]
    hash: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How many lines there are, the last one's hash, and what is wrong with them: nothing, if it is empty."""

    lines: int
    hash: str
    fault: str


def note(moment: Moment, actor: str, deed: str, subject: str, detail: Mapping[str, object] | None = None) -> None:
    """One more line, in the transaction that does it: neither is there without the other."""
    end = next(iter(moment.run(select(LOG_END))), None)
    number, before = (end.number + 1, end.hash) if end else (1, BEGINNING)
    words = dumps(detail or {}, sort_keys=True)
    mark = _mark(before, number, moment.now, actor, deed, subject, words)
    line = {"number": number, "at": moment.now, "actor": actor, "deed": deed, "subject": subject, "detail": words}
    moment.run(insert(LOG).values(**line, hash=mark))
    ends = {"number": number, "hash": mark}
    moment.run(update(LOG_END).values(**ends) if end else insert(LOG_END).values(id=1, **ends))


def lines(database: Database, after: int = 0, about: str | None = None, most: int = 1000) -> list[Line]:
    """What was done after the line of that number, by anybody or by and to one."""
    statement = select(LOG).where(LOG.c.number > after).order_by(LOG.c.number).limit(most)
    if about is not None:
        statement = statement.where(or_(LOG.c.actor == about, LOG.c.subject == about))
    return _read(database, statement)


def _read(database: Database, statement: Select[*tuple[object, ...]]) -> list[Line]:
    rows = database.read(lambda connection: connection.execute(statement).all())
    return [Line(r.number, r.at, r.actor, r.deed, r.subject, loads(r.detail), r.hash) for r in rows]


def latest(database: Database, most: int, before: int | None = None, about: str | None = None) -> list[Line]:
    """The last lines, the last first; only those before the line of that number, or by and to somebody."""
    statement = select(LOG).order_by(LOG.c.number.desc()).limit(most)
    if before is not None:
        statement = statement.where(LOG.c.number < before)
    if about is not None:
        statement = statement.where(or_(LOG.c.actor == about, LOG.c.subject == about))
    return _read(database, statement)


def check(database: Database, number: int = 0, mark: str = "") -> Checked:
    """Whether every line is there and as it was written; and whether line `number` has the hash that was noted of it.

    Who can write to the database can write a whole new log, with new hashes: against him helps a mark kept elsewhere.
    """

    def act(connection: Connection) -> Checked:
        last, before = 0, BEGINNING
        fault = "" if not number else f"line {number}, whose mark you have, is missing"
        for row in connection.execute(select(LOG).order_by(LOG.c.number)):
            if wrong := _wrong(row, last, before):
                return Checked(last, before, wrong)
            last, before = row.number, row.hash
            if last == number:
                fault = "" if before == mark else f"line {number} is not the one whose mark you have"
        end = connection.execute(select(LOG_END)).one_or_none()
        if (end.number, end.hash) != (last, before) if end else last:
            fault = f"lines after {last} are missing"
        return Checked(last, before, fault)

    return database.read(act)


def marked(text: str) -> tuple[int, str]:
    """A mark as it is printed, NUMBER:HASH; LimnerError where it is none."""
    number, _, mark = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(mark) == len(BEGINNING)):
        raise LimnerError(f"{text!r} is no mark of the log", "give it as it was printed, NUMBER:HASH")
    return int(number), mark


def _wrong(row: Record, last: int, before: str) -> str:
    """What is wrong with the line that follows these."""
    if row.number != last + 1:
        return f"line {last + 1} is missing"
    if row.hash != _mark(before, row.number, row.at, row.actor, row.deed, row.subject, row.detail):
        return f"line {row.number} is not what was written"
    return ""


def _mark(before: str, *fields: object) -> str:
    return sha256(dumps([before, *fields]).encode()).hexdigest()


def everything(database: Database) -> Iterator[Line]:
    """The whole log, however long."""
    after = 0
    while some := lines(database, after):
        yield from some
        after = some[-1].number
