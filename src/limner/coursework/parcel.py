"""A course folder's hand-in as a file: written whole, over none but an earlier one of its own, and judged before."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from limner.coursework.folder import Folder
from limner.coursework.pack import ours, tried
from limner.coursework.spec import Task
from limner.coursework.validate import Report
from limner.errors import LimnerError


@dataclass(frozen=True, slots=True)
class Packed:
    """`out` is None where errors kept it from being written; `left` are tasks that are not begun."""

    out: Path | None
    report: Report
    left: Sequence[Task]
    sentence: str


def pack(folder: Folder, tasks: Sequence[str] = (), out: Path | None = None, anyway: bool = False) -> Packed:
    """The tasks that are named, or all that are begun; LimnerError where that is none, or `out` is there already."""
    named = [folder.spec.task(name) for name in tasks]
    with folder.held():
        drafts = [folder.draft(task) for task in named or folder.spec.tasks]
        chosen = [draft for draft in drafts if named or draft.begun]
        if not chosen:
            raise LimnerError(f"nothing is begun in {folder.path}", "limner course add puts a picture into a task")
        place = _place(folder, out)
        with tried(folder.spec, chosen, folder.picture, str(place)) as (made, report):
            if written := report.code == 0 or anyway:
                _put(made, place, replacing=out is None)
    left = [draft.task for draft in drafts if draft not in chosen]
    return Packed(place if written else None, report, left, _sentence(place, report, written))


def _sentence(place: Path, report: Report, written: bool) -> str:
    if not written:
        return f"{place} is NOT written, for the errors above; --anyway writes it with them"
    return f"{place} is written{', with the errors above' if report.code else ''}"


def _place(folder: Folder, out: Path | None) -> Path:
    """Where the zip goes, which is nobody else's place."""
    if out is not None:
        if out.suffix.lower() != ".zip":
            raise LimnerError(f"{out} does not end in .zip", "that is what is written")
        if out.exists():
            raise LimnerError(f"{out} exists", "nothing is overwritten: choose another name")
        return out
    whole = folder.path.resolve()
    place = (
        folder.path.parent / f"{whole.name}-hand-in.zip" if folder.path.name else Path(f"../{whole.name}-hand-in.zip")
    )
    if place.exists() and not ours(place):
        raise LimnerError(f"{place} exists, and limner did not pack it", "choose a name with --out")
    return place


def _put(made: Path, place: Path, replacing: bool) -> None:
    part = place.with_name(f".{token_hex(8)}.part")
    try:
        shutil.copyfile(made, part)
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        if replacing:
            part.replace(place)
        else:
            os.link(part, place)
    except FileExistsError as fault:
        raise LimnerError(f"{place} exists", "nothing is overwritten: choose another name") from fault
    except OSError as fault:
        raise LimnerError(f"cannot write {place}: {fault.strerror or fault}", "choose another place") from fault
    finally:
        part.unlink(missing_ok=True)
