"""An assignment as data: which tasks, which keys, how many, and what may stand behind each; another is another file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from limner.errors import LimnerError

MIB = 2**20


class Kind(StrEnum):
    """What stands behind a key."""

    TEXT = "text"
    TEXTS = "texts"
    MODEL = "model"
    SEED = "seed"
    PICTURE = "picture"
    PICTURES = "pictures"


MANY = (Kind.TEXTS, Kind.PICTURES)
PICTURED = (Kind.PICTURE, Kind.PICTURES)


@dataclass(frozen=True, slots=True)
class Key:
    """A key with its exact spelling; one that is optional may be left out."""

    name: str
    kind: Kind
    about: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    """A task's list: under which key, how many (`most` None: no bound), and what each of them says.

    `once` names the aspects that no two entries may share; `statistic` the key whose text gives a share of the
    entry's own pictures, "" where there is none.
    """

    key: str
    least: int
    most: int | None
    keys: tuple[Key, ...]
    once: tuple[str, ...] = ()
    statistic: str = ""

    def of_kind(self, *kinds: Kind) -> tuple[Key, ...]:
        return tuple(key for key in self.keys if key.kind in kinds)


@dataclass(frozen=True, slots=True)
class Task:
    """One JSON file of a hand-in: its own keys, and those of its entries."""

    name: str
    title: str
    file: str
    keys: tuple[Key, ...]
    entries: Entries


@dataclass(frozen=True, slots=True)
class Aspect:
    """What may be used once in a task.

    An entry's own key of its name says it.  Else the words of `words_of` do: the group whose words they are, if there
    are groups; all of them but those left out, if there are none.
    """

    name: str
    says: str
    words_of: str
    leave_out: frozenset[str] = frozenset()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read of a hand-in at most: files, bytes, and pixels of a picture and of all.

    Bytes are those of all files, of one, and of a JSON file.
    """

    files: int = 1000
    total: int = 400 * MIB
    file: int = 40 * MIB
    text: int = MIB // 4
    pixels: int = 16_800_000
    all_pixels: int = 250_000_000


@dataclass(frozen=True, slots=True)
class Spec:
    """The whole assignment."""

    name: str
    models: tuple[str, ...]
    formats: tuple[str, ...]
    templates: tuple[str, ...]
    tasks: tuple[Task, ...]
    aspects: Mapping[str, Aspect]
    limits: Limits = Limits()

    def task(self, name: str) -> Task:
        """LimnerError where there is none of that name."""
        for task in self.tasks:
            if task.name == name:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise LimnerError(f"the assignment has no task {name[:64]!r}", f"choose from {names}", 404)
