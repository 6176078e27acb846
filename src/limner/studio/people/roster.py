"""A roster: who is to be invited, as a table with a name, a mail address and perhaps a role in every line."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from limner.errors import LimnerError
from limner.studio.people.person import LONGEST, address
from limner.studio.register import Role

NAMES: Mapping[str, str] = {
    "name": "name", "full name": "name", "student": "name",
    "mail": "mail", "email": "mail", "e-mail": "mail", "email address": "mail",
    "role": "role",
}  # fmt: skip
MOST = 1_000_000  # bytes
PEOPLE = 2000  # who are invited in one transaction, for which all others wait


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody to be invited."""

    name: str = field(repr=False)
    mail: str = field(repr=False)
    role: Role


def read(file: Path) -> list[Guest]:
    """The guests of a CSV file; LimnerError names the line and the column of the first mistake."""
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise LimnerError(f"cannot read {file}: {fault.strerror or fault}", "give the roster as a CSV file") from fault
    return parse(data, str(file))


def parse(data: bytes, name: str = "the roster") -> list[Guest]:
    """The same of a file's bytes, as a form brings them: UTF-8, divided by commas, semicolons or tabs."""
    if len(data) > MOST:
        raise LimnerError(f"{name} has more than {MOST} bytes", "is it the roster?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise LimnerError(f"{name}, line {line} is not UTF-8", "save it as CSV UTF-8") from fault
    guests = list(_guests(text, name))
    if len(guests) > PEOPLE:
        raise LimnerError(f"{name} has more than {PEOPLE} people in it", "invite them by several of them")
    if not guests:
        raise LimnerError(f"{name} has no people in it", "write a line name,mail,role and one for each person below")
    return guests


def _guests(text: str, name: str) -> Iterator[Guest]:
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    seen, columns, end = dict[str, int](), dict[str, int](), 0
    try:
        for row in rows:
            line, end = end + 1, rows.line_num  # a quoted field may have several lines
            if not any(cell.strip() for cell in row):
                continue
            where = f"{name}, line {line}"
            if not columns:
                columns = _columns(row, where)
                continue
            guest = _guest(row, columns, where)
            if guest.mail in seen:
                column = columns["mail"] + 1
                what = f"{where}, column {column} (mail): {guest.mail} stands in line {seen[guest.mail]} already"
                raise LimnerError(what, "leave one of them out")
            seen[guest.mail] = line
            yield guest
    except csv.Error as fault:
        raise LimnerError(
            f"{name}, line {rows.line_num}: {fault}", "see that its quotation marks are closed"
        ) from fault


def _columns(row: list[str], where: str) -> dict[str, int]:
    columns = dict[str, int]()
    for place, title in enumerate(row):
        known = NAMES.get(title.strip().lower())
        if known in columns:
            raise LimnerError(f"{where}, column {place + 1}: a second column for the {known}", "leave one of them out")
        if known:
            columns[known] = place
    for need in ("name", "mail"):
        if need not in columns:
            raise LimnerError(f"{where}: no column is called {need}", "begin with the line name,mail,role")
    return columns


def guest(name: str, mail: str, role: str = Role.STUDENT.value) -> Guest:
    """One person; LimnerError for what is wrong with what is said of them."""
    said = {"name": name.strip(), "mail": mail.strip(), "role": role.strip()}
    return _one(said, {title: title for title in said})


def _guest(row: list[str], columns: Mapping[str, int], where: str) -> Guest:
    cells = {title: row[place].strip() if place < len(row) else "" for title, place in columns.items()}
    return _one(cells, {title: f"{where}, column {place + 1} ({title})" for title, place in columns.items()})


def _one(cells: Mapping[str, str], spots: Mapping[str, str]) -> Guest:
    name, mail, role = cells["name"], address(cells["mail"]), cells.get("role", "").lower() or Role.STUDENT.value
    if not (name and len(name) <= LONGEST and name.isprintable()):
        raise LimnerError(f"{spots['name']}: {name!r} is no name", f"write 1 to {LONGEST} printable characters")
    if not mail:
        raise LimnerError(f"{spots['mail']}: {cells['mail']!r} is no mail address", "write it as ada@example.org")
    if role not in list(Role):
        raise LimnerError(f"{spots['role']}: {role!r} is no role", f"choose from {', '.join(Role)}")
    return Guest(name, mail, Role(role))
