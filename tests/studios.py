"""Both sides of a studio's queue on one database, with a clock that stands still until somebody moves it."""

from dataclasses import dataclass, replace

from plain import plain

from limner.recipe import VERSION, Recipe
from limner.studio.database import Database
from limner.studio.leases import Leased, Leases, Pulse
from limner.studio.rules import USUAL, Rules
from limner.studio.store import Store

MODEL = "a" * 64


@dataclass
class Time:
    now: float = 1e9

    def __call__(self, connection: object) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Studio:
    """Both sides of the queue, on one database."""

    url: str
    time: Time
    database: Database
    rules: Rules = USUAL
    drawn: int = 0

    @property
    def store(self) -> Store:
        return Store(self.database, self.rules)

    @property
    def leases(self) -> Leases:
        return Leases(self.database, self.rules)

    def ask(self, owner: str = "ada", count: int = 1, **fields: object) -> tuple[str, ...]:
        self.drawn += 1
        return self.store.submit(owner, f"key {self.drawn}", recipe(**fields), count)

    def lease(self, room: int = 1, worker: str = "first", model: str = MODEL) -> list[Leased]:
        self.drawn += 1
        return self.leases.lease(worker, model, room, f"{self.drawn:016}")

    def kinds(self, job: str) -> list[str]:
        return [event.kind.value for event in self.store.events(0, job=job)]


def recipe(**fields: object) -> Recipe:
    return replace(
        plain(VERSION, MODEL, "a red apple", "", 42, 10, "euler", "karras", 0, 7.5, 0.0, 1e4, 0, 1, 64, 64), **fields
    )


def pulse(leased: Leased, done: int = 0, spent: float = 0.0) -> Pulse:
    return Pulse(leased.job, leased.lease, done, 10, spent)
