"""Jobs of `limner course` on a course folder: begun, filled from pictures, seen through, and packed."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.coursework.folder import Folder
    from limner.coursework.resaved import Stored
    from limner.coursework.spec import Task
    from limner.metadata import Reading

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]


def jobs(parsers: "Parsers") -> None:
    """All of them."""
    new_flags(parsers.add_parser("new", help="begin a course folder, in which a hand-in grows"))
    add_flags(parsers.add_parser("add", help="put pictures into a task: what they say of themselves fills the entry"))
    edit_flags(parsers.add_parser("edit", help="write the words of an entry, or of a task"))
    move_flags(parsers.add_parser("move", help="change the order of a task's entries"))
    remove_flags(parsers.add_parser("remove", help="take an entry out, with its pictures"))
    status_flags(parsers.add_parser("status", help="show what is missing, and what to do next"))
    pack_flags(parsers.add_parser("pack", help="write the zip that is handed in, checked before"))


def new_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job, "a new folder")
    job.add_argument(
        "--spec", type=Path, metavar="FILE.toml", help="an assignment's file; the four published tasks if left out"
    )
    job.set_defaults(job=new)


def add_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job)
    _task_flag(job)
    job.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG or WebP file")
    where = job.add_mutually_exclusive_group()
    where.add_argument("--replace", type=int, metavar="N", help="in the place of number N, whose words stay")
    where.add_argument("--into", type=int, metavar="N", help="beside the pictures that number N has")
    job.add_argument("--key", default="", metavar="KEY", help="which of an entry's pictures, where it has several keys")
    _said_flags(job)
    job.set_defaults(job=add)


def edit_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job)
    _task_flag(job)
    job.add_argument(
        "number", nargs="?", type=int, default=0, metavar="N", help="an entry; the task's own keys if left out"
    )
    _said_flags(job)
    job.set_defaults(job=edit)


def move_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job)
    _task_flag(job)
    job.add_argument("number", type=int, metavar="N", help="which entry")
    job.add_argument("to", type=int, metavar="TO", help="its new number")
    job.set_defaults(job=move)


def remove_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job)
    _task_flag(job)
    job.add_argument("number", type=int, metavar="N", help="which entry; its pictures go with it")
    job.set_defaults(job=remove)


def status_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job)
    asked.json_flag(job)
    job.set_defaults(job=status)


def pack_flags(job: argparse.ArgumentParser) -> None:
    _folder_flag(job)
    job.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="NAME",
        help="only this task; again for more; all begun if left out",
    )
    job.add_argument("--out", type=Path, metavar="OUT.zip", help="a new zip; DIR-hand-in.zip, made anew, if left out")
    job.add_argument("--anyway", action="store_true", help="write it with errors, too")
    job.set_defaults(job=pack)


def _folder_flag(job: argparse.ArgumentParser, what: str = "a course folder") -> None:
    job.add_argument("folder", type=Path, metavar="DIR", help=what)


def _task_flag(job: argparse.ArgumentParser) -> None:
    job.add_argument("task", metavar="TASK", help="bias, movie-poster, ...: as the assignment calls it")


def _said_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("--correct", metavar="TEXT", help="what is right about it, in a sentence")
    job.add_argument("--incorrect", metavar="TEXT", help="what is wrong about it, in a sentence")
    job.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="said",
        help="any other key; again for more, and for each text of a list",
    )  # fmt: skip


def new(args: argparse.Namespace) -> int:
    from limner.coursework.folder import new as begin

    made = begin(args.folder, args.spec)
    tasks = ", ".join(task.name for task in made.spec.tasks)
    for line in (f"{args.folder} is begun: {made.spec.name} ({tasks})", *_ahead(made, made.spec.tasks[0])):
        print(asked.printable(line))
    return 0


def add(args: argparse.Namespace) -> int:
    """Whatever cannot be read, nothing is added."""
    from limner.coursework.drafts import picture_key, pictures
    from limner.coursework.spec import Kind
    from limner.coursework.using import use, worded

    folder, task = _opened(args)
    key, number, words = picture_key(task, args.key), args.replace or args.into or 0, _words(args)
    if key.kind != Kind.PICTURES and number and len(args.pictures) > 1:
        raise LimnerError(f"{key.name} of number {number} takes one picture", "add the others by themselves")
    read = [_read(path) for path in args.pictures]
    with folder.held():
        draft = folder.draft(task)
        replaced = pictures(task, draft.entry(number)) if args.replace else []
        worded(folder.spec, draft.added({}), len(draft.entries) + 1, words)  # LimnerError before anything is stored
        names = folder.store(task, [each.data for each in read])
        stored = [(name, each.reading) for name, each in zip(names, read, strict=True)]
        lines = list[str]()
        for group in [stored] if key.kind == Kind.PICTURES else [[each] for each in stored]:
            used = use(folder.spec, draft, key, group, number, beside=bool(args.into))
            draft = worded(folder.spec, used.draft, used.number, words)
            lines += [
                f"{task.name} {used.number}: {', '.join(name for name, _ in group)}{_of(draft.entry(used.number))}"
            ]
            left = [line for name, line in used.open.items() if not draft.entry(used.number).get(name)]
            lines += [f"  {line}" for line in (*left, *_apart(group))]
        folder.keep(draft)
        folder.forget(replaced)
    for line in (
        *lines,
        *(f"  {path}: {each.lost}" for path, each in zip(args.pictures, read, strict=True) if each.lost),
        *_ahead(folder, task),
    ):
        print(asked.printable(line))
    return 0


def _read(path: Path) -> "Stored":
    from limner.coursework.resaved import stored

    try:
        return stored(path.read_bytes(), str(path))
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "give a picture's file") from fault


def _of(entry: Mapping[str, object]) -> str:
    """A few words on what an entry says of its picture."""
    said = [f"seed {entry['seed']}"] if isinstance(entry.get("seed"), int) else []
    said += [str(entry["model"])] if entry.get("model") else []
    prompt = str(entry.get("prompt") or "")
    return f" ({', '.join(said)})" * bool(said) + f": {prompt[:60]}" * bool(prompt)


def _apart(group: "Sequence[tuple[str, Reading]]") -> list[str]:
    """Pictures of one entry that were not asked for by the same words."""
    prompts = {reading.wish.prompt for _, reading in group if reading.wish.prompt}
    return [f"they have {len(prompts)} different prompts: the entry says the first one"] if len(prompts) > 1 else []


def _words(args: argparse.Namespace) -> dict[str, list[str]]:
    """What was said behind --set, --correct and --incorrect, by its key."""
    words = dict[str, list[str]]()
    for each in args.said:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise LimnerError(f"--set {each[:40]!r} has no key", "write --set key=value")
        words.setdefault(name.strip(), []).append(value)
    for name in ("correct", "incorrect"):
        if getattr(args, name) is not None:
            words.setdefault(name, []).append(getattr(args, name))
    return words


def edit(args: argparse.Namespace) -> int:
    from limner.coursework.using import worded

    folder, task = _opened(args)
    words = _words(args)
    if not words:
        raise LimnerError("nothing is to be changed", "say --set key=value")
    with folder.held():
        draft = folder.draft(task)
        if args.number:
            draft.entry(args.number)
        folder.keep(worded(folder.spec, draft, args.number, words))
    where = f"number {args.number} of {task.name}" if args.number else task.name
    for line in (f"{where}: {', '.join(words)} written", *_ahead(folder, task)):
        print(asked.printable(line))
    return 0


def move(args: argparse.Namespace) -> int:
    folder, task = _opened(args)
    with folder.held():
        folder.keep(folder.draft(task).moved(args.number, args.to))
    print(asked.printable(f"{task.name}: number {args.number} is number {args.to} now"))
    return 0


def remove(args: argparse.Namespace) -> int:
    from limner.coursework.drafts import pictures

    folder, task = _opened(args)
    with folder.held():
        draft = folder.draft(task)
        gone = draft.entry(args.number)
        folder.keep(draft.removed(args.number))
        names = folder.forget(pictures(task, gone))
    print(
        asked.printable(f"{task.name}: number {args.number} is removed{_of(gone)}; {', '.join(names) or 'no picture'}")
    )
    return 0


def status(args: argparse.Namespace) -> int:
    """0 where nothing is missing and nothing is wrong, else 1."""
    from limner.coursework import standing

    folder = _opened(args)[0]
    found = standing.standing(folder)
    if args.json:
        asked.print_json(standing.told(found))
    else:
        print("\n".join(map(asked.printable, standing.lines(found))))
    return 0 if found.complete else 1


def pack(args: argparse.Namespace) -> int:
    """0 written without errors; 1 there are errors, and it is written if that was said."""
    from limner.coursework.parcel import pack as packed
    from limner.coursework.told import lines

    folder = _opened(args)[0]
    done = packed(folder, args.task, args.out, args.anyway)
    for line in lines(done.report):
        print(asked.printable(line))
    for task in done.left:
        print(asked.printable(f"{task.name} is not begun, and not in it"))
    print(asked.printable(done.sentence))
    return int(done.report.code > 0)


def _opened(args: argparse.Namespace) -> "tuple[Folder, Task]":
    """The folder, and the task that is named; the first where none is."""
    from limner.coursework.folder import opened

    folder = opened(args.folder)
    named = args.task if isinstance(getattr(args, "task", None), str) else folder.spec.tasks[0].name
    return folder, folder.spec.task(named)


def _ahead(folder: "Folder", task: "Task") -> list[str]:
    """What to do next, in this task if anything is, without a look at the pictures."""
    from limner.coursework.standing import ahead

    return list(ahead(folder, task))
