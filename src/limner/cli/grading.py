"""`limner course grade`: a class's hand-ins become sheets without names, and marks written by hand become results."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.checking import spec_flag
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.coursework.grading.folder import Folder
    from limner.coursework.grading.gather import Desk
    from limner.coursework.grading.results import Result
    from limner.coursework.grading.roll import Student
    from limner.coursework.grading.rubric import Rubric
    from limner.coursework.spec import Spec


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "handins", nargs="*", type=Path, metavar="PATH", help="zips, one a student, or a folder with one for each"
    )
    job.add_argument("--out", type=Path, required=True, metavar="DIR", help="the marking folder, new or begun before")
    spec_flag(job)
    job.add_argument(
        "--task", action="append", default=[], metavar="NAME", help="a task that has to be handed in; again for more"
    )
    job.add_argument("--rubric", type=Path, metavar="FILE.toml", help="what is marked; ten points a task if left out")
    job.add_argument("--roster", type=Path, metavar="FILE.csv", help="who is who: columns such as name, email, sid")
    job.add_argument("--studio", type=Path, metavar="DIR", help="ask the studio in this folder for pictures' receipts")
    job.add_argument("--database", metavar="URL", help="the studio's; studio.db in its folder if left out")
    job.add_argument("--marks", type=Path, metavar="FILE.csv", help="read marks that were filled in, as DIR/marks.csv")
    job.add_argument("--marker", metavar="NAME", help="who gave these marks; whoever is signed in here if left out")
    job.add_argument("--csv", type=Path, metavar="FILE.csv", help="write everybody's totals, with their names")
    job.add_argument("--results", type=Path, metavar="DIR", help="write a results.json for each student who is marked")
    job.add_argument("--junit", type=Path, metavar="FILE.xml", help="write how far the marking is as JUnit XML")
    job.add_argument("--print", type=Path, metavar="DIR", help="write the pictures with votes in DIR/awards.csv as A3")
    job.add_argument("--credits", type=Path, metavar="FILE.csv", help="write whose those pictures are")
    job.set_defaults(job=grade)


def grade(args: argparse.Namespace) -> int:
    """0, also where hand-ins have errors: they are there to be marked."""
    import warnings

    from limner.coursework.grading.folder import Folder
    from limner.coursework.grading.roll import roster
    from limner.coursework.specfile import read

    spec, folder = read(args.spec), Folder(args.out)
    students = roster(args.roster) if args.roster else []
    if not args.handins and not (args.out / "handins.json").exists():
        raise LimnerError(f"{args.out} is no marking folder yet", "give the hand-ins, too")
    if args.handins:
        folder.begun()
    with folder.held(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata
        rubric = _rubric(args, folder, spec)
        _read(args, folder, spec)
        if args.handins:
            _gather(args, folder, spec, students)
        from limner.coursework.grading.rubric import written

        _write(args.out / "rubric.toml", written(rubric).encode())
        folder.framed(spec, rubric)
        _told(args, folder, rubric, students)
        _awards(args, folder, spec)
    return 0


def _rubric(args: argparse.Namespace, folder: "Folder", spec: "Spec") -> "Rubric":
    from limner.coursework.grading.rubric import read

    return read(args.rubric, spec) if args.rubric else folder.rubric(spec)


def _read(args: argparse.Namespace, folder: "Folder", spec: "Spec") -> None:
    """Marks that were filled in: of the file that is named, and of the folder's own, which is about to be written."""
    from limner.coursework.grading.folder import now
    from limner.coursework.grading.marks import WrongMarksError, read

    seen = {each.handin: each.seen for each in folder.handins().values()}
    own = [folder.table] if args.handins and folder.table.exists() else []
    for path in dict.fromkeys([*own, *([args.marks] if args.marks else [])]):
        rubric = folder.rubric(spec) if path == folder.table else _rubric(args, folder, spec)
        try:
            new = read(path, seen, rubric, args.marker or _marker(), now(), folder.marks())
        except WrongMarksError as fault:
            if len(fault.lines) > 1:
                print(*map(asked.printable, fault.lines), sep="\n", file=sys.stderr)
            raise LimnerError(str(fault), "no mark was taken: mend it, and read it again") from fault
        folder.mark(new)
        if new or path == args.marks:
            print(f"{path}: {_many(len(new), 'new mark')}")


def _marker() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (OSError, KeyError) as fault:
        raise LimnerError("nobody says who marks", "name them with --marker") from fault


def _gather(args: argparse.Namespace, folder: "Folder", spec: "Spec", students: "Sequence[Student]") -> None:
    from limner.coursework.grading.gather import gathered, strangers
    from limner.coursework.grading.roll import sent
    from limner.coursework.grading.shortlist import hung

    found = sent(args.handins)
    for task in args.task:
        spec.task(task)
    count = 0
    for handin, new in gathered(folder, found, students, _desk(args, spec)):
        count += new
        if new:
            counts = f"{_many(handin.errors, 'error')}, {_many(handin.warnings, 'warning')}"
            print(f"{handin.handin}: {handin.verdict} ({counts}), {_many(handin.pictures, 'picture')}")
    hung(folder)
    for each in strangers(found, students):
        print(asked.printable(f"{each.path}: nobody on the roster is called {each.key}"), file=sys.stderr)
    print(f"{_many(len(found), 'hand-in')}, {count} of them new or changed: open {folder.path / 'index.html'}")


def _desk(args: argparse.Namespace, spec: "Spec") -> "Desk":
    """How hand-ins are read: with receipts, where a studio is asked for them."""
    from limner.coursework.grading.gather import Desk
    from limner.coursework.grading.vouching import words

    if not args.studio:
        return Desk(spec, tuple(args.task))
    from limner.cli.keys import house
    from limner.studio.receipts import StudioBook, called

    here = house(args.studio, args.database)
    database = here.store().database
    book = StudioBook(database, here.vault())

    def names(student: "Student") -> list[str]:
        try:
            return called(database, student.mail or student.key)
        except LimnerError:
            return []  # nobody of the studio's

    return Desk(
        spec, tuple(args.task), lambda student, name, data: words(name, data, book, names(student)), str(args.studio)
    )


def _told(args: argparse.Namespace, folder: "Folder", rubric: "Rubric", students: "Sequence[Student]") -> None:
    """Totals, results and JUnit."""
    from limner.coursework.grading import results

    if not (args.csv or args.results or args.junit):
        return
    owners = folder.owners()
    if not owners:
        raise LimnerError(f"{folder.private} does not say whose is what", "put that folder back")
    found = results.results(owners, folder.handins(), rubric, folder.marks(), students)
    if args.csv:
        _write(args.csv, results.totals(found, rubric))
    if args.junit:
        _write(args.junit, results.junit(found))
    if args.results:
        _results(args.results, found)
    for each in found:
        if not each.whole:
            print(asked.printable(f"{each.student.called}: {each.state}"), file=sys.stderr)


def _results(folder: Path, found: "Sequence[Result]") -> None:
    from limner.coursework.grading.results import filename, gradescope
    from limner.metadata import prepare

    prepare(folder)
    whole = [each for each in found if each.whole and each.handin]
    for each in whole:
        _write(folder / filename(each), gradescope(each))
    print(f"{folder}: {_many(len(whole), 'result')}")


def _awards(args: argparse.Namespace, folder: "Folder", spec: "Spec") -> None:
    from limner.coursework.grading.shortlist import credited, printed, votes

    if not (args.print or args.credits):
        return
    chosen, owners = votes(folder), folder.owners()
    if not chosen:
        raise LimnerError(
            f"no picture has a vote in {folder.votes}", "write numbers behind the pictures that you chose"
        )
    if args.print:
        from limner.metadata import prepare

        prepare(args.print)
        for each, about in printed(folder, chosen, owners, spec, args.print):
            print(f"{args.print / each.name}.pdf: {about}")
    if args.credits:
        _write(args.credits, credited(chosen, owners))


def _write(path: Path, data: bytes) -> None:
    from limner.coursework.grading.folder import replaced

    replaced(data, path)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else noun + 's'}"
