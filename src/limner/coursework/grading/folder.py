"""A folder in which a class is marked: plain files, each of them whole, and whose work it is in one place apart."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import choice, token_hex

from filelock import FileLock, Timeout

from limner.coursework.grading import marks, paper, rubric
from limner.coursework.grading.marks import Mark, sheet, uncelled
from limner.coursework.grading.roll import Student
from limner.coursework.grading.rubric import Rubric
from limner.coursework.spec import Spec
from limner.errors import LimnerError
from limner.metadata import place, prepare

LETTERS, LENGTH = "BCDFGHJKMNPQRSTVWXZ", 4  # no vowels, so no words; no digits, which spreadsheets take for numbers
PATIENCE = 30.0  # seconds for whoever else writes there
STUDENTS = ("handin", "key", "name", "mail", "number", "login", "file")


@dataclass(frozen=True, slots=True)
class Handin:
    """What is known of a hand-in without whose it is: `seen` is its sha256, `made` what its sheet was made from.

    `broken` are the tasks in which there are errors, or which are not there.
    """

    handin: str
    seen: str
    made: str
    verdict: str
    errors: int
    warnings: int
    pictures: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose it is, and which file."""

    handin: str
    student: Student
    file: str


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a marking folder."""

    path: Path

    @property
    def table(self) -> Path:
        return self.path / "marks.csv"

    @property
    def votes(self) -> Path:
        return self.path / "awards.csv"

    @property
    def private(self) -> Path:
        return self.path / "private"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes there meanwhile; LimnerError where somebody does for too long."""
        try:
            with FileLock(self.path / ".lock", timeout=PATIENCE):
                yield
        except Timeout as fault:
            raise LimnerError(f"somebody else is at work in {self.path}", "wait until they are done") from fault

    def begun(self) -> None:
        prepare(self.path)
        for name in ("sheets", "pictures", "private"):
            (self.path / name).mkdir(exist_ok=True)
        self.private.chmod(0o700)

    def handins(self) -> dict[str, Handin]:
        """By their names; LimnerError where this is no marking folder."""
        try:
            said = json.loads((self.path / "handins.json").read_bytes())
            return {str(each["handin"]): _handin(each) for each in said}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as fault:
            what = f"cannot read {self.path / 'handins.json'}: {fault}"
            raise LimnerError(what, "take the folder from a backup, or begin another") from fault

    def keep(self, handins: Iterable[Handin]) -> None:
        told = [asdict(each) for each in sorted(handins, key=lambda each: each.handin)]
        replaced((json.dumps(told, indent=1) + "\n").encode(), self.path / "handins.json")

    def owners(self) -> list[Owner]:
        """LimnerError where the private part was left elsewhere."""
        path = self.private / "students.csv"
        try:
            rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
            said = [{name: uncelled(row[name] or "") for name in STUDENTS} for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, csv.Error) as fault:
            raise LimnerError(f"cannot read {path}: {fault}", "take it from a backup") from fault
        return [Owner(row["handin"], Student(*(row[name] for name in STUDENTS[1:6])), row["file"]) for row in said]

    def own(self, owners: Iterable[Owner]) -> None:
        rows = [(each.handin, *_student(each.student), each.file) for each in sorted(owners, key=lambda o: o.handin)]
        path = self.private / "students.csv"
        replaced(sheet(STUDENTS, rows), path)
        path.chmod(0o600)

    def marks(self) -> list[Mark]:
        path = self.path / "marks.jsonl"
        try:
            return marks.from_lines(path.read_bytes(), str(path))
        except FileNotFoundError:
            return []

    def mark(self, new: Sequence[Mark]) -> None:
        """These marks after those that are there; all of them, or none."""
        if new:
            replaced(marks.to_lines([*self.marks(), *new]), self.path / "marks.jsonl")

    def rubric(self, spec: Spec) -> Rubric:
        path = self.path / "rubric.toml"
        return rubric.read(path if path.exists() else None, spec)

    def told(self, handin: str) -> Path:
        """The middle part of its sheet."""
        return self.path / "sheets" / f"{handin}.part"

    def framed(self, spec: Spec, found: Rubric) -> None:
        """Every page, and the file in which marks are written, as of now."""
        handins = sorted(self.handins().values(), key=lambda each: each.handin)
        names, given = [each.handin for each in handins], self.marks()
        for before, each, after in zip(["", *names], handins, [*names[1:], ""], strict=False):
            values = {"handin": each.handin, "before": before, "after": after, "criteria": found.criteria, "view": each}
            body = paper.stood(self.told(each.handin).read_text(encoding="utf-8"))
            text = paper.page("sheet.html", {**values, "body": body, "root": "../"})
            replaced(text.encode(), self.path / "sheets" / f"{each.handin}.html")
        replaced(paper.style(), self.path / "sheet.css")
        replaced(marks.to_fill(names, found, given), self.table)
        rows = [_row(each, found, given) for each in handins]
        of = f"{found.points:f}"
        index = {"assignment": spec.name, "rows": rows, "criteria": found.criteria, "of": of, "root": ""}
        replaced(paper.page("index.html", index).encode(), self.path / "index.html")


def drawn(taken: Iterable[str]) -> str:
    """A name by lot that nobody has."""
    known = set(taken)
    while (name := "".join(choice(LETTERS) for _ in range(LENGTH))) in known:
        pass
    return name


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def replaced(data: bytes, path: Path) -> None:
    """A whole file, in the place of another if there is one."""
    part = path.with_name(f".{token_hex(8)}.new")
    place(data, part)
    os.replace(part, path)


def _handin(said: Mapping[str, object]) -> Handin:
    handin, seen, made, verdict = (str(said[name]) for name in ("handin", "seen", "made", "verdict"))
    errors, warnings, pictures = (int(str(said[name])) for name in ("errors", "warnings", "pictures"))
    broken = said["broken"]
    torn = tuple(map(str, broken)) if isinstance(broken, list) else ()
    return Handin(handin, seen, made, verdict, errors, warnings, pictures, torn)


def _student(student: Student) -> tuple[str, ...]:
    return student.key, student.name, student.mail, student.number, student.login


def _row(each: Handin, found: Rubric, given: Sequence[Mark]) -> dict[str, object]:
    """What the index says of a hand-in."""
    stand = [mark for _, mark in marks.standing(given).values() if mark.handin == each.handin]
    counted = [m for m in stand if m.points is not None and found.criterion(m.criterion)]
    return {
        "handin": each.handin, "verdict": each.verdict, "errors": each.errors, "warnings": each.warnings,
        "pictures": each.pictures, "marked": len(counted),
        "points": f"{sum(m.points for m in counted if m.points is not None):f}" if counted else "",
        "anew": any(mark.seen not in ("", each.seen) for mark in counted),
    }  # fmt: skip
