"""A whole studio in one file: every row as of one moment, every picture, and the hashes by which both are known again.

A ZIP file: `tables/NAME.jsonl`, a line of JSON for each row after one with the columns; `pictures/SHA256.png` and
`handins/SHA256.zip`; and `limner-studio.json`, which says how many rows and what sha256 each table has.  No database's
own format is in it.
"""

import errno
import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from sqlalchemy import Column, Connection, LargeBinary, Table, delete, func, insert, select, update

from limner import __version__
from limner.errors import LimnerError
from limner.studio.database import Database, Moment
from limner.studio.handed import EVERYTHING, HANDINS
from limner.studio.leases import Leases
from limner.studio.schema import CARDS, JOBS, KEYS, STUDIO, VERSION, WORKERS
from limner.studio.vault import ENDING, Vault

LAYOUT, MANIFEST = 1, "limner-studio.json"
TABLES = [table for table in EVERYTHING.sorted_tables if table is not WORKERS]  # who works there comes again by himself
ANYWHERE = (STUDIO, CARDS, KEYS)  # rows that an empty studio has, too
TRIES = 5  # of a backup, if pictures are deleted under its hands
MANY = 1000  # rows at once
LARGEST = 128 * 2**20  # bytes of a file
BROKEN = (BadZipFile, zlib.error, ValueError, LookupError, TypeError, EOFError, RuntimeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Content:
    """What an archive says of itself; `lost` are pictures that could not be read when it was made, and hand-ins.

    Those stand there as they would be called in the zip.
    """

    layout: int
    limner: str
    schema: int
    made: str
    rows: Mapping[str, int]
    hashes: Mapping[str, str]
    pictures: tuple[str, ...]
    lost: tuple[str, ...] = ()
    handins: tuple[str, ...] = ()


class Moved(Exception):
    """A picture was deleted, with its row, since the rows were read; or a hand-in, or it was replaced."""


@dataclass(slots=True)
class Archive:
    """One that is read.  LimnerError names the file, and what is wrong with it."""

    file: Path
    zip: ZipFile = field(repr=False)
    content: Content

    @property
    def tables(self) -> list[Table]:
        """Those that it has rows of, or had when there were none: a limner before this one knew fewer."""
        return [table for table in TABLES if table.name in self.content.rows]

    def rows(self, table: Table) -> Iterator[dict[str, object]]:
        names = [column.name for column in table.columns]
        with self.zip.open(_table(table)) as lines:
            if json.loads(next(lines, b"null")) != names:
                raise self.damaged(f"the columns of {table.name} are not this limner's")
            binary = [isinstance(column.type, LargeBinary) for column in table.columns]
            for line in lines:
                values = [
                    b64decode(v) if b and v is not None else v for b, v in zip(binary, json.loads(line), strict=True)
                ]
                yield dict(zip(names, values, strict=True))

    @property
    def files(self) -> list[str]:
        """Of pictures and hand-ins, as they are called in the zip."""
        return [*map(_picture, self.content.pictures), *map(_handin, self.content.handins)]

    def kept(self, name: str) -> bytes:
        """LimnerError where it is not what it is called by."""
        info = self.zip.getinfo(name)
        data = self.zip.read(info) if info.file_size <= LARGEST else b""
        if sha256(data).hexdigest() != PurePosixPath(name).stem:
            raise self.damaged(f"{name[:20]} is not what it is called by")
        return data

    def verify(self) -> None:
        """Everything is read once: all that it says is there, and as it was, and nothing else."""
        wanted = {MANIFEST, *map(_table, self.tables), *self.files}
        if sorted(self.zip.namelist()) != sorted(wanted):
            raise self.damaged("what it lists is not what it holds")
        for table in self.tables:
            found = sha256()
            with self.zip.open(_table(table)) as part:
                while data := part.read(2**20):
                    found.update(data)
            count = sum(1 for _ in self.rows(table))
            if (found.hexdigest(), count) != (self.content.hashes.get(table.name), self.content.rows.get(table.name)):
                raise self.damaged(f"the rows of {table.name} are not those that were written")
        for name in self.files:
            self.kept(name)

    def damaged(self, why: str) -> LimnerError:
        return LimnerError(f"{self.file} is damaged: {why}", "take another copy")


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """LimnerError where that is no archive, or one that this limner does not read; also for what is found later."""
    try:
        with ZipFile(file) as zip_:
            said = json.loads(zip_.read(MANIFEST))
            lists = {name: tuple(said.get(name, ())) for name in ("pictures", "lost", "handins")}
            content = Content(**{**said, **lists})
            if (content.layout, content.schema) != (LAYOUT, VERSION):
                raise LimnerError(
                    f"{file} is from limner {content.limner}", f"restore it with that; this is {__version__}"
                )
            yield Archive(file, zip_, content)
    except FileNotFoundError as fault:
        raise LimnerError(f"there is no file {file}", "check its name") from fault
    except (*BROKEN, OSError) as fault:
        if isinstance(fault, OSError) and fault.errno != errno.EINVAL:  # which says that an entry lies nowhere
            raise
        raise LimnerError(f"{file} is no backup of a studio, or is damaged: {fault}", "take another copy") from fault


def backup(database: Database, vault: Vault, file: Path) -> Content:
    """Write a new file, which only its owner can read; the studio may go on meanwhile.

    The rows are those of one moment; pictures and hand-ins are kept before their rows and removed after them, so what
    such a row names is there, unless somebody deleted or replaced it since: then all is begun anew.
    """
    if file.exists():
        raise LimnerError(f"there is a file {file} already", "choose another name: nothing is overwritten")
    part = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        for left in reversed(range(TRIES)):
            try:
                content = _written(database, vault, part)
                break
            except Moved:
                if not left:
                    raise LimnerError("files are deleted all the time", "try again later", 503) from None
        os.link(part, file)  # fails, unlike a rename, where somebody took the name meanwhile
        _synced(file.parent)
    finally:
        part.unlink(missing_ok=True)
    return content


def _written(database: Database, vault: Vault, part: Path) -> Content:
    part.unlink(missing_ok=True)
    number = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with TemporaryDirectory(prefix=".limner-", dir=part.parent) as spool, open(number, "w+b") as out:
        dumped = database.snapshot(lambda connection: _dumped(connection, Path(spool)))
        with ZipFile(out, "w") as zip_:
            for table in TABLES:
                zip_.write(Path(spool) / table.name, _table(table), ZIP_DEFLATED)
            here = tuple(name for name in dumped.pictures if _kept(database, vault, JOBS.c.picture, zip_, name))
            given = tuple(name for name in dumped.handins if _kept(database, vault.handins, HANDINS.c.file, zip_, name))
            lost = *sorted({*dumped.pictures} - {*here}), *map(_handin, sorted({*dumped.handins} - {*given}))
            made = datetime.now(UTC).isoformat(timespec="seconds")
            content = Content(LAYOUT, __version__, VERSION, made, dumped.rows, dumped.hashes, here, lost, given)
            zip_.writestr(MANIFEST, json.dumps(asdict(content), indent=1), ZIP_DEFLATED)
        out.flush()
        os.fsync(out.fileno())
    return content


@dataclass(frozen=True, slots=True)
class Dumped:
    """How many rows and what hash each table has; and which pictures and hand-ins are named in them."""

    rows: Mapping[str, int]
    hashes: Mapping[str, str]
    pictures: Sequence[str]
    handins: Sequence[str]


def _dumped(connection: Connection, spool: Path) -> Dumped:
    """Of the tables whose lines are in the folder now."""
    counts, hashes = dict[str, int](), dict[str, str]()
    for table in TABLES:
        with open(spool / table.name, "w+b") as file:
            counts[table.name] = _lines(connection, table, file)
            file.seek(0)
            found = sha256()
            while data := file.read(2**20):
                found.update(data)
            hashes[table.name] = found.hexdigest()
    pictures = connection.scalars(select(JOBS.c.picture).where(JOBS.c.picture.is_not(None)).distinct()).all()
    handins = connection.scalars(select(HANDINS.c.file).distinct()).all()
    return Dumped(counts, hashes, sorted(pictures), sorted(handins))


def _lines(connection: Connection, table: Table, file: BinaryIO) -> int:
    count = 0
    file.write(json.dumps([column.name for column in table.columns]).encode() + b"\n")
    rows = connection.execution_options(yield_per=MANY).execute(select(table).order_by(*table.primary_key))
    for row in rows:
        values = [b64encode(value).decode() if isinstance(value, bytes) else value for value in row]
        file.write(json.dumps(values).encode() + b"\n")
        count += 1
    return count


def _kept(database: Database, vault: Vault, column: Column[str], zip_: ZipFile, name: str) -> bool:
    """Whether the file is in the archive now: one that is damaged, or gone while its row stands, is lost."""
    try:
        data = vault.read(name)
    except LimnerError:
        if not database.read(lambda connection: connection.scalar(select(column).where(column == name).limit(1))):
            raise Moved from None
        return False
    zip_.writestr(_handin(name) if column is HANDINS.c.file else _picture(name), data)
    return True


def restore(database: Database, vault: Vault, file: Path) -> Content:
    """The studio that was backed up, in place of an empty one; LimnerError, and no row, where anything is amiss.

    What ran then waits again: its workers are elsewhere.
    """
    with opened(file) as archive:
        archive.verify()
        if not database.read(_empty):
            raise LimnerError("this studio is not empty", "restore into a new folder, and a new database")
        for name in archive.content.pictures:
            vault.keep(archive.kept(_picture(name)))
        for name in archive.content.handins:
            vault.handins.keep(archive.kept(_handin(name)))
        database.write(lambda moment: _restored(moment, archive))
    Leases(database).recall("the studio was restored from a backup")
    return archive.content


def _restored(moment: Moment, archive: Archive) -> None:
    if not _empty(moment.connection):
        if all(_count(moment.connection, table) == archive.content.rows.get(table.name, 0) for table in TABLES):
            return  # it was done, and only the answer was lost
        raise LimnerError("this studio is not empty any more", "restore into a new folder, and a new database")
    for table in (CARDS, KEYS):  # a key that was made here meanwhile comes again when it signs
        moment.run(delete(table))
    for table in archive.tables:
        rows = archive.rows(table)
        if table is STUDIO:
            moment.run(update(STUDIO).values(**next(rows)))
        else:
            while some := list(islice(rows, MANY)):
                moment.connection.execute(insert(table), some)


def _empty(connection: Connection) -> bool:
    """Nobody ever asked here for anything, nor was asked to come."""
    return not any(_count(connection, table) for table in TABLES if table not in ANYWHERE)


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _table(table: Table) -> str:
    return f"tables/{table.name}.jsonl"


def _picture(name: str) -> str:
    return f"pictures/{name}{ENDING}"


def _handin(name: str) -> str:
    return f"handins/{name}.zip"


def _synced(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
