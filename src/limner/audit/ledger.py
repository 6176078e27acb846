"""Receipts in a file, a line each: lines are only ever added, and whoever reads it checks every signature himself."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from limner.audit.receipt import Entry, entry
from limner.errors import LimnerError
from limner.home import home

NAME = "receipts.jsonl"


@dataclass(frozen=True, slots=True)
class Read:
    """What a ledger holds, and the numbers of lines that are no receipts, as when power went in the midst of one."""

    entries: list[Entry]
    damaged: list[int]


@dataclass(frozen=True, slots=True)
class Ledger:
    path: Path

    def add(self, new: Entry) -> Entry:
        """The entry of its owner for these pixels of this recipe: the first one, for to draw again changes nothing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.path.with_name(f".{self.path.name}.lock"), mode=0o600):
                return self._known(new) or self._added(new)
        except OSError as fault:
            raise LimnerError(
                f"cannot write the receipt to {self.path}: {fault.strerror or fault}",
                "make room there, or --no-receipt",
            ) from fault

    def read(self) -> Read:
        """All of it; LimnerError where there is no such file."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except OSError as fault:
            raise LimnerError(f"cannot read the ledger {self.path}: {fault.strerror}", "check its name") from fault
        entries, damaged = list[Entry](), list[int]()
        for number, line in enumerate(lines, 1):
            try:
                if line:
                    entries.append(entry(line.decode()))
            except (LimnerError, UnicodeDecodeError):
                damaged.append(number)
        return Read(entries, damaged)

    def _known(self, new: Entry) -> Entry | None:
        if not self.path.exists():
            return None
        mine, sought = new.receipt.statement, new.receipt.statement.pixels.encode()
        for line in self.path.read_bytes().split(b"\n"):
            if sought in line and (found := _tried(line)) is not None:
                theirs = found.receipt.statement
                same = ("pixels", "recipe", "owner", "key", "device", "limner")
                if all(getattr(mine, name) == getattr(theirs, name) for name in same):
                    return found
        return None

    def _added(self, new: Entry) -> Entry:
        with open(os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as file:
            torn = file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            file.write((b"\n" if torn else b"") + new.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return new


def own() -> Ledger:
    """The ledger of whoever uses this machine."""
    return Ledger(home() / NAME)


def written(entries: Iterable[Entry]) -> str:
    """Such a file's text."""
    return "".join(f"{each.line()}\n" for each in entries)


def _tried(line: bytes) -> Entry | None:
    try:
        return entry(line.decode())
    except (LimnerError, UnicodeDecodeError):
        return None
