"""The queue's back as a worker sees it, wherever it works: the store itself, or a line to a studio elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from limner.studio.leases import Leased, Pulse
from limner.studio.rules import Rules
from limner.studio.staff import Card

NEAR, FAR = 0.25, 1.0  # seconds from one look at the queue to the next, here and over a line


class Lender(Protocol):
    """Who lends jobs (`leases.Leases` says how): every call may be made again where its answer was lost."""

    @property
    def rules(self) -> Rules: ...

    def lease(self, worker: str, model: str, room: int, token: str, filters: bool = False) -> list[Leased]: ...

    def beat(self, pulses: Sequence[Pulse]) -> list[Pulse]: ...

    def finish(self, pulse: Pulse, picture: str, notes: Sequence[str] = ()) -> bool: ...

    def fail(self, pulse: Pulse, what: str, remedy: str) -> None: ...

    def withhold(self, pulse: Pulse, score: float) -> None: ...

    def release(self, pulses: Sequence[Pulse], why: str) -> None: ...


class Keeper(Protocol):
    """Who keeps pictures (`vault.Vault`); `where` is for people."""

    @property
    def where(self) -> str: ...

    def keep(self, data: bytes) -> str: ...


class Roll(Protocol):
    """Who knows which workers are there, and with which models (`staff.Staff`)."""

    def announce(self, card: Card) -> None: ...

    def here(self, worker: str, model: str, device: str) -> None: ...

    def left(self, worker: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Back:
    """The three together, the seconds from one look at the queue to the next, and whether a filter watches."""

    leases: Lender
    vault: Keeper
    staff: Roll
    idle: float = NEAR
    watches: bool = False


class Employer(Protocol):
    """Somewhere to work, in words that may be sent to another process."""

    def back(self) -> Back:
        """LimnerError where one may not work there."""
        ...
