"""A course folder: the hand-in as it grows, in plain files that a student can read, edit and back up.

For each task its JSON file, as it will be handed in; the pictures beside; `assignment.toml`, the rules it keeps to.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from secrets import token_hex

from limner.coursework.drafts import Draft, blank, told, written
from limner.coursework.loose import loose
from limner.coursework.spec import Spec, Task
from limner.coursework.specfile import parsed, read
from limner.coursework.text import Fault, text
from limner.coursework.works import Plain
from limner.errors import LimnerError
from limner.metadata import place

RULES, LOCK = "assignment.toml", ".lock"
WAIT = 30.0  # seconds for another command in the same folder


@dataclass(frozen=True, slots=True)
class Folder:
    """Every call sees whole files.  Who changes anything first holds the folder, so that two commands take turns."""

    path: Path
    spec: Spec

    @contextmanager
    def held(self) -> Iterator[None]:
        """LimnerError where another command keeps it for half a minute, or nobody may write there."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.path / LOCK, timeout=WAIT):
                yield
        except Timeout as fault:
            raise LimnerError(f"another command is busy in {self.path}", "wait for it, and try again") from fault

    def drafts(self) -> list[Draft]:
        return [self.draft(task) for task in self.spec.tasks]

    def draft(self, task: Task) -> Draft:
        """A task's work as it stands there; LimnerError names the line and column of what is no JSON."""
        file = self.path / task.file
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return blank(task)
        except OSError as fault:
            raise LimnerError(f"cannot read {file}: {fault.strerror or fault}", "check that it is a file") from fault
        if len(data) > self.spec.limits.text:
            raise LimnerError(f"{file} is larger than {self.spec.limits.text // 1024} KiB", "take out what is no text")
        return _draft(task, _read(data, file), file)

    def keep(self, draft: Draft) -> None:
        """On the disk when this returns, whole; what stood there is there until then."""
        file = self.path / draft.task.file
        part = file.with_name(f".{token_hex(8)}.part")
        try:
            place(written(told(draft)).encode(), part)
            os.replace(part, file)
        except OSError as fault:
            raise LimnerError(f"cannot write {file}: {fault.strerror or fault}", "see who may write there") from fault
        finally:
            part.unlink(missing_ok=True)

    def there(self) -> set[str]:
        """The names of the files that lie there."""
        return {each.name for each in self.path.iterdir() if each.is_file() and not each.is_symlink()}

    def picture(self, name: str) -> bytes:
        """A picture's file; LimnerError where there is none of that name in the folder itself."""
        file = self.path / name
        if Path(name).name != name or file.is_symlink():
            raise LimnerError(f"{name!r} is no file of {self.path}", "keep pictures beside the JSON files")
        try:
            return file.read_bytes()
        except OSError as fault:
            raise LimnerError(f"cannot read {file}: {fault.strerror or fault}", "add the picture again") from fault

    def store(self, task: Task, pictures: Sequence[bytes]) -> list[str]:
        """The names of new pictures of the task's, which no file and no entry has."""
        stem = Path(task.file).stem
        taken = {*self.there(), *(name for draft in self.drafts() for name in draft.names())}
        numbers = (re.fullmatch(rf"{re.escape(stem)}-(\d{{2,9}})\.jpg", name) for name in taken)
        first = max((int(match[1]) for match in numbers if match), default=0) + 1
        names = [f"{stem}-{number:02}.jpg" for number in range(first, first + len(pictures))]
        for name, data in zip(names, pictures, strict=True):
            place(data, self.path / name)
        return names

    def forget(self, names: Sequence[str]) -> list[str]:
        """Delete those pictures that no entry of any task names any more, and say which."""
        kept = {name for draft in self.drafts() for name in draft.names()}
        gone = [name for name in dict.fromkeys(names) if name not in kept and name in self.there()]
        for name in gone:
            (self.path / name).unlink(missing_ok=True)
        return gone


def opened(path: Path) -> Folder:
    """LimnerError where that is no course folder."""
    if not (path / RULES).is_file():
        raise LimnerError(f"{path} is no course folder", f"limner course new {path} begins one")
    return Folder(path, read(path / RULES))


def new(path: Path, spec: Path | None = None) -> Folder:
    """Begin one, in a folder that is empty or not there; its rules are a copy, so that it needs nothing else."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        what = "is a course folder already" if (path / RULES).is_file() else "is not empty"
        raise LimnerError(f"{path} {what}", "choose a new folder")
    rules = spec.read_bytes() if spec and spec.is_file() else None
    known = read(spec)
    usual = files("limner.coursework").joinpath(RULES).read_bytes()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise LimnerError(f"cannot make {path}: {fault.strerror or fault}", "choose another place") from fault
    made = Folder(path, known)
    for task in known.tasks:
        made.keep(blank(task))
    place(rules or usual, path / RULES)  # last: until it is there, this is no course folder
    return replace(made, spec=parsed((rules or usual).decode(), str(path / RULES)))


def _read(data: bytes, file: Path) -> Plain:
    """The JSON of a file; LimnerError says of the first mistake where it is and how it is mended."""
    try:
        value: Plain = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_number)
        return value
    except (ValueError, RecursionError):
        known = text(data)
        faults = loose(known.text).faults
    first = faults[0] if faults else Fault(0, "", "this is not saved as UTF-8", "save it as UTF-8")
    at = known.place(first.at)
    raise LimnerError(f"{file}:{at.line}:{at.column}: {first.sentence}", f"{first.fix}, then say this again")


def _once(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    """An object in which no key stands twice: which of the two was meant, nobody knows."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError
    return found


def _number(name: str) -> float:
    raise ValueError(name)


def _draft(task: Task, root: Plain, file: Path) -> Draft:
    """LimnerError where the file is JSON, and of another form."""
    if not isinstance(root, dict):
        raise LimnerError(f"{file} holds no object", f'let it begin with {{ and hold "{task.entries.key}": []')
    entries = root.get(task.entries.key, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise LimnerError(f"{file}: {task.entries.key} is no list of objects", "write [ { ... }, { ... } ]")
    own = {name: value for name, value in root.items() if name != task.entries.key}
    return Draft(task, {**blank(task).said, **own}, tuple(entries))
