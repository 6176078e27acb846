"""Which keys somebody knows who draws on their own machine: the one that signs, those that did, others' they trust."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from re import fullmatch
from secrets import token_hex

from filelock import FileLock

from limner.audit.keys import CURRENT, FOLDER, RETIRED, STANDINGS, TRUSTED, Key, Public, key, raw, secretly, turned
from limner.audit.receipt import moment
from limner.errors import LimnerError
from limner.home import home

KNOWN = "known.json"


@dataclass(frozen=True, slots=True)
class Keyring:
    """A folder with a signing key and a list of public ones.  `owner` is the pseudonym of whoever it belongs to."""

    folder: Path

    def key(self, now: float, say: Callable[[str], None]) -> Key:
        """The key that signs, made at first use; a new one is said where the last one is gone.

        LimnerError where a file is damaged or may not be written.
        """
        with self._held() as (owner, keys):
            mine = key(self.folder)
            last = next((each for each in keys.values() if each.standing == CURRENT), None)
            if last is None or last.id != mine.id:
                if last is not None:
                    say(f"the key {last.id} is gone from {self.folder}: {mine.id} signs from here on")
                self._write(owner, succeeded(keys.values(), mine, now))
            return mine

    @property
    def owner(self) -> str:
        with self._held() as (owner, keys):
            if not (self.folder / KNOWN).exists():
                self._write(owner, keys.values())
            return owner

    def known(self) -> dict[str, Public]:
        """Every key by its id."""
        with self._held() as (_, keys):
            return keys

    def rotate(self, now: float) -> Key:
        """From here on another key signs; the old secret is gone, and what it signed stays ours."""
        with self._held() as (owner, keys):
            mine = turned(self.folder)
            self._write(owner, succeeded(keys.values(), mine, now))
            return mine

    def trust(self, more: Iterable[Public]) -> list[Public]:
        """Those of these keys that were not known yet, and are another setup's of ours from here on."""
        with self._held() as (owner, keys):
            new = [each for name, each in {each.id: each for each in more}.items() if name not in keys]
            self._write(owner, [*keys.values(), *new])
            return new

    def forget(self, name: str) -> None:
        """Trust another setup's key no longer; LimnerError where it is none."""
        with self._held() as (owner, keys):
            if name not in keys or keys[name].standing != TRUSTED:
                raise unknown(name)
            self._write(owner, [each for each in keys.values() if each.id != name])

    @contextmanager
    def _held(self) -> Iterator[tuple[str, dict[str, Public]]]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.folder / f".{KNOWN}.lock", mode=0o600):
                yield self._read()
        except OSError as fault:
            raise LimnerError(
                f"cannot keep keys in {self.folder}: {fault.strerror or fault}", "choose another $LIMNER_HOME"
            ) from fault

    def _read(self) -> tuple[str, dict[str, Public]]:
        path = self.folder / KNOWN
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            keys = [_public(each) for each in said["keys"]]
            if not fullmatch("[0-9a-f]{16}", said["owner"]):
                raise ValueError
            return said["owner"], {each.id: each for each in keys}
        except FileNotFoundError:
            return token_hex(8), {}
        except (ValueError, LookupError, TypeError) as fault:
            raise LimnerError(f"{path} is damaged", "put it back from a backup, or move it away") from fault

    def _write(self, owner: str, keys: Iterable[Public]) -> None:
        said = {"owner": owner, "keys": [each.jwk() for each in keys]}
        secretly(self.folder / KNOWN, json.dumps(said, indent=1).encode(), replaces=True)


def own() -> Keyring:
    """The keyring of whoever uses this machine."""
    return Keyring(home() / FOLDER)


def succeeded(keys: Iterable[Public], mine: Key, now: float) -> list[Public]:
    """Those keys, of which none signs any more, and the one that does."""
    before = [replace(each, standing=RETIRED) if each.standing == CURRENT else each for each in keys]
    return [*(each for each in before if each.id != mine.id), Public(mine.public, moment(now), CURRENT)]


def unknown(name: str) -> LimnerError:
    return LimnerError(f"{name[:40]!r} is no key that is trusted here", "limner keys list names them")


def _public(said: dict[str, str]) -> Public:
    if said["standing"] not in STANDINGS:
        raise ValueError(said["standing"])
    return Public(raw(said), said["made"], said["standing"], said["name"])
