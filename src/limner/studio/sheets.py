"""Hand-ins are read in a process of their own, and what it made of one is kept beside it until it is handed in anew."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore

from limner.coursework.grading.alone import BODY, TOLD, Wish
from limner.errors import LimnerError
from limner.studio.vault import Vault

AT_ONCE, PATIENCE = 2, 180.0  # that are read at a time, and seconds that one waits, or takes
KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")  # of the environment


@dataclass(frozen=True, slots=True)
class Told:
    """What was found in a hand-in: `faults` are findings as data, `broken` the tasks that have errors or are missing.

    `files` are the pictures' names in the zip, "" for those that cannot be seen.
    """

    verdict: str
    errors: int
    warnings: int
    pictures: int
    broken: tuple[str, ...]
    faults: tuple[Mapping[str, object], ...]
    files: tuple[str, ...]
    readable: bool


@dataclass(frozen=True, slots=True)
class Sheets:
    """A folder for each hand-in that was read; all of it can be made again from the zips in `vault`."""

    vault: Vault
    turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))

    @property
    def folder(self) -> Path:
        return self.vault.folder.with_name("sheets")

    def read(self, path: Path, handin: str, mark: str, wish: Wish) -> Told:
        """Reads a zip, and keeps what it made of it under the hand-in's name; LimnerError where that takes too much."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".sheet-", dir=self.folder) as part:
            out = Path(part) / "made"
            out.mkdir()
            told = _told(self._made(asdict(wish) | {"path": str(path.absolute()), "out": str(out.absolute())}, out))
            if told.readable:
                self._take(handin)
                out.rename(self._place(handin, mark))
        return told

    def kept(self, handin: str, mark: str, wish: Wish) -> Path:
        """The folder of a hand-in's sheet, which is made again where it is gone."""
        place = self._place(handin, mark)
        if not (place / BODY).exists():
            self.read(self.vault.path(mark), handin, mark, wish)
        if not (place / BODY).exists():
            raise LimnerError("that hand-in cannot be read any more", "take the studio's folder from a backup")
        return place

    def told(self, handin: str, mark: str, wish: Wish) -> Told:
        return _told(json.loads((self.kept(handin, mark, wish) / TOLD).read_bytes()))

    def sweep(self, handins: Sequence[tuple[str, str]]) -> None:
        """Takes away the sheets of hand-ins that are no more."""
        here = {self._place(*each).name for each in handins}
        for path in self.folder.glob("*-*"):
            if path.name not in here and not path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)

    def _take(self, handin: str) -> None:
        for path in self.folder.glob(f"{handin}-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _place(self, handin: str, mark: str) -> Path:
        return self.folder / f"{handin}-{mark[:16]}"

    def _made(self, wish: Mapping[str, object], out: Path) -> Mapping[str, object]:
        if not self.turns.acquire(timeout=PATIENCE):
            raise LimnerError("too many hand-ins are being read", "try again", 503, 10)
        try:
            command = [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "limner.coursework.grading.alone",
            ]  # Pillow warns of odd metadata
            environment = {name: os.environ[name] for name in KEPT if name in os.environ}
            done = subprocess.run(
                command, input=json.dumps(wish).encode(), capture_output=True, timeout=PATIENCE, cwd=out,
                env=environment, check=False,
            )  # fmt: skip
            told: Mapping[str, object] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError) as fault:
            raise LimnerError("this hand-in took more than it may", "hand in smaller pictures, or fewer") from fault
        finally:
            self.turns.release()
        if isinstance(said := told.get("fault"), list):
            raise LimnerError(str(said[0]), str(said[1]))
        return told


def _told(said: Mapping[str, object]) -> Told:
    faults, broken, files = said["faults"], said["broken"], said["files"]
    assert isinstance(faults, list)
    assert isinstance(broken, list)
    assert isinstance(files, list)
    errors, warnings, pictures = (int(str(said[name])) for name in ("errors", "warnings", "pictures"))
    torn, names = tuple(map(str, broken)), tuple(map(str, files))
    readable = said["readable"] is True
    return Told(str(said["verdict"]), errors, warnings, pictures, torn, tuple(faults), names, readable)
