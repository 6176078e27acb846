"""Pictures for awards, chosen without names, and printed larger than they are without anything being invented."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from secrets import SystemRandom

from limner.coursework.grading import paper
from limner.coursework.grading.blind import Blind, blind
from limner.coursework.grading.folder import Folder, Handin, Owner, replaced
from limner.coursework.grading.gather import fingerprint, shots
from limner.coursework.grading.marks import sheet, uncelled
from limner.coursework.grading.roll import table
from limner.coursework.grading.view import own
from limner.coursework.handin import Source, opened
from limner.coursework.spec import Limits, Spec
from limner.coursework.validate import report
from limner.errors import LimnerError
from limner.metadata import place, read_from

COLUMNS = ("picture", "votes")
MOST = 1000  # votes for one picture


@dataclass(frozen=True, slots=True)
class Chosen:
    """A picture, by its hand-in and number, and how many voted for it."""

    handin: str
    number: int
    votes: int

    @property
    def name(self) -> str:
        return f"{self.handin}-{self.number:03}"


def hung(folder: Folder) -> None:
    """The page of all pictures in an order by lot, and the file for votes, which keeps those that it has."""
    had = {each.name: each.votes for each in votes(folder)} if folder.votes.exists() else {}
    found = sorted((folder.path / "pictures").glob("*/*.jpg"))
    SystemRandom().shuffle(found)
    names = [f"{path.parent.name}-{path.stem}" for path in found]
    pictures = [
        {"name": name, "src": path.relative_to(folder.path).as_posix()} for name, path in zip(names, found, strict=True)
    ]
    replaced(paper.page("awards.html", {"pictures": pictures, "root": ""}).encode(), folder.path / "awards.html")
    replaced(sheet(COLUMNS, [(name, str(had.get(name) or "")) for name in names]), folder.votes)


def votes(folder: Folder) -> list[Chosen]:
    """The pictures that have votes, those with most first; LimnerError names the row that is wrong."""
    path, found = folder.votes, list[Chosen]()
    try:
        columns, rows = table(path.read_bytes().decode("utf-8-sig"), path)
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "give the marking folder") from fault
    except UnicodeDecodeError as fault:
        raise LimnerError(f"{path} is not UTF-8", "save it as CSV UTF-8") from fault
    if missing := next((name for name in COLUMNS if name not in columns), None):
        raise LimnerError(f"{path} has no column {missing!r}", f"its first line is {','.join(COLUMNS)}")
    for line, row in rows:
        said = dict(zip(columns, map(uncelled, row), strict=True))
        if said["votes"] not in ("", "0"):
            found.append(_chosen(folder, said, f"{path}:{line}"))
    return sorted(found, key=lambda each: (-each.votes, each.name))


def _chosen(folder: Folder, said: Mapping[str, str], where: str) -> Chosen:
    handin, _, number = said["picture"].partition("-")
    count = said["votes"]
    if not (count.isascii() and count.isdecimal() and int(count[:6]) <= MOST):
        raise LimnerError(f"{where}: {count[:40]!r} is no number of votes", f"write 0 to {MOST}")
    known = handin.isalpha() and number.isascii() and number.isdecimal()
    if not known or not (folder.path / "pictures" / handin / f"{number}.jpg").exists():
        raise LimnerError(f"{where}: there is no picture {said['picture'][:40]!r}", "see awards.html")
    return Chosen(handin, int(number), int(count))


def printed(
    folder: Folder, chosen: Sequence[Chosen], owners: Sequence[Owner], spec: Spec, out: Path
) -> Iterator[tuple[Chosen, str]]:
    """Each chosen picture as a page of A3, without whose it is; and of each, how much larger it was made.

    LimnerError where a hand-in is not what it was.
    """
    from limner.coursework.grading.printing import sheet_of

    by, handins = {each.handin: each for each in owners}, folder.handins()
    for each in chosen:
        data, said = _original(each, by, handins, spec)
        page = sheet_of(data, each.name, said)
        for ending, content in (("pdf", page.pdf), ("png", page.png)):
            path = out / f"{each.name}.{ending}"
            try:
                place(content, path)
            except FileExistsError as fault:
                raise LimnerError(f"{path} exists", "choose a new folder: nothing is overwritten") from fault
        yield each, page.about


def _original(
    each: Chosen, owners: Mapping[str, Owner], handins: Mapping[str, Handin], spec: Spec
) -> tuple[bytes, Mapping[str, str]]:
    """The file as it was handed in, and what it says of how it was made, without its author's name."""
    owner, known = owners.get(each.handin), handins.get(each.handin)
    path = Path(owner.file) if owner else Path()
    gone = LimnerError(f"the hand-in of {each.name} is not where it was, or another", "grade the hand-ins again")
    if owner is None or known is None or not path.exists() or fingerprint(path) != known.seen:
        raise gone
    found = list(shots(report(f"{each.handin}.zip", [Source(path, f"{each.handin}.zip")], spec)))
    shot = found[each.number - 1] if each.number <= len(found) else None
    if shot is None or shot.file is None or shot.look is None:
        raise gone
    return taken(path, shot.file.name, spec.limits, blind(owner.student, (path.stem,)))


def taken(path: Path, name: str, limits: Limits, hide: Blind) -> tuple[bytes, Mapping[str, str]]:
    """A picture of a hand-in by its file's name, and what it says of itself; LimnerError where there is none."""
    with opened("the hand-in", [Source(path, "hand-in.zip" if path.is_file() else path.name)], limits) as handin:
        file = handin.file(name)
        if file is None:
            raise LimnerError("there is no such picture", "grade the hand-ins again")
        data = file.read()
    try:
        reading = read_from(BytesIO(data), "it")
    except LimnerError:
        return data, {}
    return data, {key: hide.text(value) for key, value in own(reading).items()}


def credited(chosen: Sequence[Chosen], owners: Sequence[Owner]) -> bytes:
    """CSV: whose the chosen pictures are, at the very end."""
    by = {each.handin: each.student for each in owners}
    rows = [(each.name, str(each.votes), by[each.handin].called, by[each.handin].mail) for each in chosen]
    return sheet(("picture", "votes", "name", "mail"), rows)
