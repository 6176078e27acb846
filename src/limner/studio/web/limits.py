"""How often somebody may ask: so many at once, and then one in so long."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from threading import Lock

from prometheus_client import Counter

from limner.errors import LimnerError
from limner.studio.database import Database
from limner.studio.people import tries
from limner.studio.web.user import User

MANY = 10_000  # askers, after which those are forgotten who may ask as often as anybody


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once; `every` is the seconds in which one more may follow."""

    burst: int
    every: float


RATES: Mapping[str, Rate] = {
    "submits": Rate(60, 1.0),  # of a person: whatever way they ask
    "requests": Rate(400, 0.05),  # of a person: a page with sixty pictures is sixty-odd
    "strangers": Rate(1000, 0.05),  # of an address: a class may come from one, all at once
}


@dataclass(slots=True, eq=False)
class Limits:
    """Wishes are counted in the database, for all processes and beyond their ends.

    Requests, of which each would have to be written down, are counted here, and forgotten with the process.
    """

    refused: Counter
    database: Database
    rates: Mapping[str, Rate] = field(default_factory=lambda: RATES)
    clock: Callable[[], float] = time.monotonic
    _free: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def read(self, user: User, client: str) -> None:
        """Somebody asks for anything; LimnerError says how long to wait."""
        self._charge("requests", user.name) if user.role else self._charge("strangers", client)

    def submit(self, user: User) -> None:
        """Somebody asks for pictures; LimnerError says how long to wait."""
        rate = self.rates["submits"]
        who = f"submits {user.name}"
        self._refuse("submits", self.database.write(lambda moment: tries.pace(moment, who, rate.burst, rate.every)))

    def _charge(self, kind: str, who: str) -> None:
        rate, now = self.rates[kind], self.clock()
        with self._lock:
            wait, free = tries.cell(self._free.get((kind, who), now), now, rate.burst, rate.every)
            if wait <= 0:
                self._free[kind, who] = free
            if len(self._free) > MANY:
                self._free = {each: free for each, free in self._free.items() if free > now}
        self._refuse(kind, wait)

    def _refuse(self, kind: str, wait: float) -> None:
        if wait > 0:
            self.refused.labels(kind).inc()
            seconds = ceil(wait)
            raise LimnerError("you ask too often", f"wait {seconds} s and go on", 429, seconds)
