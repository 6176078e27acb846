"""Jobs of `limner course` that check: a hand-in validated and mended, its rules as a schema, graders' packages."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.coursework.spec import Spec


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="zip, folder, or the files of one hand-in")
    job.add_argument(
        "--task", action="append", default=[], metavar="NAME", help="a task that has to be in it; again for more"
    )
    job.add_argument(
        "--fix", type=Path, metavar="OUT.zip", help="write a new zip in which what is safe to mend is mended"
    )
    job.add_argument("--junit", type=Path, metavar="FILE.xml", help="write the findings as JUnit XML, too")
    spec_flag(job)
    asked.json_flag(job)
    job.set_defaults(job=validate)


def schema_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("--task", metavar="NAME", help="only this task's")
    spec_flag(job)
    job.set_defaults(job=schema)


def autograder_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    job.add_argument(
        "--task", action="append", default=[], metavar="NAME", help="a task that has to be handed in; again for more"
    )
    spec_flag(job)
    job.set_defaults(job=autograder)


def spec_flag(job: argparse.ArgumentParser) -> None:
    """Which assignment."""
    job.add_argument(
        "--spec", type=Path, metavar="FILE.toml", help="an assignment's file; the four published tasks if left out"
    )


def spec(args: argparse.Namespace) -> "Spec":
    from limner.coursework.specfile import read

    return read(args.spec)


def validate(args: argparse.Namespace) -> int:
    """0 valid, with warnings or without; 1 errors; 2 unreadable."""
    import warnings

    from limner.coursework.told import junit, lines, told
    from limner.coursework.validate import reports

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata: the findings say what matters
        changes = _fixed(args) if args.fix else []
        found = list(reports([args.fix] if args.fix else args.paths, spec(args), args.task))
    if args.junit:
        _written(args.junit, junit(found).encode())
    if args.json:
        asked.print_json({**told(found), **({"changes": changes} if args.fix else {})})
        return max(each.code for each in found)
    for line in changes:
        print(asked.printable(line))
    for each in found:
        print("\n".join(map(asked.printable, lines(each))))
    return max(each.code for each in found)


def _fixed(args: argparse.Namespace) -> list[str]:
    """What was mended in the new zip."""
    from limner.coursework.handin import gathered
    from limner.coursework.mend import lines, mend

    (name, sources), *others = gathered(args.paths)
    if others:
        raise LimnerError(f"--fix mends one hand-in, and here are {1 + len(others)}", "mend them one by one")
    if args.fix.suffix != ".zip":
        raise LimnerError(f"{args.fix} does not end in .zip", "that is what is written")
    return list(lines(mend(name, sources, spec(args), args.fix), args.fix))


def schema(args: argparse.Namespace) -> int:
    from limner.coursework.schema import schema as made

    rules = spec(args)
    tasks = [rules.task(args.task)] if args.task else rules.tasks
    found = {task.file: made(rules, task) for task in tasks}
    asked.print_json(found[tasks[0].file] if args.task else found)
    return 0


def autograder(args: argparse.Namespace) -> int:
    from limner.coursework.autograder import write

    rules = spec(args)
    for name in args.task:
        rules.task(name)
    for folder in write(args.folder, args.task, args.spec):
        print(f"{folder}: see {args.folder / 'README'}")
    return 0


def _written(path: Path, data: bytes) -> None:
    """Written whole, over what an earlier run wrote."""
    from limner.metadata import place

    path.unlink(missing_ok=True)
    place(data, path)
