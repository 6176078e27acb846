"""A worker's time in the studio: it takes jobs while it has room, is heard of while it computes, files what it drew."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_hex
from threading import Lock, Thread

from limner.errors import LimnerError
from limner.recipe import Recipe
from limner.studio.back import NEAR, Keeper, Lender
from limner.studio.leases import Leased, Pulse
from limner.studio.patience import patiently

REFUSED = (413, 422)  # as `LimnerError.status`: it is the picture that is not taken, and no other would be


@dataclass(slots=True)
class Shift:
    """Called by one thread, the engine's; another, which starts with the first job, sends the heartbeats.

    So a long forward pass loses no lease, and an engine that hangs does not keep one for ever: it is vouched for only
    if it came round within `rules.stuck` seconds.
    """

    leases: Lender
    vault: Keeper
    worker: str
    model: str
    most: int  # jobs it holds at once: the others are for whoever is free first
    idle: float = NEAR  # seconds from one look at the queue to the next
    over: bool = False  # a plain flag: a signal's handler may not wait for the lock that an Event has
    filters: bool = False  # whether it can tell which pictures nobody should see
    explaining: set[str] = field(default_factory=set)  # of the jobs it holds,
    watched: set[str] = field(default_factory=set)  # and those whose pictures pass the filter
    _held: dict[str, Pulse] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)
    _stepped: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _beats: Thread | None = None
    _round: float = 0.0  # when the engine last came round,
    _looked: float = 0.0  # and when it last looked at the queue

    def pull(self, room: int, wait: bool) -> Sequence[tuple[str, Recipe]] | None:
        """At most `room` jobs, under names of their own; `wait` until there is one; None when the day is over.

        Those among `explaining` want no picture, but what its words looked at; and the pictures of those among
        `watched` are filed by `finish` only if the filter lets them pass.
        """
        self._come()
        room = min(room, self.most - len(self._held))
        while not self.over:
            if room > 0 and (wait or time.monotonic() - self._looked >= self.idle):
                self._looked = time.monotonic()
                if leased := self.leases.lease(self.worker, self.model, room, token_hex(8), self.filters):
                    self.explaining |= {name(each) for each in leased if each.explains}
                    self.watched |= {name(each) for each in leased if each.watched}
                    self._take(Pulse(each.job, each.lease) for each in leased)
                    return [(name(each), each.recipe) for each in leased]
            if not wait:
                return []
            time.sleep(self.idle)
        return None

    def step(self, job: str, done: int, total: int, preview: bytes | None) -> None:
        """How far a job is; the next heartbeat tells it, so not every step is stored."""
        with self._lock:
            if job in self._held:
                self._stepped.add(job)
                self._held[job] = replace(self._held[job], done=done, total=total, preview=preview)

    def gone(self) -> list[str]:
        """Jobs that nobody waits for any more, or that are another's by now; all of them when the day is over."""
        self._come()
        if self.over:
            self.close()
        with self._lock:
            lost, self._lost = sorted(self._lost), set()
        self.explaining.difference_update(lost)
        self.watched.difference_update(lost)
        return lost

    def finish(self, job: str, data: bytes, notes: Sequence[str]) -> bool:
        """Whether this file is the job's picture now.  A disk that is full is waited for, with the picture in hand.

        LimnerError after `rules.patience` seconds, when all that was held has been handed back: the machine is at
        fault, not the job.
        """
        self._come(job)
        pulse = self._pulse(job)
        if pulse is None:
            return False
        try:
            picture = patiently(lambda: self.vault.keep(data), (OSError,), self.leases.rules.patience)
            kept = self.leases.finish(pulse, picture, notes)
        except LimnerError as fault:
            return self._refused(job, pulse, fault)
        except OSError as fault:
            why = f"cannot write to {self.vault.where}: {fault.strerror or fault}"
            self.close(why)
            raise LimnerError(why, "see that there is space, and that this worker may write there") from fault
        self._drop(job)
        return kept

    def _refused(self, job: str, pulse: Pulse, fault: LimnerError) -> bool:
        if fault.status not in REFUSED:
            raise fault
        self.leases.fail(pulse, fault.what, fault.remedy)
        self._drop(job)
        return False

    def fail(self, job: str, what: str, remedy: str) -> None:
        self._come(job)
        if pulse := self._pulse(job):
            self.leases.fail(pulse, what, remedy)
            self._drop(job)

    def withhold(self, job: str, score: float) -> None:
        """Its picture did not pass the filter: it is filed nowhere."""
        self._come(job)
        if pulse := self._pulse(job):
            self.leases.withhold(pulse, score)
            self._drop(job)

    def end(self) -> None:
        """The day is over: anybody may say so at any time, a signal's handler too."""
        self.over = True

    def close(self, why: str = "its worker went home") -> None:
        """Hand back whatever is held, and be heard of no more."""
        self.end()
        with self._lock:
            held, self._held = self._held, {}
            self._lost |= set(held)
        if held:
            self.leases.release(list(held.values()), why)

    def _pulse(self, job: str) -> Pulse | None:
        with self._lock:
            return self._held.get(job)

    def _take(self, pulses: Iterable[Pulse]) -> None:
        with self._lock:
            self._held |= {name(pulse): pulse for pulse in pulses}
            self._round = time.monotonic()  # the time before was spent on nobody
        if self._beats is None:
            self._beats = Thread(target=self._beat, name="heartbeat", daemon=True)
            self._beats.start()

    def _drop(self, job: str) -> None:
        with self._lock:
            self._held.pop(job, None)
            self._round = time.monotonic()
        self.explaining.discard(job)
        self.watched.discard(job)

    def _come(self, job: str | None = None) -> None:
        """The engine came round: the time since it last did was spent on whoever stepped, in equal parts."""
        now = time.monotonic()
        with self._lock:
            had = (self._stepped | ({job} if job else set())) & self._held.keys()
            for each in had:
                self._held[each] = replace(
                    self._held[each], spent=self._held[each].spent + (now - self._round) / len(had)
                )
            if had or not self._held:
                self._round = now
            self._stepped.clear()

    def _beat(self) -> None:
        try:
            while not self.over:
                time.sleep(self.leases.rules.pulse)
                with self._lock:
                    held = list(self._held.values())
                if held and time.monotonic() - self._round < self.leases.rules.stuck:
                    lost = self.leases.beat(held)
                    with self._lock:
                        gone = {name(pulse) for pulse in lost} & self._held.keys()  # the others ended meanwhile
                        self._lost |= gone
                        self._held = {each: pulse for each, pulse in self._held.items() if each not in gone}
        except LimnerError:
            pass  # no database for longer than we are patient: the engine's thread will find the same, and say so
        finally:
            self.end()  # a worker that is not heard of had better stop


def name(held: Pulse | Leased) -> str:
    """What the engine calls a job: one that was lost, and came back to the same worker, is another to it."""
    return f"{held.job} {held.lease}"
