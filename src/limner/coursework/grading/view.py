"""What who marks sees of a hand-in: what it says, beside it what its pictures say of themselves, and what is wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from limner.coursework.finding import Finding, Place, Severity
from limner.coursework.grading.blind import Blind
from limner.coursework.spec import PICTURED
from limner.coursework.told import WORDS
from limner.coursework.validate import Report
from limner.coursework.works import Entry, Plain, Said, Shot, Work
from limner.metadata import Reading

OWN = ("prompt", "negative", "seed", "steps", "sampler", "guidance", "width", "height")
LONGEST = 4000  # characters of a value


@dataclass(frozen=True, slots=True)
class Line:
    """Something that stands in a JSON file, and where."""

    name: str
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding."""

    severity: str
    rule: str
    file: str
    line: int
    column: int
    sentence: str
    fix: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`number` counts the hand-in's pictures from 1, `src` is where a page finds it, "" where it cannot be seen.

    `own` is what it says of itself, `differs` which of that its entry says otherwise; `verdict` and `why` are a
    receipt's, "" where nobody looked for one.
    """

    number: int
    path: str
    src: str = ""
    about: str = ""
    own: tuple[tuple[str, str], ...] = ()
    differs: tuple[str, ...] = ()
    verdict: str = ""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of a task."""

    number: int
    line: int
    lines: tuple[Line, ...]
    extra: tuple[Line, ...]
    pictures: tuple[Picture, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A task of a hand-in; `faults` are those that belong to none of its entries."""

    task: str
    title: str
    file: str
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A whole hand-in, without whose it is."""

    verdict: str
    errors: int
    warnings: int
    pieces: tuple[Piece, ...] = ()
    faults: tuple[Fault, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def pictures(self) -> list[Picture]:
        return [each for piece in self.pieces for part in piece.parts for each in part.pictures]


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a receipt says of a picture, in words, and why."""

    verdict: str = ""
    why: tuple[str, ...] = ()


@dataclass(slots=True)
class Gaze:
    """Makes the view of one hand-in: `source` gives a picture's address by number, `vouch` what its receipt says."""

    hide: Blind
    source: Callable[[int], str]
    vouch: Callable[[Shot], Vouched] = field(default=lambda shot: Vouched())
    seen: int = 0

    def view(self, report: Report) -> View:
        files = {work.file.name for work in report.works}
        return View(
            WORDS[report.code], len(report.findings) - report.count(Severity.WARNING), report.count(Severity.WARNING),
            tuple(self._piece(work, [f for f in report.findings if f.file == work.file.name]) for work in report.works),
            tuple(self._fault(each) for each in report.findings if each.file not in files),
            tuple(task.file for task in report.missing),
        )  # fmt: skip

    def _piece(self, work: Work, findings: Sequence[Finding]) -> Piece:
        starts = [entry.place for entry in work.entries]
        by = [[f for f in findings if _within(f.place, starts, number)] for number in range(len(starts))]
        inside = {id(each) for some in by for each in some}
        parts = tuple(self._part(work, entry, some) for entry, some in zip(work.entries, by, strict=True))
        return Piece(
            work.task.name, work.task.title, self.hide.name(work.file.name), self._lines(work.fields), parts,
            tuple(self._fault(each) for each in findings if id(each) not in inside),
        )  # fmt: skip

    def _part(self, work: Work, entry: Entry, findings: Sequence[Finding]) -> Part:
        pictured = {key.name for key in work.task.entries.keys if key.kind in PICTURED}
        plain = {name: said for name, said in entry.fields.items() if name not in pictured}
        return Part(
            entry.number, entry.place.line, self._lines(plain), self._lines(entry.extra),
            tuple(self._picture(shot, plain) for shot in entry.shots), tuple(self._fault(each) for each in findings),
        )  # fmt: skip

    def _picture(self, shot: Shot, said: Mapping[str, Said]) -> Picture:
        self.seen += 1
        look, number, path = shot.look, self.seen, self.hide.name(shot.path)[:200]
        if look is None:
            return Picture(number, path)
        found = own(look.reading) if look.reading else {}
        differs = tuple(name for name, value in found.items() if name in said and _text(said[name].value) != value)
        told = tuple((name, self.hide.text(value)[:LONGEST]) for name, value in found.items())
        vouched = self.vouch(shot)
        why = tuple(map(self.hide.text, vouched.why))
        about = f"{look.form.upper()}, {look.width} x {look.height}"
        return Picture(number, path, self.source(number), about, told, differs, vouched.verdict, why)

    def _lines(self, fields: Mapping[str, Said]) -> tuple[Line, ...]:
        return tuple(
            Line(
                self.hide.text(name)[:100],
                self.hide.text(_text(said.value))[:LONGEST],
                said.place.line,
                said.place.column,
            )
            for name, said in fields.items()
        )

    def _fault(self, each: Finding) -> Fault:
        words = [self.hide.name(text) for text in (each.file, each.sentence, each.fix)]
        return Fault(each.severity.value, each.rule, words[0], each.place.line, each.place.column, *words[1:])


def own(reading: Reading) -> dict[str, str]:
    """What a picture says of itself."""
    said = {name: value for name, value in asdict(reading.wish).items() if name in OWN and value not in (None, "")}
    found = {"model": reading.model} if reading.model else {}
    found |= {name: _text(value) for name, value in said.items()}
    return found | ({"made by": reading.maker} if reading.maker else {})


def _text(value: Plain) -> str:
    """A value as people read it."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Sequence):
        return "; ".join(map(_text, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(each)}" for name, each in value.items())
    return "" if value is None else f"{value}"


def _within(place: Place, starts: Sequence[Place], number: int) -> bool:
    """Whether a place lies in the entry of that number, counted from 0: the last one's end is the file's."""
    return starts[number] <= place and (number + 1 == len(starts) or place < starts[number + 1])
