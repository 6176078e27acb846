"""What the database says and what the disk holds, compared: nothing may be missing, damaged or nobody's."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from limner.errors import LimnerError
from limner.studio.database import Database
from limner.studio.handed import HANDINS
from limner.studio.schema import JOBS
from limner.studio.vault import Vault

OLD = 86400.0  # seconds after which a file that belongs to no job is not one that is about to


@dataclass(frozen=True, slots=True)
class Findings:
    """`damaged` says of each picture of a job that cannot be read, why; `strays` are whole, but no job's picture."""

    pictures: int
    damaged: tuple[str, ...]
    strays: tuple[str, ...]
    parts: int


def check(database: Database, vault: Vault) -> Findings:
    """Every picture of every job is read."""
    here = set(vault.names())  # before the database is asked: a file comes before its row
    names = database.read(lambda connection: set(connection.scalars(select(JOBS.c.picture).distinct()))) - {None}
    return Findings(len(names), _damaged(vault, names), tuple(sorted(here - names)), len(vault.parts()))


def handed(database: Database, vault: Vault) -> tuple[str, ...]:
    """Why, of each hand-in that cannot be read."""
    return _damaged(vault.handins, database.read(lambda connection: set(connection.scalars(select(HANDINS.c.file)))))


def sweep(database: Database, vault: Vault, age: float = OLD) -> int:
    """How many files were taken away that are no job's, and nobody has touched for `age` seconds."""
    gone = sum(vault.remove(name, age) for name in check(database, vault).strays)
    old = [path for path in vault.parts() if time.time() - path.stat().st_mtime > age]
    for path in old:
        path.unlink(missing_ok=True)
    return gone + len(old)


def _damaged(vault: Vault, names: Collection[str]) -> tuple[str, ...]:
    damaged = list[str]()
    for name in sorted(names):
        try:
            vault.read(name)
        except LimnerError as fault:
            damaged.append(fault.what)
    return tuple(damaged)
