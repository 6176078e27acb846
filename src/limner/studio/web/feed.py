"""News for those who listen: one look at the database for all of them, several times a second."""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.studio.store import Store
from limner.studio.waiting import Place

EVERY = 0.2  # seconds from one look to the next, while somebody listens
STALE = 1.0  # seconds for which everybody's places are the same to a reader


@dataclass(slots=True, eq=False)
class Feed:
    """The events themselves are read from the store by whoever wants them; here one learns that there are some."""

    store: Store
    over: bool = False  # the server ends, and whoever listens should come back to the next one
    _last: int = 0
    _latest: dict[str, int] = field(default_factory=dict)
    _listeners: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)  # another one for each time that there are some
    _places: Mapping[str, Place] = field(default_factory=dict)
    _lines: Mapping[str, Mapping[str, Place]] = field(default_factory=dict)  # the same by owner
    _placed: float = -STALE
    _placing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def latest(self, owner: str) -> int:
        """The number of the last event of an owner's that was heard of."""
        return self._latest.get(owner, 0)

    async def wait(self, owner: str, after: int, seconds: float) -> None:
        """Until the owner has an event above that number, at most so long."""
        deadline = time.monotonic() + seconds
        self._listeners += 1
        try:
            while self.latest(owner) <= after and not self.over and (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(self._news.wait(), left)
                except TimeoutError:
                    return
        finally:
            self._listeners -= 1

    async def places(self, new: Collection[str] = ()) -> Mapping[str, Place]:
        """Where every open job stands, as of a second ago at most, those that are `new` among them."""
        async with self._placing:
            if time.monotonic() - self._placed > STALE or not self._places.keys() >= {*new}:
                self._places = await run_in_threadpool(self.store.places)
                lines = dict[str, dict[str, Place]]()
                for job, place in self._places.items():
                    lines.setdefault(place.owner, {})[job] = place
                self._lines = lines
                self._placed = time.monotonic()
        return self._places

    async def mine(self, owner: str) -> Mapping[str, Place]:
        """The same of one owner's jobs: two hundred listeners do not go through everybody's."""
        await self.places()
        return self._lines.get(owner, {})

    async def follow(self) -> None:
        """For as long as the server runs."""
        while not self.over:
            if self._listeners:
                await self._look()
            await asyncio.sleep(EVERY)

    async def end(self) -> None:
        self.over = True
        self._tell()

    async def _look(self) -> None:
        try:
            news = await run_in_threadpool(self.store.news, self._last)
        except LimnerError:
            return  # the database is away: whoever asks it something will be told
        if news:
            self._latest.update(news)
            self._last = max(news.values())
            self._tell()

    def _tell(self) -> None:
        """A lock that listeners share would be left in disorder by one who goes while he takes it."""
        news, self._news = self._news, asyncio.Event()
        news.set()
