"""A class and a studio for one, both in this process, whose people come back when they were let out, and a painter."""

import time
from asyncio import Runner
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from secrets import token_hex
from threading import Thread

from fastapi import FastAPI
from fragments import drawn
from knocking import Answer, Request, asked
from sqlalchemy import Column, select
from studios import MODEL

from limner.recipe import DEFAULTS
from limner.studio.badge import badge
from limner.studio.course import About, Assignment, Course
from limner.studio.explanation import CHUNK, Sheet
from limner.studio.handed import HANDINS, REMARKS
from limner.studio.house import House
from limner.studio.leases import Leased, Leases, Pulse
from limner.studio.people.invitations import Invitations
from limner.studio.people.passwords import digest
from limner.studio.people.person import OPERATOR
from limner.studio.people.roster import Guest
from limner.studio.people.sessions import Session, Sessions
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.register import PEOPLE, TOKENS, Role
from limner.studio.schema import HALL, JOBS, RECEIPTS, STUDIES, State
from limner.studio.staff import Card
from limner.studio.store import Store
from limner.studio.vault import Vault
from limner.studio.web.app import application, doors, entrance
from limner.studio.web.health import Meter

COURSE = Course(
    course=About(name="Graphics & <Pictures>", address="http://127.0.0.1", models=("mini", "ruled")),
    assignments=(Assignment(name="tries", pictures=1_000_000), Assignment(name="free")),
)
PASSWORD = "a few words that I remember"
CARDS = (
    Card(MODEL, "mini", 8, {**DEFAULTS, "width": 64, "height": 64, "steps": 4}, "Apache-2.0"),
    Card("b" * 64, "ruled", 8, {**DEFAULTS, "width": 64, "height": 64, "steps": 4}, "OpenRAIL", "No mischief."),
)
KNOWN: Mapping[str, Column[object]] = {  # what paths, queries and bodies call things by
    "job": JOBS.c.id, "again": JOBS.c.id, "before": JOBS.c.id, "submission": JOBS.c.submission, "name": JOBS.c.picture,
    "sha256": JOBS.c.picture, "picture": JOBS.c.picture, "lease": JOBS.c.lease, "sentence": HALL.c.id, "at": HALL.c.id,
    "person": PEOPLE.c.id, "token": TOKENS.c.name, "study": STUDIES.c.id, "handin": HANDINS.c.id,
    "remark": REMARKS.c.id, "who": PEOPLE.c.id, "pseudonym": RECEIPTS.c.pseudonym,
}  # fmt: skip
WHO = ("nobody", "student", "assistant", "instructor", "program", "worker", "alone")


@dataclass(repr=False)
class Campus:
    """`classroom` and `study` are the two applications; whoever is in `WHO` has headers by which they are known."""

    house: House
    classroom: FastAPI
    study: FastAPI
    runner: Runner
    store: Store
    tables: Mapping[bool, tuple["Way", ...]]
    sessions: dict[str, Session] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    born: int = 0

    def ask(self, who: str, request: Request) -> Answer:
        return self.runner.run(asked(self.study if who == "alone" else self.classroom, request))

    def doors(self, who: str) -> tuple["Way", ...]:
        return self.tables[who == "alone"]

    def known(self, who: str, bearing: str = "") -> dict[bytes, bytes]:
        """The headers by which they are let in."""
        headers = {b"host": b"127.0.0.1"}
        if who == "alone" and bearing == "worker":
            headers[b"authorization"] = b"Bearer " + self.house.badge.read_bytes().strip()
        elif who in ("program", "worker"):
            headers[b"authorization"] = f"Bearer {self._token(who)}".encode()
        elif who in list(Role):
            session = self._session(Role(who))
            headers |= {b"cookie": f"limner={session.token}".encode(), b"x-csrf-token": session.csrf.encode()}
        return headers

    def refresh(self) -> None:
        """What there is by now, as its ids."""
        for name, column in KNOWN.items():
            some = select(column).where(column.is_not(None)).distinct().limit(40)
            self.ids[name] = list(self.store.database.read(lambda c, some=some: c.scalars(some).all()))
        self.ids["model"] = ["mini", "ruled", MODEL]

    def _session(self, role: Role) -> Session:
        """Of somebody who has this role, now."""
        session = self.sessions.get(role)
        now = Sessions(self.store.database).who(session.token) if session else None
        if now is None or now.person.role != role:
            now = self.sessions[role] = self._joined(role)
        return now

    def _joined(self, role: Role) -> Session:
        self.born += 1
        invitations = Invitations(self.store.database, COURSE)
        guest = Guest(f"Number {self.born}", f"{token_hex(4)}@example.org", role)
        (invitation,) = invitations.invite(OPERATOR, [guest])
        return invitations.accept(invitation.link.rpartition("/")[2], PASSWORD)

    def _token(self, who: str) -> str:
        tokens, scope = Tokens(self.store.database), Scope.SERVE if who == "worker" else Scope.DRAW
        token = self.tokens.get(who)
        if token is None or tokens.who(token, scope) is None:
            person = self._joined(Role.INSTRUCTOR).person
            token = self.tokens[who] = tokens.make(person, token_hex(4), [scope])
        return token


@contextmanager
def campus(folder: Path, url: str) -> Iterator[Campus]:
    """Everything is in that folder; the hours are long and the budgets large."""
    house = House(url, folder / "pictures")
    badge(folder)
    staff = house.staff()
    for card in CARDS:
        staff.announce(card)
    staff.database.close()
    study, classroom, store = application(house), application(house, course=COURSE), house.store()
    tables = {True: table(house, None, study), False: table(house, COURSE, classroom)}
    painter = Painter(house.leases(), house.vault(), store)
    thread = Thread(target=painter.paint, daemon=True)
    with Runner() as runner:
        stack = AsyncExitStack()
        for app in (study, classroom):
            runner.run(stack.enter_async_context(app.router.lifespan_context(app)))
        thread.start()
        try:
            yield Campus(house, classroom, study, runner, store, tables)
        finally:
            painter.over = True
            thread.join(timeout=60)
            runner.run(stack.aclose())
            store.database.close()
            painter.leases.database.close()


@dataclass(frozen=True)
class Way:
    """A door from outside, without what is behind it."""

    method: str
    path: str
    role: Role | None
    serves: bool
    foreign: bool


def table(house: House, course: Course | None, app: FastAPI) -> tuple[Way, ...]:
    front = entrance(house, course)
    front.store.database.close()
    return tuple(
        Way(door.method, door.path, door.role, door.serves, door.foreign) for door in doors(front, Meter(), app)
    )


@dataclass
class Painter:
    """A worker without an engine, of every model: most pictures are there at once, some later, some never."""

    leases: Leases
    vault: Vault
    store: Store
    over: bool = False
    chance: Random = field(default_factory=lambda: Random(7))
    held: list[tuple[float, Leased]] = field(default_factory=list)

    def paint(self) -> None:
        while not self.over:
            if self.store.closed():  # some instructor has closed the queue
                self.store.maintain("")
            for model in self._wanted():
                for leased in self.leases.lease("painter", model, 8, token_hex(8)):
                    self._begin(leased)
            due = [leased for at, leased in self.held if at < time.monotonic()]
            self.held = [each for each in self.held if each[1] not in due]
            for leased in due:
                self._finish(leased)
            time.sleep(0.02)

    def _wanted(self) -> Sequence[str]:
        waiting = select(JOBS.c.model).where(JOBS.c.state == State.QUEUED).distinct()
        return self.store.database.read(lambda connection: list(connection.scalars(waiting).all()))

    def _begin(self, leased: Leased) -> None:
        fate = self.chance.random()
        if fate < 0.1:
            self.leases.fail(Pulse(leased.job, leased.lease), "it cannot be drawn", "ask for another")
        elif fate < 0.2:
            self.leases.beat([Pulse(leased.job, leased.lease, 1, 4, 0.1, drawn({}))])
            self.held.append((time.monotonic() + 1.0, leased))
        else:
            self._finish(leased)

    def _finish(self, leased: Leased) -> None:
        maps = {CHUNK: Sheet(["a", "cat"], [(1, 10.0)], 8, 8).spelt()} if leased.explains else {}
        picture = self.vault.keep(drawn(maps, leased.recipe))
        self.leases.finish(Pulse(leased.job, leased.lease, 4, 4, 0.5), picture, ["painted"])


def sealed(session: Session) -> str:
    return digest(f"csrf {session.token}")
