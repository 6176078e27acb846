"""Marks are lines that are only ever added, by whom and when; the last one of a criterion stands."""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from limner.coursework.grading.roll import table
from limner.coursework.grading.rubric import Criterion, Rubric
from limner.errors import LimnerError

COLUMNS = ("handin", "criterion", "of", "points", "comment", "line")
NEEDED = ("handin", "criterion", "points")
BACK = "-"  # takes a mark back
LONGEST = 4000  # characters of a comment
LARGEST = 16 * 2**20  # bytes of a file of marks
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True, slots=True)
class Mark:
    """`points` is None where there is only a comment, or a mark was taken back; `seen` is the file's sha256."""

    handin: str
    criterion: str
    points: Decimal | None
    comment: str
    by: str
    at: str
    seen: str = ""

    @property
    def said(self) -> tuple[Decimal | None, str]:
        return self.points, self.comment


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that is not taken, and why."""

    line: int
    what: str
    remedy: str


def standing(marks: Sequence[Mark]) -> dict[tuple[str, str], tuple[int, Mark]]:
    """The mark that stands for each hand-in and criterion, with the number of its line, from 1."""
    return {(each.handin, each.criterion): (line, each) for line, each in enumerate(marks, 1)}


def points(text: str, criterion: Criterion) -> Decimal:
    """Of what somebody wrote; LimnerError where that is no number, or out of range."""
    remedy = f"give 0 to {criterion.points}"
    try:
        number = Decimal(text.strip())
    except InvalidOperation as fault:
        raise LimnerError(f"{text[:40]!r} is no number", remedy) from fault
    if not number.is_finite() or number < 0:
        raise LimnerError(f"{text[:40]!r} is no number of points", remedy)
    if number > criterion.points:
        raise LimnerError(f"{number:f} is above {criterion.points:f}, the most for {criterion.name}", remedy)
    if number != round(number, 2):
        raise LimnerError(f"{text[:40]!r} has more than two decimals", "round it")
    return tidy(number)


def tidy(number: Decimal) -> Decimal:
    """Without zeros behind the point, and without an exponent."""
    short = abs(number).normalize()  # without the sign of -0
    return (
        short.quantize(Decimal(1)) if short.as_tuple().exponent != 0 and short == short.to_integral_value() else short
    )


def commented(text: str) -> str:
    """A comment as it is kept; LimnerError where it is too long."""
    text = "".join(each if each.isprintable() or each == "\n" else " " for each in text.replace("\r\n", "\n")).strip()
    if len(text) > LONGEST:
        raise LimnerError(f"a comment of {len(text)} characters is too long", f"write at most {LONGEST}")
    return text


def cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection): a quote before it says that it is text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def uncelled(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def sheet(columns: Sequence[str], rows: Collection[Sequence[str]]) -> bytes:
    """A CSV file that spreadsheets read as UTF-8, and none as formulas."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(each) for each in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def to_fill(handins: Sequence[str], rubric: Rubric, marks: Sequence[Mark]) -> bytes:
    """The file in which marks are written by hand: a row for each hand-in and criterion, with what stands already."""
    here, rows = standing(marks), list[tuple[str, ...]]()
    for handin in handins:
        for each in rubric.criteria:
            line, mark = here.get((handin, each.name), (0, None))
            number = "" if mark is None or mark.points is None else f"{mark.points:f}"
            said = mark.comment if mark else ""
            rows.append((handin, each.name, f"{each.points:f}", number, said, str(line or "")))
    return sheet(COLUMNS, rows)


def read(path: Path, handins: Mapping[str, str], rubric: Rubric, by: str, at: str, marks: Sequence[Mark]) -> list[Mark]:
    """What is new in a file that was filled in.  `handins` gives each one's sha256.

    An empty cell changes nothing, `-` takes a mark back, and a row that is as it was written is not new, whatever
    others have marked since; one that is new is wrong where they have.  WrongMarksError holds every row that is wrong;
    then none is taken.
    """
    new, wrong, seen = list[Mark](), list[Wrong](), dict[tuple[str, str], int]()
    for line, said in list(_rows(path)):
        try:
            criterion = _criterion(said, handins, rubric)
            key = (said["handin"], criterion.name)
            if first := seen.get(key):
                raise LimnerError(f"{key[0]}, {key[1]} stands in line {first} already", "leave one of them")
            seen[key] = line
            number, comment = _said(said, criterion, marks)
            mark = Mark(*key, number, comment, by, at, handins[key[0]])
            if mark.said != _stands(key, marks):
                _meanwhile(said.get("line", ""), key, marks)
                new.append(mark)
        except LimnerError as fault:
            wrong.append(Wrong(line, fault.what, fault.remedy))
    if wrong:
        raise WrongMarksError(path, wrong)
    return new


class WrongMarksError(Exception):
    """Rows that are not taken, a line for each; no other row of their file is, either."""

    def __init__(self, path: Path, wrong: Sequence[Wrong]) -> None:
        self.lines = tuple(f"{path}:{each.line}: {each.what}; {each.remedy}" for each in wrong)
        super().__init__(self.lines[0] if len(wrong) == 1 else f"{path}: {len(wrong)} rows are wrong")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "give the file with the marks") from fault
    except UnicodeDecodeError as fault:
        raise LimnerError(f"{path} is not UTF-8", "save it as CSV UTF-8") from fault
    if len(data) > LARGEST:
        raise LimnerError(f"{path} is larger than {LARGEST // 2**20} MiB", "give the file with the marks")
    columns, rows = table(text, path)
    if missing := next((name for name in NEEDED if name not in columns), None):
        raise LimnerError(f"{path} has no column {missing!r}", f"its first line is {','.join(COLUMNS)}")
    comma = ";" in text.partition("\n")[0]
    for line, row in rows:
        if any(row):
            said = {name: uncelled(value) for name, value in zip(columns, row, strict=True)}
            if comma and said["points"].count(",") == 1 and "." not in said["points"]:
                said["points"] = said["points"].replace(",", ".")  # a spreadsheet that divides by ; has decimals so
            yield line, said


def _criterion(said: Mapping[str, str], handins: Mapping[str, str], rubric: Rubric) -> Criterion:
    """What a row is about; LimnerError where there is no such hand-in, or nothing of that name is marked."""
    if said["handin"] not in handins:
        raise LimnerError(f"there is no hand-in {said['handin'][:40]!r}", "see the names on index.html")
    found = rubric.criterion(said["criterion"])
    if found is None:
        names = ", ".join(each.name for each in rubric.criteria)
        raise LimnerError(f"there is no criterion {said['criterion'][:40]!r}", f"choose from {names}")
    return found


def _said(said: Mapping[str, str], criterion: Criterion, marks: Sequence[Mark]) -> tuple[Decimal | None, str]:
    """Points and comment as they are to stand: a cell that is empty, or as it was written, leaves what does."""
    number, comment = _stands((said["handin"], criterion.name), marks)
    old = _old(said.get("line", ""), marks)
    if (written := said["points"]) == BACK:
        number = None
    elif written:
        value = points(written, criterion)
        number = number if old and value == old.points else value
    if (words := said.get("comment", "")) == BACK:
        comment = ""
    elif words and not (old and commented(words) == old.comment):
        comment = commented(words)
    return number, comment


def _stands(key: tuple[str, str], marks: Sequence[Mark]) -> tuple[Decimal | None, str]:
    here = standing(marks).get(key)
    return here[1].said if here else (None, "")


def _meanwhile(line: str, key: tuple[str, str], marks: Sequence[Mark]) -> None:
    """LimnerError where another mark stands than the one that a row was written with."""
    here = standing(marks).get(key)
    if here and here[0] != _number(line):
        raise LimnerError(
            f"somebody marked {key[0]}, {key[1]} meanwhile",
            "empty its points and comment to leave that mark, or change it in a new copy",
        )


def _number(line: str) -> int:
    return int(line) if line.isascii() and line.isdecimal() and len(line) < 9 else 0


def _old(line: str, marks: Sequence[Mark]) -> Mark | None:
    """The mark that a row was written with."""
    number = _number(line)
    return marks[number - 1] if 0 < number <= len(marks) else None


def to_lines(marks: Sequence[Mark]) -> bytes:
    """A line of JSON for each."""
    told = ({**asdict(each), "points": None if each.points is None else f"{each.points:f}"} for each in marks)
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in told).encode()


def from_lines(data: bytes, name: str) -> list[Mark]:
    """LimnerError names the line that is damaged."""
    found = list[Mark]()
    for number, line in enumerate(data.splitlines(), 1):
        try:
            said = json.loads(line)
            value = None if said["points"] is None else Decimal(said["points"])
            texts = [str(said[each]) for each in ("handin", "criterion", "comment", "by", "at", "seen")]
            found.append(Mark(texts[0], texts[1], value, *texts[2:]))
        except (ValueError, KeyError, TypeError, InvalidOperation) as fault:
            raise LimnerError(f"{name}:{number} is damaged", "take the file from a backup") from fault
    return found
