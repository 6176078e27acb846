"""A course's rules, in a file that its instructor writes: who has what share, how much of what, until when."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from limner.coursework import specfile
from limner.coursework.grading import rubric
from limner.errors import LimnerError
from limner.studio.register import Role

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
Section = TypeVar("Section", bound="DataclassInstance")
Table: TypeAlias = Mapping[str, object]
WRONG = "see the page on the class file, docs/course.md"


@dataclass(frozen=True, slots=True)
class Kind:
    """What may stand behind a key, in words; and what limner makes of it, or ValueError."""

    says: str
    read: Callable[[object], object]


def _wants(good: bool, value: T) -> T:
    if not good:
        raise ValueError
    return value


def _text(value: object) -> str:
    text = _wants(isinstance(value, str), str(value)).strip()
    return _wants(0 < len(text) <= 200 and text.isprintable(), text)


def _flag(value: object) -> bool:
    return _wants(isinstance(value, bool), bool(value))


def _names(value: object) -> tuple[str, ...]:
    names = tuple(map(_text, value)) if isinstance(value, list) else ()
    return _wants(bool(names) and len(set(names)) == len(names), names)


def _between(low: int, high: int) -> Kind:
    def read(value: object) -> int:
        whole = value if isinstance(value, int) and not isinstance(value, bool) else low - 1
        return _wants(low <= whole <= high, whole)

    return Kind(f"a whole number from {low} to {high}", read)


def _share(value: object) -> float:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    return _wants(0.01 <= number <= 100, number)


def _day(edge: time) -> Callable[[object], float]:
    """Seconds since 1970: of the moment that is said, or of a day's first or last, where this machine stands."""

    def read(value: object) -> float:
        if isinstance(value, datetime):
            return value.timestamp()
        day = value if isinstance(value, date) else _wants(False, date.max)
        return datetime.combine(day, edge).astimezone().timestamp()

    return read


def _url(value: object) -> str:
    url = _text(value)
    return _wants(url.startswith(("http://", "https://")) and " " not in url, url.rstrip("/"))


def _mail(value: object) -> str:
    return _wants(fullmatch(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+", mail := _text(value)) is not None, mail)


def _one_of(*words: str) -> Kind:
    return Kind(f"one of {', '.join(words)}", lambda value: _wants(value in words, value))


TEXT = Kind("a text of 1 to 200 characters", _text)
FLAG = Kind("true or false", _flag)
NAMES = Kind("a list of different names", _names)
SHARE = Kind("a number from 0.01 to 100", _share)
FIRST = Kind("a day, from its beginning, or a day and time", _day(time.min))
LAST = Kind("a day, until its end, or a day and time", _day(time.max))
MAIL = Kind("a mail address", _mail)
URL = Kind("an address that begins with http:// or https://", _url)


def _key(help: str, kind: Kind) -> Mapping[str, str | Kind]:
    return {"help": help, "kind": kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The course itself."""

    name: str = field(metadata=_key("what the course is called", TEXT))
    models: tuple[str, ...] = field(
        default=("limner-mini",), metadata=_key("the models that may be drawn with, by their names or labels", NAMES)
    )
    address: str = field(
        default="http://127.0.0.1:7860", metadata=_key("where the class finds the studio: links begin so", URL)
    )
    assignment: str = field(
        default="",
        metadata=_key("the assignment's file, by which hand-ins are checked; the published if left out", TEXT),
    )
    rubric: str = field(
        default="",
        metadata=_key("the rubric's file, by which hand-ins are marked; ten points a task if left out", TEXT),
    )
    filter: bool = field(
        default=True,
        metadata=_key("whether pictures pass a filter before anybody sees them, as said below", FLAG),
    )
    previews: bool = field(
        default=False,
        metadata=_key("with the filter, whether unfinished pictures are shown all the same, which pass none", FLAG),
    )
    ends: float | None = field(
        default=None, metadata=_key("the last day; a student's account is kept for a while", LAST)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What somebody of this role has in the queue."""

    share: float = field(metadata=_key("of the devices' time, beside the others who wait", SHARE))
    waiting: int = field(metadata=_key("pictures that may wait at once", _between(1, 10_000)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How long one may come in."""

    days: int = field(default=14, metadata=_key("days for which an invitation is good", _between(1, 365)))
    closes: float | None = field(default=None, metadata=_key("the last day on which anybody comes in", LAST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long it is kept."""

    days: int = field(
        default=365, metadata=_key("days after which a picture and its job are removed", _between(1, 3650))
    )
    notice: int = field(
        default=14, metadata=_key("days before that in which it is said; a shorter time comes into force so much later",
                                  _between(1, 365))
    )  # fmt: skip
    accounts: int = field(
        default=60, metadata=_key("days after the course's end when students' accounts are deleted", _between(1, 3650))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """By which server invitations are mailed; its password is in the environment, LIMNER_MAIL_PASSWORD."""

    host: str = field(metadata=_key("the SMTP server", TEXT))
    sender: str = field(metadata=_key("the address that they come from", MAIL))
    port: int = field(default=587, metadata=_key("its port", _between(1, 65535)))
    security: str = field(
        default="starttls",
        metadata=_key("how the way there is encrypted", _one_of("starttls", "tls", "none")),
    )
    user: str = field(
        default="", metadata=_key("the name that one signs in by there; none is asked for if left out", TEXT)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Something to be handed in, with a budget for each student: pictures, or seconds on a device, or neither."""

    name: str = field(metadata=_key("what it is called", TEXT))
    opens: float | None = field(default=None, metadata=_key("the first day", FIRST))
    closes: float | None = field(default=None, metadata=_key("the last day", LAST))
    pictures: int | None = field(
        default=None, metadata=_key("pictures that each student may draw for it", _between(1, 1_000_000))
    )
    seconds: int | None = field(
        default=None, metadata=_key("seconds on a device that each student may use for it", _between(1, 1_000_000))
    )


ROLES = {
    Role.STUDENT: Place(share=1.0, waiting=20),
    Role.ASSISTANT: Place(share=2.0, waiting=40),
    Role.INSTRUCTOR: Place(share=8.0, waiting=40),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The whole file; who is not named in it has the usual."""

    course: About
    roles: Mapping[Role, Place] = field(default_factory=lambda: ROLES)
    invitations: Doors = Doors()
    retention: Retention = Retention()
    mail: Post | None = None
    assignments: tuple[Assignment, ...] = ()

    def assignment(self, name: str) -> Assignment:
        for each in self.assignments:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.assignments)
        raise LimnerError(f"there is no assignment {name!r}", f"choose from {names}" if names else "leave it out", 404)


SECTIONS = ("course", "roles", "invitations", "retention", "mail", "assignments")


def read(file: Path) -> Course:
    """The course of a TOML file; LimnerError names the key that is unknown, missing or of another kind."""
    try:
        table = tomllib.loads(file.read_bytes().decode())
    except OSError as fault:
        raise LimnerError(f"cannot read {file}: {fault.strerror or fault}", "give the class file") from fault
    except UnicodeDecodeError as fault:
        raise LimnerError(f"{file} is not UTF-8", "save it as UTF-8") from fault
    except tomllib.TOMLDecodeError as fault:
        raise LimnerError(f"{file} is not TOML: {fault}", WRONG) from fault
    _known(table, SECTIONS, f"{file}")
    if "course" not in table:
        raise LimnerError(f"{file}: [course] is missing", WRONG)
    return Course(
        course=_assigned(_section(About, table["course"], f"{file}, course"), file),
        roles=_roles(table.get("roles", {}), f"{file}, roles"),
        invitations=_section(Doors, table.get("invitations", {}), f"{file}, invitations"),
        retention=_section(Retention, table.get("retention", {}), f"{file}, retention"),
        mail=_section(Post, table["mail"], f"{file}, mail") if "mail" in table else None,
        assignments=_assignments(table.get("assignments", []), f"{file}"),
    )


def _assigned(about: About, file: Path) -> About:
    """With the files of assignment and rubric, which lie beside the class file, as whole paths; LimnerError."""
    paths = {name: file.absolute().parent / said for name in ("assignment", "rubric") if (said := getattr(about, name))}
    rubric.read(paths.get("rubric"), specfile.read(paths.get("assignment")))
    said = {name: str(paths[name]) if name in paths else "" for name in ("assignment", "rubric")}
    return replace(about, assignment=said["assignment"], rubric=said["rubric"])


def _roles(told: object, where: str) -> Mapping[Role, Place]:
    table = _table(told, where)
    _known(table, list(Role), where)
    return ROLES | {
        Role(name): _section(Place, each, f"{where}.{name}", ROLES[Role(name)]) for name, each in table.items()
    }


def _assignments(told: object, where: str) -> tuple[Assignment, ...]:
    if not isinstance(told, list):
        raise LimnerError(f"{where}: assignments is no list of tables", "begin each with [[assignments]]")
    found = tuple(_section(Assignment, each, f"{where}, assignment {n}") for n, each in enumerate(told, 1))
    for place, each in enumerate(found, 1):
        spot = f"{where}, assignment {place}"
        if each.pictures is not None and each.seconds is not None:
            raise LimnerError(f"{spot} has a budget in pictures and one in seconds", "leave one of them out")
        if each.opens is not None and each.closes is not None and each.closes <= each.opens:
            raise LimnerError(f"{spot} closes before it opens", "look at its days")
        if each.name in [other.name for other in found[: place - 1]]:
            raise LimnerError(f"{spot} is called {each.name!r}, as another is", "call it something else")
    return found


def _section(kind: type[Section], told: object, where: str, usual: Section | None = None) -> Section:
    """A table as the dataclass that describes it; what is left out is as usual."""
    table = _table(told, where)
    _known(table, [each.name for each in fields(kind)], where)
    values = {each.name: _value(each, table[each.name], where) for each in fields(kind) if each.name in table}
    for each in fields(kind):
        if each.name not in values and usual is not None:
            values[each.name] = getattr(usual, each.name)
        elif each.name not in values and each.default is MISSING:
            raise LimnerError(f"{where}: {each.name} is missing", f"it is {each.metadata['kind'].says}")
    return kind(**values)


def _value(key: "Field[object]", value: object, where: str) -> object:
    kind: Kind = key.metadata["kind"]
    try:
        return kind.read(value)
    except (ValueError, OverflowError) as fault:
        raise LimnerError(f"{where}: {key.name} is {_told(value)}", f"it has to be {kind.says}") from fault


def _told(value: object) -> str:
    return f"{value!r:.60}" if isinstance(value, str | int | float) else f"a {type(value).__name__}"


def _table(told: object, where: str) -> Table:
    if not isinstance(told, dict):
        raise LimnerError(f"{where} is no table", f"write it as [{where.rpartition(', ')[2]}]")
    return told


def _known(table: Table, names: Sequence[str], where: str) -> None:
    for name in table:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            meant = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
            raise LimnerError(f"{where}: no key is called {name!r}", meant)
