"""A task as a hand-in tells it: every value with its place, every picture with its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from limner.coursework.finding import Finding, Place
from limner.coursework.handin import File
from limner.coursework.look import Look
from limner.coursework.spec import Task
from limner.coursework.text import Edit

Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class Said:
    """A value as it will be read, and where it stands; `parts` are those of a list."""

    value: Plain
    place: Place
    parts: tuple["Said", ...] = ()

    @property
    def text(self) -> str:
        """Its words; "" where it is none."""
        return self.value if isinstance(self.value, str) else ""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that an entry names: `path` as it stands there; `file` and `look` None where there is none to see.

    `span` is where its name begins and ends in the text, in characters.
    """

    path: str
    place: Place
    span: tuple[int, int]
    file: File | None = None
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a task's list, counted from 1: the keys that the assignment knows, as it spells them, and the others."""

    number: int
    place: Place
    fields: Mapping[str, Said]
    shots: tuple[Shot, ...] = ()
    extra: Mapping[str, Said] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """A task's JSON file as it will be read; `findings` are those of its text and its values, `edits` mend some."""

    task: Task
    file: File
    fields: Mapping[str, Said] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    findings: tuple[Finding, ...] = ()
    edits: tuple[Edit, ...] = ()
