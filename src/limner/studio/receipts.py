"""A studio's receipts, as those ask who verify a hand-in or take a picture along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Select, delete, insert, select

from limner.audit.keyring import unknown
from limner.audit.keys import TRUSTED, Public, turned
from limner.audit.likeness import distance, opened, pixels
from limner.audit.receipt import Entry, Receipt, read
from limner.errors import LimnerError
from limner.recipe import digest, from_json
from limner.studio.database import Database, Moment, Record
from limner.studio.notary import Notary, keys, known
from limner.studio.people import log
from limner.studio.people.person import find
from limner.studio.schema import JOBS, KEYS, RECEIPTS
from limner.studio.store import Job
from limner.studio.vault import Vault

MANY = 100  # that look alike: more say no more


@dataclass
class StudioBook:
    """The ledger of a studio (`coursework.verify.Book`); originals are in its vault for as long as they are kept."""

    database: Database
    vault: Vault

    def keys(self) -> Mapping[str, Public]:
        return self._known

    def exact(self, pixels: str) -> Sequence[Entry]:
        return self._entries(select(RECEIPTS).where(RECEIPTS.c.pixels == pixels))

    def drawn(self, recipe: str) -> Sequence[Entry]:
        return self._entries(select(RECEIPTS).where(RECEIPTS.c.digest == recipe))

    def alike(self, perceptual: str, most: int) -> Sequence[Entry]:
        near = {name: bits for name, theirs in self._likenesses if (bits := distance(perceptual, theirs)) <= most}
        nearest = sorted(near, key=near.__getitem__)[:MANY]
        found = self._entries(select(RECEIPTS).where(RECEIPTS.c.id.in_(nearest))) if nearest else []
        return sorted(found, key=lambda entry: near[entry.receipt.statement.id])

    def original(self, entry: Entry) -> bytes | None:
        """Of the job that was drawn first; it goes when the studio removes what is old."""
        picture = select(JOBS.c.picture).where(JOBS.c.id == entry.source)
        name = self.database.read(lambda connection: connection.scalar(picture))
        try:
            return self.vault.read(name) if name else None
        except LimnerError:
            return None

    def _entries(self, statement: Select[*tuple[object, ...]]) -> list[Entry]:
        ordered = statement.order_by(RECEIPTS.c.at, RECEIPTS.c.id)
        return [_entry(row) for row in self.database.read(lambda connection: connection.execute(ordered).all())]

    @cached_property
    def _known(self) -> Mapping[str, Public]:
        return self.database.read(keys)

    @cached_property
    def _likenesses(self) -> list[tuple[str, str]]:
        """Read once, for all pictures of a hand-in."""
        rows = self.database.read(
            lambda connection: connection.execute(select(RECEIPTS.c.id, RECEIPTS.c.likeness)).all()
        )
        return [(row.id, row.likeness) for row in rows]


def everything(database: Database) -> list[Entry]:
    """The whole ledger, the oldest receipt first."""
    rows = database.read(
        lambda connection: connection.execute(select(RECEIPTS).order_by(RECEIPTS.c.at, RECEIPTS.c.id)).all()
    )
    return [_entry(row) for row in rows]


def receipt(database: Database, job: Job, data: bytes) -> Receipt | None:
    """The one of a job's owner for its picture; None where it was drawn before there were receipts."""
    mine = select(RECEIPTS).where(RECEIPTS.c.owner == job.owner, RECEIPTS.c.digest == digest(job.recipe))
    rows = database.read(lambda connection: connection.execute(mine).all())
    if len(rows) > 1:  # drawn on several kinds of devices
        same = pixels(opened(data))
        rows = [row for row in rows if row.pixels == same]
    return read(rows[0].receipt) if rows else None


def pseudonym(database: Database, owner: str) -> str:
    """What receipts call an owner; "" where they have none."""
    theirs = select(RECEIPTS.c.pseudonym).where(RECEIPTS.c.owner == owner).limit(1)
    return database.read(lambda connection: connection.scalar(theirs)) or ""


def called(database: Database, who: str) -> list[str]:
    """All that receipts may call somebody of this mail address, id or pseudonym; that alone, where nobody has it."""
    try:
        owner = find(database, who).id
    except LimnerError:
        owner = who
    return [name for name in (owner, pseudonym(database, owner)) if name]


def trust(database: Database, by: str, more: Sequence[Public]) -> list[Public]:
    """Those of these keys that were not known yet, and are another setup's of ours from here on."""

    def act(moment: Moment) -> list[Public]:
        before = keys(moment.connection)
        new = [each for name, each in {each.id: each for each in more}.items() if name not in before]
        for each in new:
            values = {"public": each.raw.hex(), "made": moment.now, "standing": TRUSTED, "name": each.name}
            moment.run(insert(KEYS).values(id=each.id, **values))
            log.note(moment, by, "trusted a key", each.id, {"name": each.name})
        return new

    return database.write(act)


def forget(database: Database, by: str, name: str) -> None:
    """Trust another setup's key no longer; LimnerError where it is none."""

    def act(moment: Moment) -> None:
        found = keys(moment.connection).get(name)
        if found is None or found.ours:
            raise unknown(name)
        moment.run(delete(KEYS).where(KEYS.c.id == name))
        log.note(moment, by, "trusts a key no longer", name)

    database.write(act)


def rotate(database: Database, by: str, notary: Notary) -> str:
    """From here on another key signs, whose id this is; what the old one signed stays ours."""
    mine = turned(notary.folder)

    def act(moment: Moment) -> None:
        known(moment, mine)
        log.note(moment, by, "rotated the key", mine.id)

    database.write(act)
    return mine.id


def _entry(row: Record) -> Entry:
    return Entry(read(row.receipt), from_json(row.recipe), row.owner, row.job)
