"""Who signs for what is drawn in a studio: a receipt is written in the transaction in which its job is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection, insert, literal, select, update

from limner.audit.issuing import seen
from limner.audit.keys import CURRENT, FOLDER, RETIRED, Key, Public, key
from limner.audit.likeness import opened
from limner.audit.receipt import Seen, signed, stated
from limner.audit.receipt import moment as said
from limner.errors import LimnerError
from limner.metadata import read
from limner.recipe import digest, from_json
from limner.studio.database import Database, Moment, Record
from limner.studio.schema import JOBS, KEYS, RECEIPTS
from limner.studio.vault import Vault


@dataclass(frozen=True, slots=True)
class Notary:
    """Its key lies in a folder beside the pictures, and is in no backup."""

    vault: Vault

    @property
    def folder(self) -> Path:
        return self.vault.folder.with_name(FOLDER)

    def look(self, picture: str) -> Seen | None:
        """What there is to sign of a file in the vault; None of one that is no picture by a recipe."""
        path = self.vault.path(picture)
        reading = read(path)
        return seen(opened(self.vault.read(picture)), reading.settings) if reading.recipe else None

    def sign(self, moment: Moment, job: Record, seen: Seen | None) -> None:
        """Write the receipt of a job that comes to this picture; its owner has one of it already, where they drew it
        before."""
        if seen is None:
            raise LimnerError("the picture does not carry its recipe", "see that the worker is of the studio's version")
        recipe, mine = from_json(job.recipe), key(self.folder)
        theirs = RECEIPTS.c.owner == job.owner, RECEIPTS.c.pixels == seen.pixels, RECEIPTS.c.digest == digest(recipe)
        if moment.run(select(RECEIPTS.c.id).where(*theirs)):
            return
        known(moment, mine)
        pseudonym = _pseudonym(moment, job.owner)
        receipt = signed(mine, stated(recipe, seen, pseudonym, moment.now))
        row = insert(RECEIPTS).values(
            id=receipt.statement.id, owner=job.owner, pseudonym=pseudonym, job=job.id, pixels=seen.pixels,
            likeness=seen.likeness, digest=receipt.statement.recipe, recipe=job.recipe, at=moment.now,
            receipt=receipt.text(),
        )  # fmt: skip
        moment.run(row)

    def share(self, moment: Moment, owner: str, job: str, seen: Seen | None) -> None:
        """A receipt for one more owner of a job's picture, who took it from a pool; none of what says no recipe."""
        theirs = select(JOBS.c.id, literal(owner).label("owner"), JOBS.c.recipe).where(JOBS.c.id == job)
        for row in moment.run(theirs) if seen is not None else ():
            self.sign(moment, row, seen)


def known(moment: Moment, mine: Key) -> None:
    """From here on this key signs, and no other does."""
    rows = moment.run(select(KEYS.c.standing).where(KEYS.c.id == mine.id))
    if rows and rows[0].standing == CURRENT:
        return
    moment.run(update(KEYS).where(KEYS.c.standing == CURRENT).values(standing=RETIRED))
    values = {"public": mine.public.hex(), "made": moment.now, "standing": CURRENT, "name": ""}
    moment.run(
        update(KEYS).where(KEYS.c.id == mine.id).values(standing=CURRENT)
        if rows
        else insert(KEYS).values(id=mine.id, **values)
    )


def opening(database: Database, notary: Notary) -> str:
    """Make the key if there is none; a line where it is not the one that signed last; LimnerError if it is damaged."""
    mine = key(notary.folder)
    before = database.read(lambda connection: connection.scalar(select(KEYS.c.id).where(KEYS.c.standing == CURRENT)))
    database.write(lambda moment: known(moment, mine))
    lost = before not in (None, mine.id)
    return f"the key {before} that signed receipts is not here: {mine.id} signs from here on" if lost else ""


def keys(connection: Connection) -> Mapping[str, Public]:
    """Every key that is known here, by its id."""
    rows = connection.execute(select(KEYS).order_by(KEYS.c.made, KEYS.c.id)).all()
    return {row.id: Public(bytes.fromhex(row.public), said(row.made), row.standing, row.name) for row in rows}


def _pseudonym(moment: Moment, owner: str) -> str:
    rows = moment.run(select(RECEIPTS.c.pseudonym).where(RECEIPTS.c.owner == owner).limit(1))
    return str(rows[0].pseudonym) if rows else token_hex(8)
