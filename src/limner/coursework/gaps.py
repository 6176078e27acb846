"""What a task still lacks, gap by gap: before anything is packed, and without looking at a picture."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from limner.coursework.drafts import Draft
from limner.coursework.recipes import Told
from limner.coursework.spec import PICTURED, Key, Kind, Spec, Task
from limner.coursework.works import Plain

FEW = 8  # numbers that are listed


@dataclass(frozen=True, slots=True)
class Gap:
    """A key without a value: of an entry by its number from 1, or of the task itself by 0; "" for whole entries.

    `number` of such a gap is how many entries are missing, and `lost` says that a picture is named and not there.
    """

    task: Task
    number: int
    key: str
    lost: bool = False


def gaps(draft: Draft, there: Collection[str]) -> list[Gap]:
    """In the order in which one would fill them; `there` are the names of the pictures that can be read."""
    task = draft.task
    found = [Gap(task, 0, key.name) for key in task.keys if not key.optional and not said(draft.said.get(key.name))]
    if (more := task.entries.least - len(draft.entries)) > 0:
        found.append(Gap(task, more, ""))
    for number, entry in enumerate(draft.handed, 1):
        found += _of_entry(task, number, entry, there)
    return found


def said(value: Plain) -> bool:
    """Whether something stands there: 0 is something, blanks are not."""
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value != [] and value != ()


def _of_entry(task: Task, number: int, entry: Told, there: Collection[str]) -> Iterator[Gap]:
    for key in task.entries.keys:
        if not said(entry.get(key.name)):
            if not key.optional:
                yield Gap(task, number, key.name)
        elif key.kind in PICTURED and any(name not in there for name in _named(entry, key)):
            yield Gap(task, number, key.name, lost=True)


def _named(entry: Told, key: Key) -> list[str]:
    value = entry.get(key.name)
    return [str(name) for name in (value if isinstance(value, list | tuple) else [value])]


def words(found: Sequence[Gap]) -> str:
    """A task's gaps in a line, the same key of several entries once."""
    parts = list[str]()
    for gap in found:
        if not gap.key:
            parts.append(f"{gap.number} more {'entry' if gap.number == 1 else 'entries'}")
        elif not gap.number:
            parts.append(gap.key)
    of_entries = dict[tuple[str, bool], list[int]]()
    for gap in found:
        if gap.key and gap.number:
            of_entries.setdefault((gap.key, gap.lost), []).append(gap.number)
    parts += [
        f"{key}{' (the picture is gone)' if lost else ''} of {_listed(n)}" for (key, lost), n in of_entries.items()
    ]
    return "; ".join(parts)


def _listed(numbers: Sequence[int]) -> str:
    few = ", ".join(map(str, numbers[:FEW]))
    return few if len(numbers) <= FEW else f"{few} and {len(numbers) - FEW} others"


def next_step(spec: Spec, found: Sequence[Gap]) -> str:
    """What to do next, in a sentence; "" where nothing is missing."""
    if not found:
        return ""
    gap, task = found[0], found[0].task
    if not gap.key:
        least, most = task.entries.least, task.entries.most
        many = f"{least}" if least == most else f"at least {least}"
        return f"{task.title} ({task.name}) wants {many} entries: add {gap.number} more."
    keys = {key.name: key for key in (task.entries.keys if gap.number else task.keys)}
    where = f"number {gap.number} of {task.name}" if gap.number else task.name
    if gap.lost:
        return f"The picture of {where} is gone: give another."
    key = keys[gap.key]
    if key.kind in PICTURED:
        return f"Give {where} its {'pictures' if key.kind == Kind.PICTURES else 'picture'}."
    if key.kind == Kind.MODEL:
        return f"Say which model drew {where}: {', '.join(spec.models)}."
    return f"Say {gap.key} of {where}{f': {key.about}' if key.about else ''}."
