"""Whoever watches over the studio's processes: one that dies is started again, and all end together."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Thread

SETTLED = 60.0  # seconds: what lived so long did not die of its beginning
LONGEST = 30.0  # seconds from a death to the next try
CANNOT = 2  # how a process ends that has said why
GRACE = 20.0  # seconds in which a process that was asked to end may come to it


@dataclass(frozen=True, slots=True)
class Post:
    """Something that must be done by a process all the time: a function at a module's top, and what it is given.

    It begins `later` seconds after the others: whoever is waited for should have the processor to himself.
    """

    name: str
    work: Callable[..., None]
    arguments: tuple[object, ...] = ()
    later: float = 0.0


@dataclass(slots=True)
class Held:
    """A post and whoever holds it; `again` is when the next will, after one that died."""

    post: Post
    process: BaseProcess | None = None
    since: float = 0.0
    again: float = 0.0
    pause: float = 0.5
    born: int = 0


@dataclass(slots=True)
class Supervisor:
    """Fresh processes, that inherit nothing but what they are given; `told` hears what happens, a line each."""

    posts: Sequence[Post]
    told: Callable[[str], None]
    over: bool = False
    failed: bool = False
    held: list[Held] = field(init=False)

    def __post_init__(self) -> None:
        self.held = [Held(post, again=time.monotonic() + post.later) for post in self.posts]

    def stop(self) -> None:
        """All is over: anybody may say so at any time, a signal's handler too."""
        self.over = True

    def run(self) -> bool:
        """Until somebody says `stop`; False where something could not even begin, which has said why."""
        try:
            while not self.over:
                for each in self.held:
                    self._look(each)
                wait([each.process.sentinel for each in self.held if each.process], timeout=0.25)
        finally:
            self.end()
        return not self.failed

    def _look(self, held: Held) -> None:
        now = time.monotonic()
        if held.process is None:
            if now >= held.again:
                held.process, held.since = begun(held.post), now
            return
        if held.process.is_alive():
            return
        held.pause = 0.5 if now - held.since > SETTLED else min(2 * held.pause, LONGEST)
        held.again, code = now + held.pause, held.process.exitcode
        held.process, held.born = None, held.born + 1
        if code == CANNOT and held.born == 1:
            self.failed = self.over = True
            return
        why = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with {code}"
        self.told(f"{held.post.name} {why}; another starts in {held.pause:.0f} s")

    def end(self) -> None:
        """Ask all to end, and wait; whoever does not come to it is killed, and loses nothing that was accepted."""
        living = [each.process for each in self.held if each.process]
        for process in living:
            process.terminate()
        deadline = time.monotonic() + GRACE
        for process in living:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def begun(post: Post) -> BaseProcess:
    """The process, which Ctrl-C does not reach: it is the supervisor who tells it to end."""
    process = get_context("spawn").Process(target=_hold, args=(post.work, post.arguments), name=post.name)
    with _deaf():
        process.start()
    return process


def _hold(work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    Thread(target=_orphaned, name="orphaned", daemon=True).start()
    work(*arguments)


def _orphaned() -> None:
    """Nobody outlives the supervisor, whose port and name another may take."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _deaf() -> Iterator[None]:
    """Whoever is born meanwhile does not hear SIGINT, from its first instruction on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
