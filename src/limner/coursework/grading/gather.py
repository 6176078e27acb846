"""Hand-ins come in: each is read by the validator's core, and becomes a sheet and pictures that name nobody."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from limner import __version__
from limner.coursework.finding import WHOLE, Finding, Severity
from limner.coursework.grading import paper
from limner.coursework.grading.blind import Blind, blind
from limner.coursework.grading.folder import Folder, Handin, Owner, drawn, replaced
from limner.coursework.grading.roll import Sent, Student, whose
from limner.coursework.grading.view import Gaze, View, Vouched
from limner.coursework.handin import HandIn, Source, opened
from limner.coursework.spec import Spec
from limner.coursework.validate import Report, report
from limner.coursework.works import Shot
from limner.errors import LimnerError

SIDE = 1024  # pixels, of a picture on a sheet
BEGUN = 2  # of how sheets are made
Vouch: TypeAlias = Callable[[Student, str, bytes], Vouched]
"""What a receipt says of a picture: whose it should be, its name, its bytes."""


@dataclass(frozen=True, slots=True)
class Desk:
    """By which rules hand-ins are read; `vouch` asks for receipts, `trust` names what it asks, "" where nobody does."""

    spec: Spec
    tasks: tuple[str, ...] = ()
    vouch: Vouch | None = None
    trust: str = ""

    @property
    def mark(self) -> str:
        """Changes whenever a sheet would."""
        return json.dumps([__version__, BEGUN, asdict(self.spec), self.tasks, self.trust], default=sorted)


@dataclass(slots=True)
class _Known:
    """Whose hand-ins there are so far."""

    owners: dict[str, Owner]
    by: dict[str, str] = field(default_factory=dict)  # key -> hand-in

    def __post_init__(self) -> None:
        self.by = {each.student.key: each.handin for each in self.owners.values()}


def gathered(
    folder: Folder, sent: Sequence[Sent], students: Sequence[Student], desk: Desk
) -> Iterator[tuple[Handin, bool]]:
    """Each hand-in with its sheet, and whether that is new: one that was made of the very same is left as it is.

    Who was called by a name keeps it.  LimnerError where two of these hand-ins are one student's.
    """
    known, before = _Known({each.handin: each for each in folder.owners()}), folder.handins()
    if before and not known.owners:
        raise LimnerError(f"{folder.private} does not say whose is what", "put that folder back, or begin another")
    owners = list(_owned(sent, students, known))
    folder.own(known.owners.values())
    for each, owner in zip(sent, owners, strict=True):
        seen = fingerprint(each.path)
        made = sha256(json.dumps([seen, desk.mark, owner.student.words]).encode()).hexdigest()
        old = before.get(owner.handin)
        if old and old.made == made and folder.told(owner.handin).exists():
            yield old, False
            continue
        handin = _sheet(folder, each, owner, desk, Handin(owner.handin, seen, made, "", 0, 0, 0, ()))
        before[handin.handin] = handin
        folder.keep(before.values())
        yield handin, True


def _owned(sent: Sequence[Sent], students: Sequence[Student], known: _Known) -> Iterator[Owner]:
    """Whose each is; `known` learns of those that are new."""
    first = dict[str, Sent]()
    for each in sent:
        student = whose(each, students) or Student(each.key, number=each.number)
        if other := first.get(student.key):
            what = f"two hand-ins are of {student.called}: {other.path} and {each.path}"
            raise LimnerError(what, "give one of them, the later if you like")
        first[student.key] = each
        handin = known.by.get(student.key) or drawn(known.owners)
        owner = Owner(handin, student, str(each.path))
        known.owners[handin], known.by[student.key] = owner, handin
        yield owner


def fingerprint(path: Path) -> str:
    """The sha256 of a zip, or of a folder's names and files."""
    found = sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and not file.is_symlink():
            found.update(file.relative_to(path).as_posix().encode() + b"\0")
            with open(file, "rb") as stream:
                while data := stream.read(2**20):
                    found.update(data)
    return found.hexdigest()


def _sheet(folder: Folder, sent: Sent, owner: Owner, desk: Desk, empty: Handin) -> Handin:
    """Writes a hand-in's pictures and the middle of its sheet; one that cannot be read keeps nobody from the others."""
    name = f"{owner.handin}.zip"
    where = folder.path / "pictures" / owner.handin
    where.mkdir(exist_ok=True)
    also = (sent.path.stem, sent.path.parent.name) if sent.number else (sent.path.stem,)
    hide, source = blind(owner.student, also), f"../pictures/{owner.handin}/"
    try:
        view, found = prepared([Source(sent.path, name)], name, owner.student, hide, desk, where, source)
    except LimnerError as fault:
        found = Report(name, (), (Finding(name, WHOLE, "zip.damaged", fault.what, fault.remedy),), desk.spec.tasks)
        view = Gaze(hide, str).view(found)
    replaced(paper.side_by_side(view).encode(), folder.told(owner.handin))
    return replace(
        empty, verdict=view.verdict, errors=view.errors, warnings=view.warnings, pictures=len(view.pictures),
        broken=broken(found),
    )  # fmt: skip


def prepared(
    sources: Sequence[Source], name: str, student: Student, hide: Blind, desk: Desk, where: Path, source: str
) -> tuple[View, Report]:
    """What who marks sees of a hand-in, and its report; its pictures are files of a folder now.

    `source` is what stands before a picture's number in its address.
    """
    found = report(name, sources, desk.spec, desk.tasks)
    with opened(name, sources, desk.spec.limits) as handin:
        vouched = _vouched(handin, found, student, desk)
        gaze = Gaze(hide, lambda n: f"{source}{n:03}.jpg", lambda shot: vouched.get(shot.path, Vouched()))
        view = gaze.view(found)
        for each, shot in zip(view.pictures, shots(found), strict=True):
            if data := _bytes(handin, shot):
                replaced(shown(data), where / f"{each.number:03}.jpg")
    for left in where.glob("*.jpg"):
        if int(left.stem) > len(view.pictures):
            left.unlink()
    return view, found


def broken(found: Report) -> tuple[str, ...]:
    """The tasks that are missing or have errors."""
    wrong = {finding.file for finding in found.findings if finding.severity != Severity.WARNING}
    torn = [work.task.name for work in found.works if work.file.name in wrong]
    return (*torn, *(task.name for task in found.missing))


def shots(found: Report) -> Iterator[Shot]:
    """Every picture of a hand-in, in the order in which views count them."""
    return chain.from_iterable(entry.shots for work in found.works for entry in work.entries)


def _bytes(handin: HandIn, shot: Shot) -> bytes:
    """The file of a picture that could be seen."""
    file = handin.file(shot.file.name) if shot.file and shot.look else None
    return file.read() if file else b""


def _vouched(handin: HandIn, found: Report, student: Student, desk: Desk) -> Mapping[str, Vouched]:
    """What receipts say of its pictures, by the names under which the JSON files know them."""
    if desk.vouch is None:
        return {}
    files = {shot.path: data for shot in shots(found) if (data := _bytes(handin, shot))}
    return {path: desk.vouch(student, path, data) for path, data in files.items()}


def shown(data: bytes, side: int = SIDE) -> bytes:
    """A picture as a JPEG of at most that side, without anything that it says of itself."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        plain = image.convert("RGB")
    plain.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    Image.frombytes("RGB", plain.size, plain.tobytes()).save(file, "JPEG", quality=92)
    return file.getvalue()


def strangers(sent: Iterable[Sent], students: Sequence[Student]) -> list[Sent]:
    """The hand-ins of nobody on the roster."""
    return [each for each in sent if whose(each, students) is None] if students else []
