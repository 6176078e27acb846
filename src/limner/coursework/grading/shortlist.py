"""Pictures for awards, chosen without names, and printed larger than they are without anything being invented."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import SystemRandom

from limner.coursework.grading import paper
from limner.coursework.grading.folder import Folder, Handin, Owner, replaced
from limner.coursework.grading.gather import shots
from limner.coursework.grading.marks import sheet, uncelled
from limner.coursework.grading.roll import table
from limner.coursework.handin import Source, opened
from limner.coursework.spec import Spec
from limner.coursework.validate import report
from limner.errors import LimnerError
from limner.metadata import place

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

    files, handins = {each.handin: each.file for each in owners}, folder.handins()
    for each in chosen:
        data, said = _original(each, files, handins, spec)
        page = sheet_of(data, each.name, said)
        for ending, content in (("pdf", page.pdf), ("png", page.png)):
            path = out / f"{each.name}.{ending}"
            try:
                place(content, path)
            except FileExistsError as fault:
                raise LimnerError(f"{path} exists", "choose a new folder: nothing is overwritten") from fault
        yield each, page.about


def _original(
    each: Chosen, files: Mapping[str, str], handins: Mapping[str, Handin], spec: Spec
) -> tuple[bytes, Mapping[str, str]]:
    """The file as it was handed in, and what it says of how it was made."""
    from limner.coursework.grading.gather import fingerprint
    from limner.coursework.grading.view import own

    path = Path(files.get(each.handin, ""))
    gone = LimnerError(f"the hand-in of {each.name} is not where it was, or another", "grade the hand-ins again")
    if not files.get(each.handin) or not path.exists() or fingerprint(path) != handins[each.handin].seen:
        raise gone
    name = f"{each.handin}.zip"
    sources = [Source(path, name)]
    shot = list(shots(report(name, sources, spec)))[each.number - 1]
    with opened(name, sources, spec.limits) as handin:
        file = handin.file(shot.file.name) if shot.file else None
        if file is None or shot.look is None:
            raise gone
        return file.read(), own(shot.look.reading) if shot.look.reading else {}


def credited(chosen: Sequence[Chosen], owners: Sequence[Owner]) -> bytes:
    """CSV: whose the chosen pictures are, at the very end."""
    by = {each.handin: each.student for each in owners}
    rows = [(each.name, str(each.votes), by[each.handin].called, by[each.handin].mail) for each in chosen]
    return sheet(("picture", "votes", "name", "mail"), rows)


