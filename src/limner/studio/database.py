"""SQLite or PostgreSQL behind one rule: one writer at a time, who has it on the disk before anybody is told."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection as SQLite
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, Executable, Row, create_engine, event, func, insert, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError

from limner.errors import LimnerError
from limner.studio.handed import EVERYTHING
from limner.studio.patience import patiently
from limner.studio.schema import EVENTS, STUDIO, VERSION, Kind

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg

T = TypeVar("T")
Record: TypeAlias = Row[*tuple[object, ...]]
Clock: TypeAlias = Callable[[Connection], float]
AWAY = (OperationalError, InterfaceError)  # what a database that restarts, or is busy, or has a full disk, says
BUSY = 30  # seconds that one waits for another writer, before it is tried anew
ASLEEP = 10  # seconds that a writer may be silent
CACHE = 512  # KiB of the file that each of up to fifteen connections holds; the system holds it, too, once for all
FIRST = 0x6C696D6E6572  # the lock that PostgreSQL's clients take before they make the tables


@dataclass(frozen=True, slots=True)
class Moment:
    """A transaction that may write: nobody else writes meanwhile.  `now` is the database's time, in seconds."""

    connection: Connection
    now: float
    last: int
    closed: str
    told: list[Mapping[str, object]] = field(default_factory=list)

    @property
    def next(self) -> int:
        """The next event's number: they grow without a gap, and nobody sees one before he could see all below it."""
        return self.last + len(self.told) + 1

    def tell(self, job: str, kind: Kind, detail: Mapping[str, object] | None = None) -> None:
        words = json.dumps(detail or {}, sort_keys=True)
        self.told.append({"number": self.next, "job": job, "kind": kind, "at": self.now, "detail": words})

    def run(self, statement: Executable) -> Sequence[Record]:
        result = self.connection.execute(statement)
        return result.all() if result.returns_rows else []


@dataclass(frozen=True, slots=True)
class Database:
    """Leases are counted by the database's own clock, for workers' clocks differ; a test brings another."""

    engine: Engine
    clock: Clock
    patience: float

    def write(self, act: Callable[[Moment], T]) -> T:
        """What `act` returns, once that is on the disk; LimnerError after `patience` seconds without a database.

        It is done again where the answer was lost on its way, perhaps after it had been done: `act` must bear that.
        """
        return self._asked(lambda: self._written(act))

    def read(self, act: Callable[[Connection], T]) -> T:
        """What `act` returns; it waits for no writer, and what it sees is committed."""

        def once() -> T:
            with self.engine.connect() as connection:
                return act(connection)

        return self._asked(once)

    def snapshot(self, act: Callable[[Connection], T]) -> T:
        """What `act` returns, who sees one moment in all that it reads, however much it is; like `read` otherwise."""
        whole = self.engine
        if self.engine.dialect.name == "postgresql":  # SQLite sees one moment anyway
            whole = self.engine.execution_options(isolation_level="REPEATABLE READ")

        def once() -> T:
            with whole.connect() as connection:
                return act(connection)

        return self._asked(once)

    def close(self) -> None:
        self.engine.dispose()

    def _written(self, act: Callable[[Moment], T]) -> T:
        with self.engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
            studio = connection.execute(select(STUDIO).with_for_update()).one()
            moment = Moment(connection, self.clock(connection), studio.events, studio.closed)
            out = act(moment)
            if moment.told:
                connection.execute(insert(EVENTS), moment.told)
                connection.execute(update(STUDIO).values(events=moment.last + len(moment.told)))
        return out

    def _asked(self, act: Callable[[], T]) -> T:
        try:
            return patiently(act, AWAY, self.patience)
        except AWAY as fault:
            why = str(fault.orig).strip().partition("\n")[0]
            raise LimnerError(f"the database does not answer: {why}", "see that it runs, and try again", 503) from fault


def connect(url: str, clock: Clock | None = None, patience: float = 10.0) -> Database:
    """The database at `sqlite:///FILE` or `postgresql://...`, with its tables; LimnerError where there can be none."""
    try:
        place = make_url(url)
        clock = clock or _CLOCKS[place.get_backend_name()]
        database = Database(_engine(place), clock, patience)
    except (ArgumentError, KeyError) as fault:
        raise LimnerError("that is no database limner knows", "say sqlite:///FILE or postgresql://...") from fault
    except ModuleNotFoundError as fault:
        raise LimnerError(f"{fault.name} is not installed", "pip install limner[postgres]") from fault
    version = database._asked(lambda: _founded(database.engine))
    if version != VERSION:
        database.close()
        raise LimnerError(f"the database is of version {version}; this limner has {VERSION}", "update limner")
    return database


def _founded(engine: Engine) -> int:
    """The version of the tables, which are made where there are none: all of them, or none."""
    with engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(FIRST)))
        EVERYTHING.create_all(connection)
        if (version := connection.scalar(select(STUDIO.c.version))) is None:
            connection.execute(insert(STUDIO).values(id=1, version=VERSION, events=0, closed=""))
        return VERSION if version is None else version


def _engine(place: URL) -> Engine:
    if place.get_backend_name() == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
        engine = create_engine(place, pool_pre_ping=True, connect_args={"connect_timeout": 5})
        event.listen(engine, "connect", _limited)
        return engine
    if place.database in (None, "", ":memory:"):
        raise LimnerError("a database in memory loses everything", "say sqlite:///FILE")
    if not (folder := Path(place.database or "").parent).is_dir():
        raise LimnerError(f"there is no folder {folder} for the database", "make it, or choose another")
    engine = create_engine(place, connect_args={"timeout": BUSY})
    event.listen(engine, "connect", _prepared)
    event.listen(engine, "begin", _begun)
    return engine


def _limited(connection: "Psycopg", record: object) -> None:
    """Who falls asleep while he writes is cut off: the others wait for him."""
    connection.autocommit = True
    for setting, seconds in (("idle_in_transaction_session_timeout", ASLEEP), ("lock_timeout", BUSY)):
        connection.execute(f"SET {setting} = '{seconds}s'")
    connection.autocommit = False


def _prepared(connection: SQLite, record: object) -> None:
    connection.isolation_level = None  # Python's sqlite3 would begin where it thinks fit
    settings = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"cache_size = -{CACHE}")
    for pragma in settings:
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: Connection) -> None:
    """A writer says so at once: SQLite refuses, without waiting, who first reads and then wants to write."""
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _host(connection: Connection) -> float:
    """SQLite is part of the process that asks."""
    return time.time()


def _server(connection: Connection) -> float:
    return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))


_CLOCKS: Mapping[str, Clock] = {"sqlite": _host, "postgresql": _server}
