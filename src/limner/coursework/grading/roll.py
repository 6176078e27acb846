"""Whose a hand-in is, told by what it is called: Gradescope, MarkUs, Moodle and Canvas each name files in their way."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limner.coursework.handin import folded
from limner.errors import LimnerError

_NAMED = (  # what each platform puts around a student's name
    re.compile(r"(?P<who>.+?)_(?P<number>\d+)_assignsubmission_\w*?_.*"),  # Moodle
    re.compile(r"(?P<who>[^_\W]+)(?:_LATE)?_(?P<number>\d+)_\d+_.*"),  # Canvas
    re.compile(r"(?P<who>submission_(?P<number>\d+))(?:\b.*)?"),  # Gradescope
)
COLUMNS: Mapping[str, tuple[str, ...]] = {  # of a roster, as the platforms' own files call them
    "name": ("name", "full name", "student", "student name"),
    "first": ("first name", "firstname", "given name", "first"),
    "last": ("last name", "lastname", "surname", "family name", "last"),
    "mail": ("mail", "email", "e-mail", "email address", "mail address"),
    "number": ("sid", "id", "student id", "id number", "student number", "identifier"),
    "login": ("login", "user", "username", "user name", "user_name", "utorid", "sis login id"),
    "key": ("key", "submission", "submission id", "file", "hand-in", "group", "group name"),
}
LARGEST = 4 * 2**20  # bytes of a roster


@dataclass(frozen=True, slots=True)
class Student:
    """Whoever handed something in: `key` as the platform's files call them, the rest as the roster does."""

    key: str
    name: str = ""
    mail: str = ""
    number: str = ""
    login: str = ""

    @property
    def called(self) -> str:
        return self.name or self.key

    @property
    def words(self) -> tuple[str, ...]:
        """All that would tell who it is."""
        return tuple(each for each in (self.name, self.mail, self.number, self.login, self.key) if each)


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody handed in: a zip or a folder, and what it is called without what a platform adds."""

    path: Path
    key: str
    number: str = ""


def sent(paths: Sequence[Path]) -> list[Sent]:
    """The hand-ins among zips, folders of one hand-in, and folders of many; LimnerError where there is none."""
    found = [each for path in paths for each in _within(path)]
    if not found:
        raise LimnerError("there is no hand-in among these", "give zips, or a folder with one zip or folder a student")
    return found


def _within(path: Path) -> Iterator[Sent]:
    if not path.exists():
        raise LimnerError(f"there is no {path}", "check its name")
    if not path.is_dir():
        yield _named(path, path.stem)
        return
    inside = sorted(each for each in path.iterdir() if not each.name.startswith((".", "__MACOSX")))
    if any(each.suffix.lower() == ".json" for each in inside):
        yield _named(path, path.name)
        return
    for each in inside:
        if each.suffix.lower() == ".zip" and each.is_file():
            yield _named(each, each.stem)
        elif each.is_dir():
            zips = [file for file in each.iterdir() if file.suffix.lower() == ".zip" and file.is_file()]
            yield _named(zips[0] if len(zips) == 1 else each, each.name)


def _named(path: Path, name: str) -> Sent:
    match = next((found for found in (pattern.fullmatch(name) for pattern in _NAMED) if found), None)
    return Sent(path, match["who"].strip(), match["number"]) if match else Sent(path, name.strip())


def roster(path: Path) -> list[Student]:
    """The students of a CSV file with a line of column names; LimnerError names the row that is wrong."""
    try:
        data = path.read_bytes()
        text = data[: LARGEST + 1].decode("utf-8-sig")
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "give the roster as CSV") from fault
    except UnicodeDecodeError as fault:
        raise LimnerError(f"{path} is not UTF-8", "save it as CSV UTF-8") from fault
    if len(data) > LARGEST:
        raise LimnerError(f"{path} is larger than {LARGEST // 2**20} MiB", "give the roster alone")
    columns, rows = table(text, path)
    places = {kind: place for kind, names in COLUMNS.items() for place, name in enumerate(columns) if name in names}
    if not {"name", "last", "mail", "number", "login", "key"} & {*places}:
        raise LimnerError(f"{path} has no column that says who is who", "call one of them name, email, sid or username")
    return [_student({kind: row[place] for kind, place in places.items()}) for _, row in rows if any(row)]


def table(text: str, path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """A CSV file's columns in small letters, and its rows, each with its line; semicolons and tabs divide, too."""
    head = text.partition("\n")[0]
    divider = ";" if head.count(";") > head.count(",") else "\t" if "\t" in head and "," not in head else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    rows = list[tuple[int, list[str]]]()
    try:
        columns = [name.strip().casefold() for name in next(reader, [])]
        line = reader.line_num + 1
        for row in reader:
            rows.append((line, [each.strip() for each in [*row, *[""] * len(columns)][: len(columns)]]))
            line = reader.line_num + 1
    except csv.Error as fault:
        raise LimnerError(f"{path}:{reader.line_num} is not CSV: {fault}", "see that its quotes are closed") from fault
    if not any(columns):
        raise LimnerError(f"{path} is empty", "its first line names the columns")
    return columns, rows


def _student(said: Mapping[str, str]) -> Student:
    name = said.get("name") or " ".join(filter(None, (said.get("first", ""), said.get("last", ""))))
    key = said.get("key") or said.get("login") or said.get("mail") or said.get("number") or name
    return Student(key, name, said.get("mail", ""), said.get("number", ""), said.get("login", ""))


def whose(each: Sent, students: Iterable[Student]) -> Student | None:
    """The roster's student whose hand-in this is, by any of the ways in which files call people."""
    wanted = {_bare(each.key), _bare(each.number)} - {""}
    return next((student for student in students if wanted & {*_calls(student)}), None)


def _calls(student: Student) -> Iterator[str]:
    yield from (_bare(word) for word in student.words)
    yield _bare(student.mail.partition("@")[0])
    if parts := student.name.split():
        yield _bare("".join([parts[-1], *parts[:-1]]))  # as Canvas and MarkUs have it


def _bare(text: str) -> str:
    """Without case, blanks and signs."""
    return re.sub(r"[\W_]", "", folded(text))
