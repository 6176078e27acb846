"""The class file while the studio runs: read anew when it has changed, and what is wrong with it changes nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from limner.errors import LimnerError
from limner.studio.course import Course, read

Mark: TypeAlias = tuple[int, int, int]
EVERY = 2.0  # seconds from one look at the file to the next, while somebody asks


@dataclass(slots=True, eq=False)
class Classfile:
    """`held` are the rules that hold, since the moment `since`; `fault` is why the file as it stands is not what holds.

    Without a `path` they are for ever.  `told` hears of each change, a line each.
    """

    held: Course
    path: Path | None = None
    told: Callable[[str], None] | None = None
    clock: Callable[[], float] = time.monotonic
    since: float = field(default_factory=time.time)
    fault: str = ""
    _looked: float | None = None
    _mark: tuple[Mark | None, ...] | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def course(self) -> Course:
        """What holds now."""
        with self._lock:
            now = self.clock()
            if self.path is not None and (self._looked is None or now - self._looked >= EVERY):
                self._looked = now
                self._look(self.path)
            return self.held

    def _look(self, path: Path) -> None:
        """Read it, if it or a file that it names is another than before; LimnerError is told, and that is all."""
        named = self.held.course.assignment, self.held.course.rubric
        mark = marked(path), *(marked(Path(each)) for each in named if each)
        if mark[0] is not None and mark == self._mark:
            return
        try:
            fresh = read(path)
            _kept(self.held, fresh)
        except LimnerError as wrong:
            if str(wrong) != self.fault:
                self._tell(f"the class file was changed and is not used: {wrong}")
            self.fault, self._mark = str(wrong), mark
            return
        if fresh != self.held:
            self._tell("the class file was changed: its new rules hold")
            self.since = time.time()
        self.held, self.fault, self._mark = fresh, "", mark

    def _tell(self, line: str) -> None:
        if self.told:
            self.told(line)


def classfile(course: Course | Classfile) -> Classfile:
    """Rules that may change, of those that may or may not."""
    return course if isinstance(course, Classfile) else Classfile(course)


def _kept(held: Course, fresh: Course) -> None:
    """LimnerError where something else is said of what processes were started with."""
    for name in ("address", "models", "filter", "previews"):
        if getattr(held.course, name) != getattr(fresh.course, name):
            raise LimnerError(f"course.{name} is another", "restart the studio, or take it back")


def marked(path: Path) -> Mark | None:
    """By which a file is known to be the one that was read; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
