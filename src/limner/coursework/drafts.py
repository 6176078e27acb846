"""A task's work while it grows: what its JSON file will say, changed one step at a time and never by half."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import PurePosixPath

from limner.coursework.recipes import Told
from limner.coursework.shape import bare
from limner.coursework.spec import MANY, PICTURED, Key, Kind, Spec, Task
from limner.coursework.works import Plain
from limner.errors import LimnerError
from limner.recipe import SEEDS

LONGEST = 20_000  # characters of a text


@dataclass(frozen=True, slots=True)
class Draft:
    """`said` are the task's own keys, `entries` its list; both may hold keys that the assignment does not know."""

    task: Task
    said: Told = field(default_factory=dict)
    entries: tuple[Told, ...] = ()

    @property
    def handed(self) -> tuple[Told, ...]:
        """The entries that are handed in: as many as the task takes, from the first on.  The others are kept."""
        return self.entries[: self.task.entries.most]

    @property
    def begun(self) -> bool:
        return bool(self.entries) or any(self.said.get(key.name) for key in self.task.keys)

    def entry(self, number: int) -> Told:
        """Counted from 1; LimnerError where there is none."""
        if not 1 <= number <= len(self.entries):
            there = f"there are {len(self.entries)}" if self.entries else "there is none yet"
            raise LimnerError(f"{self.task.name} has no number {number}", f"{there}", 404)
        return self.entries[number - 1]

    def names(self) -> list[str]:
        """Of all pictures that its entries name, in their order."""
        return [name for entry in self.entries for name in pictures(self.task, entry)]

    def added(self, entry: Told) -> "Draft":
        return replace(self, entries=(*self.entries, entry))

    def put(self, number: int, entry: Told) -> "Draft":
        """Another entry in the place of one."""
        self.entry(number)
        return replace(self, entries=(*self.entries[: number - 1], entry, *self.entries[number:]))

    def removed(self, number: int) -> "Draft":
        self.entry(number)
        return replace(self, entries=(*self.entries[: number - 1], *self.entries[number:]))

    def moved(self, number: int, to: int) -> "Draft":
        """One entry to another's place; those between move up or down."""
        moving, rest = self.entry(number), self.removed(number).entries
        self.entry(to)
        return replace(self, entries=(*rest[: to - 1], moving, *rest[to - 1 :]))


def pictures(task: Task, entry: Told) -> list[str]:
    """The names that an entry gives for its pictures."""
    said = [entry.get(key.name) for key in task.entries.of_kind(*PICTURED)]
    many = [each for value in said for each in (value if isinstance(value, list | tuple) else [value])]
    return [name for name in many if isinstance(name, str) and name]


def picture_key(task: Task, name: str = "") -> Key:
    """Where an entry names pictures: by the key's name, or its first; LimnerError where there is none."""
    keys = task.entries.of_kind(*PICTURED)
    found = next((key for key in keys if not name or bare(key.name) == bare(name)), None)
    if found is None:
        there = f"choose from {', '.join(key.name for key in keys)}" if keys else f"{task.name} takes no pictures"
        raise LimnerError(f"no key {name!r} of {task.name} names pictures" if name else "no key names pictures", there)
    return found


def key_of(keys: Sequence[Key], name: str, where: str) -> Key:
    """The key that is meant; LimnerError says which there are."""
    found = next((key for key in keys if bare(key.name) == bare(name)), None)
    if found is None:
        near = get_close_matches(name, [key.name for key in keys], n=1)
        meant = f"did you mean {near[0]}?" if near else f"choose from {', '.join(key.name for key in keys)}"
        raise LimnerError(f"no key of {where} is called {name[:60]!r}", meant)
    return found


def typed(spec: Spec, key: Key, texts: Sequence[str]) -> Plain:
    """What was typed, as what the key holds; LimnerError where it cannot be.  Nothing typed is nothing said."""
    words = [_clean(key, text) for text in texts]
    if key.kind == Kind.TEXTS:
        return [word for word in words if word]
    if len(words) != 1:
        raise LimnerError(f"{key.name} is said {len(words)} times", "say it once")
    if key.kind in PICTURED:
        raise LimnerError(f"{key.name} names pictures that are kept here", "add the picture itself")
    if key.kind == Kind.SEED and words[0]:
        return _seed(key, words[0])
    if key.kind == Kind.MODEL and words[0] and words[0] not in spec.models:
        same = next((each for each in spec.models if bare(each) == bare(words[0])), None)
        if same is None:
            raise LimnerError(
                f"the assignment knows no model {words[0][:60]!r}", f"choose from {', '.join(spec.models)}"
            )
        return same
    return words[0]


def _clean(key: Key, text: str) -> str:
    if len(text) > LONGEST:
        raise LimnerError(f"{key.name} has {len(text)} characters", f"write at most {LONGEST}")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return "".join(each if each in "\n\t" or each.isprintable() else " " for each in lines)


def _seed(key: Key, word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 10 and int(word) < SEEDS):
        raise LimnerError(f"{key.name} {word[:30]!r} is no seed", f"write a whole number from 0 to {SEEDS - 1}")
    return int(word)


def told(draft: Draft) -> dict[str, Plain]:
    """The object of the task's file, the assignment's keys first and in its order."""
    task = draft.task
    body: dict[str, Plain] = {task.entries.key: [_ordered(task.entries.keys, each) for each in draft.entries]}
    return {**_ordered(task.keys, draft.said), **body}


def _ordered(keys: Sequence[Key], said: Told) -> dict[str, Plain]:
    names = [key.name for key in keys if key.name in said]
    return {name: said[name] for name in (*names, *(name for name in said if name not in names))}


def named(draft: Draft) -> tuple[Draft, dict[str, str]]:
    """What is handed in of a draft, its pictures called by their order; and their former names by the new ones."""
    names = [name for entry in draft.handed for name in pictures(draft.task, entry)]
    stem = PurePosixPath(draft.task.file).stem
    new = {name: f"{stem}-{number:02}.jpg" for number, name in enumerate(dict.fromkeys(names), 1)}
    entries = tuple(_called(entry, new) for entry in draft.handed)
    return replace(draft, entries=entries), {called: name for name, called in new.items()}


def _called(entry: Told, new: Mapping[str, str]) -> Told:
    return {name: _with(value, new) for name, value in entry.items()}


def _with(value: Plain, new: Mapping[str, str]) -> Plain:
    if isinstance(value, list | tuple):
        return [_called(each, new) if isinstance(each, Mapping) else _with(each, new) for each in value]
    return new.get(value, value) if isinstance(value, str) else value


def blank(task: Task) -> Draft:
    """A draft in which nothing is said yet."""
    return Draft(task, {key.name: empty(key) for key in task.keys if not key.optional})


def empty(key: Key) -> Plain:
    return [] if key.kind in MANY else ""


def written(value: Mapping[str, Plain]) -> str:
    """JSON as people read it: an entry's keys on lines of their own, and what lies deeper on one line each."""
    return _written(value, 0) + "\n"


def _written(value: Plain, depth: int) -> str:
    inside, outside = "  " * (depth + 1), "  " * depth
    if isinstance(value, Mapping) and value and depth < 3:
        lines = (f"{inside}{_line(name)}: {_written(each, depth + 1)}" for name, each in value.items())
        return "{\n" + ",\n".join(lines) + f"\n{outside}}}"
    if isinstance(value, list | tuple) and (depth < 2 or any(isinstance(each, Mapping) for each in value)) and value:
        return "[\n" + ",\n".join(inside + _written(each, depth + 1) for each in value) + f"\n{outside}]"
    return _line(value)


def _line(value: Plain) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)
