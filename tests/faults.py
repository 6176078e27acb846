"""A disk that fails at a chosen operation, or takes the whole process with it."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from limner.studio.vault import Local


class Struck(BaseException):
    """A death, as far as one process can feel it: nobody catches it by accident."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def strike() -> None:
    raise Struck


@dataclass
class Faulty:
    """Operation number `at` does half of what it should; then it fails with this error number, or `end` is called."""

    at: int
    code: int = 0
    end: Callable[[], None] = strike
    count: int = 0
    local: Local = field(default_factory=Local)

    def write(self, path: Path, data: bytes) -> None:
        if self.due():
            self.local.write(path, data[: len(data) // 2])
            self.fail()
        self.local.write(path, data)

    def rename(self, old: Path, new: Path) -> None:
        if self.due():
            self.fail()
        self.local.rename(old, new)

    def sync(self, folder: Path) -> None:
        if self.due():
            self.fail()
        self.local.sync(folder)

    def due(self) -> bool:
        self.count += 1
        return self.count == self.at

    def fail(self) -> None:
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        self.end()
