"""Everything that the studio has of somebody, in one file that they may take with them."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from sqlalchemy import Connection, FromClause, Select, and_, select

from limner.errors import LimnerError
from limner.studio.database import Database
from limner.studio.people import handing
from limner.studio.people.person import Person
from limner.studio.register import ACCEPTED, GRANTS, INVITATIONS, LOG, PEOPLE, REPORTS, SESSIONS, SHARED, TAKEN, TOKENS
from limner.studio.schema import DRAFTS, EVENTS, EXPLAINED, HALL, JOBS, LEDGER, OWNERS, RECEIPTS, SUBMISSIONS
from limner.studio.vault import ENDING, Vault

SECRET = {"hash", "password", "used_by", "preview", "lease", "worker"}  # nobody's data, or what lets somebody in
MOMENTS = {"at", "made", "until", "used_at", "shared"}
READ_ME = """What the studio has of {name}, whom it calls {id}.

account.json      who you are, when you came in, your sessions and tokens (not what they are: that is not stored),
                  the licences that you accepted
jobs.json         everything you asked for, as recipes; what became of it; whether it is shared, or was taken down;
                  one that explains another is a sheet of maps
events.json       when what happened to it
ledger.json       what was set aside of your budgets, and what it cost
receipts.json     what was signed for your pictures, and the pseudonym that it says
reports.json      what you reported
drafts.json       your work for the assignment: each task's words (place 0), its entries, and those taken out (place -1)
hall.json         sentences that you sent to the lecture hall
handins.json      what you handed in, its marks once you could read them, what you asked about them
handins/          the zips that you handed in, by the names of your hand-ins
log.json          what was done by you and to you
pictures/         your pictures, by the names of their jobs; their recipes are inside of them
missing.txt       pictures that could not be read, if there are any
"""


def export(database: Database, vault: Vault, who: Person, out: BinaryIO) -> int:
    """Write a zip of it, and say how many pictures are in it.  A picture that cannot be read is named in the zip."""
    told = database.read(lambda connection: _told(connection, who.id))
    missing, count = list[str](), 0
    with ZipFile(out, "w", ZIP_DEFLATED) as file:
        file.writestr("README.txt", READ_ME.format(name=who.name, id=who.id))
        for name, content in told.items():
            file.writestr(f"{name}.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        for name, kept in _files(told, vault):
            try:
                file.writestr(name, kept(), ZIP_STORED)  # it is packed already
                count += name.startswith("pictures/")
            except LimnerError as fault:
                missing.append(f"{Path(name).stem}: {fault.what.replace(str(vault.folder), 'vault')}")
        if missing:
            file.writestr("missing.txt", "\n".join(missing) + "\n")
    return count


def export_to(database: Database, vault: Vault, who: Person, file: Path) -> int:
    """The same, as a new file that only its owner reads: whole, or not there; LimnerError where there is one."""
    part = file.with_name(f".{token_hex(8)}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            count = export(database, vault, who, out)
        os.link(part, file)  # which replaces nothing, as a rename would
    except FileExistsError as fault:
        raise LimnerError(f"there is a file {file} already", "choose another name") from fault
    except OSError as fault:
        raise LimnerError(f"cannot write {file}: {fault.strerror or fault}", "choose another place") from fault
    finally:
        part.unlink(missing_ok=True)
    return count


def _told(connection: Connection, who: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
    """Each file's rows, of one moment."""

    def rows(statement: Select[*tuple[object, ...]]) -> list[Mapping[str, object]]:
        found = connection.execute(statement).mappings().all()
        return [{key: _said(str(key), value) for key, value in row.items() if key not in SECRET} for row in found]

    def of(table: FromClause) -> list[Mapping[str, object]]:
        return rows(select(table).where(table.c.person == who).order_by(table.c.made))

    about = {"sessions": of(SESSIONS), "tokens": of(TOKENS), "invitations": of(INVITATIONS), "grants": of(GRANTS)}
    about["accepted"] = of(ACCEPTED)
    person = rows(select(PEOPLE).where(PEOPLE.c.id == who))
    use = rows(select(OWNERS).where(OWNERS.c.name == who))
    jobs = select(JOBS, SUBMISSIONS.c.at, SUBMISSIONS.c.key, SHARED.c.at.label("shared"), TAKEN.c.why.label("taken"))
    jobs = jobs.add_columns(EXPLAINED.c.of.label("explains")).outerjoin(EXPLAINED, EXPLAINED.c.job == JOBS.c.id)
    jobs = jobs.join(SUBMISSIONS, SUBMISSIONS.c.id == JOBS.c.submission).outerjoin(SHARED, SHARED.c.job == JOBS.c.id)
    jobs = jobs.outerjoin(TAKEN, and_(TAKEN.c.picture == JOBS.c.picture)).where(JOBS.c.owner == who)
    events = select(EVENTS).join(JOBS, JOBS.c.id == EVENTS.c.job).where(JOBS.c.owner == who)
    drafts = select(DRAFTS).where(DRAFTS.c.owner == who).order_by(DRAFTS.c.task, DRAFTS.c.place, DRAFTS.c.at)
    mine = select(LOG).where((LOG.c.actor == who) | (LOG.c.subject == who))
    return {
        "account": [{**each, "use": use, **about} for each in person],
        "jobs": [{**row, "recipe": json.loads(str(row["recipe"]))} for row in rows(jobs.order_by(JOBS.c.number))],
        "events": rows(events.order_by(EVENTS.c.number)),
        "ledger": rows(select(LEDGER).where(LEDGER.c.owner == who).order_by(LEDGER.c.at, LEDGER.c.closes)),
        "receipts": rows(select(RECEIPTS).where(RECEIPTS.c.owner == who).order_by(RECEIPTS.c.at, RECEIPTS.c.id)),
        "reports": rows(select(REPORTS).where(REPORTS.c.reporter == who).order_by(REPORTS.c.at)),
        "drafts": [{**row, "said": json.loads(str(row["said"]))} for row in rows(drafts)],
        "hall": rows(select(HALL).where(HALL.c.owner == who).order_by(HALL.c.number)),
        **handing.told(connection, who),
        "log": rows(mine.order_by(LOG.c.number)),
    }


def _said(key: str, value: object) -> object:
    """A moment as people write it."""
    return datetime.fromtimestamp(value, UTC).isoformat() if key in MOMENTS and isinstance(value, float) else value


def _files(
    told: Mapping[str, Sequence[Mapping[str, object]]], vault: Vault
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What each is called in the zip, and how it is read."""
    for job in told["jobs"]:
        if job["picture"]:
            yield f"pictures/{job['id']}{ENDING}", partial(vault.read, str(job["picture"]))
    for each in told["handins"]:
        yield f"handins/{each['id']}.zip", partial(vault.handins.read, str(each["file"]))
