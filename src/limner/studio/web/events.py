"""Server-sent events: what happens to somebody's jobs, numbered, so that whoever went away misses nothing.

The HTML standard, section 9.2: a browser that comes back says the last number it saw (Last-Event-ID).
"""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from json import dumps

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.studio.schema import OPEN
from limner.studio.store import Event
from limner.studio.waiting import Place
from limner.studio.web.front import LISTENING, Front, placed
from limner.studio.web.user import User

KNOWN = 10.0  # seconds after which a listener of a class is asked again who he is
EMPTY = "{}"  # whoever reads it reads JSON, when nothing of his waits any more, too
QUIET = 15.0  # seconds after which a stream says that it is still there


def stream(told: AsyncIterator[str]) -> StreamingResponse:
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


@dataclass(slots=True)
class Reader:
    """How far somebody is with the events of all his jobs, or of one."""

    front: Front
    request: Request
    user: User
    after: int
    job: str | None = None
    line: str = ""
    known: float = field(default_factory=time.monotonic)

    async def read(self) -> tuple[list[str], bool]:
        """What is new, and whether more can come; LimnerError while the database is away, and to who was let out."""
        feed = self.front.feed
        await self._asked()
        mark = feed.latest(self.user.name)  # whatever is numbered up to here can be read now
        over = self.job is not None and (await run_in_threadpool(self.front.job, self.user, self.job)).state not in OPEN
        events = await run_in_threadpool(self.front.store.events, self.after, self.user.name, self.job)
        self.after = events[-1].number if events else max(self.after, mark)
        line = self._line(await feed.mine(self.user.name))
        news = [spelt(event) for event in events]
        if line != self.line:
            news.append(f"event: places\ndata: {line or EMPTY}\n\n")
            self.line = line
        return news, bool(events) or not over

    async def _asked(self) -> None:
        """Whether they are still let in, every now and then."""
        if self.front.room and time.monotonic() - self.known > KNOWN:
            if await run_in_threadpool(self.front.room.who, self.request) is None:
                raise LimnerError("nobody is signed in any more", "sign in again", 401)
            self.known = time.monotonic()

    def _line(self, places: Mapping[str, Place]) -> str:
        mine = {job: placed(place) for job, place in places.items() if self.job in (None, job)}
        return dumps(mine) if mine else ""


async def listen(front: Front, request: Request, user: User, after: int, job: str | None = None) -> AsyncIterator[str]:
    """Until the one job is over, the listener goes or is not let in any more, or the server or its database goes.

    Of the last he then comes back.
    """
    reader, quiet = Reader(front, request, user, after, job), 0.0
    yield "retry: 1000\n\n"
    while not front.feed.over and not await request.is_disconnected():
        try:
            news, more = await reader.read()
        except LimnerError:
            return
        if news:
            yield "".join(news)  # one write, and no more to who has gone meanwhile
        if not more:
            return
        quiet = 0.0 if news else quiet + LISTENING
        if quiet >= QUIET:
            yield ": still here\n\n"
            quiet = 0.0
        if not news:
            await front.feed.wait(user.name, reader.after, LISTENING)


def spelt(event: Event) -> str:
    """One event as it goes over the line."""
    data = dumps({"job": event.job, "at": event.at, **event.detail})
    return f"id: {event.number}\nevent: {event.kind.value}\ndata: {data}\n\n"
