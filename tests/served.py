"""A studio's web on a real port, with real workers where a test wants pictures; who asks is what a header says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex
from socket import create_server
from threading import Thread

import httpx2 as httpx
import uvicorn
from fastapi import Request
from studios import MODEL

from limner.bundle import Bundle
from limner.engine import backends
from limner.engine.worker import work
from limner.recipe import DEFAULTS
from limner.studio.course import Course
from limner.studio.house import House
from limner.studio.leases import Pulse
from limner.studio.register import Role
from limner.studio.schema import OPEN
from limner.studio.shift import Shift
from limner.studio.staff import Card
from limner.studio.web.app import application
from limner.studio.web.user import User, Who
from limner.studio.worker import Counter, card, present

WISH = {"prompt": "a red apple", "steps": 2, "width": 32, "height": 32}


def by_header(request: Request) -> User | None:
    name = request.headers.get("x-user")
    return User(name, Role.INSTRUCTOR if name == "tutor" else Role.STUDENT) if name else None


@dataclass(frozen=True)
class Served:
    house: House
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, user: str | None = "ada") -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"x-user": user} if user else {}, timeout=30)

    def done(self, job: str, user: str = "ada", seconds: float = 30.0) -> dict[str, object]:
        """The job when it is over."""
        deadline = time.monotonic() + seconds
        with self.client(user) as client:
            while (told := client.get(f"/api/jobs/{job}").json())["state"] in OPEN:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        return told


@contextmanager
def served(house: House, who: Who = by_header, course: Course | None = None, port: int = 0) -> Iterator[Served]:
    """Until the block ends, or the server dies of it; a course knows its people itself."""
    app = application(house, who, course=course)
    listening = create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="warning", ws="none", lifespan="on", timeout_graceful_shutdown=4)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield Served(house, listening.getsockname()[1])
    finally:
        app.state.feed.over = True  # as the process does that is told to end
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


@contextmanager
def drawing(house: House, bundle: Bundle) -> Iterator[Shift]:
    """A worker with the real engine."""
    eager = backends.eager(bundle)
    shift = Shift(house.leases(), house.vault(), "worker", bundle.identity, 2)
    staff = house.staff(shift.leases.database)
    staff.announce(card(str(bundle.folder), bundle))
    counter = Counter(shift, {"Model": bundle.name, **backends.circumstances(bundle, eager)}, {})
    threads = [
        Thread(target=work, args=(counter, bundle), kwargs={"backend": eager}, daemon=True),
        Thread(target=present, args=(staff, shift, "cpu"), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield shift
    finally:
        shift.end()
        for thread in threads:
            thread.join(timeout=10)
            assert not thread.is_alive()
        shift.leases.database.close()


def painted(house: House, job: str, data: bytes = b"\x89PNG painted") -> str:
    """Somebody without an engine finishes that job, and no other; nobody signs for what is no picture."""
    leases = replace(house.leases(), notary=None)
    try:
        found = house.store().job(job)
        assert found is not None
        for held in leases.lease("painter", found.recipe.model, 40, token_hex(8)):
            if held.job == job:
                picture = house.vault().keep(data)
                assert leases.finish(Pulse(job, held.lease, 2, 2, 0.5), picture)
                return picture
        raise AssertionError("not leased")
    finally:
        leases.database.close()


def announced(house: House) -> None:
    """A model that nobody draws with."""
    staff = house.staff()
    staff.announce(Card(MODEL, "mini", 8, {**DEFAULTS, "width": 64, "height": 64, "steps": 4}, "Apache-2.0"))
    staff.database.close()
