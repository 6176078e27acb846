"""Pictures and hand-ins in files that are called by their content: whole and on the disk, or not there."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from limner.errors import LimnerError

ENDING, PART = ".png", ".part"


class Disk(Protocol):
    """What a file system does for a vault, one call for each point at which a machine may die."""

    def write(self, path: Path, data: bytes) -> None:
        """A new file whose bytes outlive the power from here on."""
        ...

    def rename(self, old: Path, new: Path) -> None: ...

    def sync(self, folder: Path) -> None:
        """Which names a folder holds outlives the power from here on."""
        ...


class Local:
    """The file system that is there."""

    def write(self, path: Path, data: bytes) -> None:
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def sync(self, folder: Path) -> None:
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@dataclass(frozen=True, slots=True)
class Vault:
    """A folder of pictures.  No name in it is ever a client's: they are sixty-four hexadecimal digits."""

    folder: Path
    disk: Disk = field(default_factory=Local)
    ending: str = ENDING

    @property
    def handins(self) -> "Vault":
        """What was handed in lies in a folder of its own, beside the pictures."""
        return Vault(self.folder.with_name("handins"), self.disk, ".zip")

    @property
    def where(self) -> str:
        return str(self.folder)

    def keep(self, data: bytes) -> str:
        """The sha256 (hex) of these bytes, which are on the disk now; OSError, and no file, where they cannot be.

        A file is written whole beside its place, made durable, and then takes its name; what stands there already is
        left alone if it is whole, and made good if it is not.
        """
        name = sha256(data).hexdigest()
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._whole(path):
            part = path.with_name(f".{token_hex(8)}{PART}")
            try:
                self.disk.write(part, data)  # durable before it has a name, which may outlive what it stands for
                self.disk.rename(part, path)
            finally:
                part.unlink(missing_ok=True)
        for folder in (path.parent, self.folder, self.folder.parent):
            self.disk.sync(folder)  # also where all stood already: who made it may have died before this
        return name

    def read(self, name: str) -> bytes:
        """The bytes that were kept; LimnerError names the file where it is gone or damaged."""
        path = self.path(name)
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "take it from a backup") from fault
        if sha256(data).hexdigest() != name:
            raise LimnerError(f"{path} is damaged: its content is not what it is called by", "take it from a backup")
        return data

    def remove(self, name: str, age: float) -> bool:
        """Whether there is no such picture any more: one that was kept within `age` seconds stays.

        Its row may be about to be written.  It first takes another name, as it may be kept anew while we look.
        """
        path = self.path(name)
        aside = path.with_name(f".{token_hex(8)}{PART}")
        try:
            if _age(path) < age:
                return False
            path.rename(aside)
            if _age(aside) < age:
                aside.rename(path)
                return False
            aside.unlink()
        except FileNotFoundError:
            pass
        return True

    def path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}{self.ending}"

    def names(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob(f"??/*{self.ending}")))

    def parts(self) -> list[Path]:
        """What was left by those who died writing."""
        return sorted(self.folder.glob(f"??/.*{PART}"))

    def _whole(self, path: Path) -> bool:
        try:
            os.utime(path)  # somebody wants it: who removes what is nobody's looks at this
            return sha256(path.read_bytes()).hexdigest() == path.stem
        except OSError:
            return False


def _age(path: Path) -> float:
    """Seconds since it was kept, or kept again."""
    return time.time() - path.stat().st_mtime
