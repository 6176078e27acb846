"""What is marked, and out of how many points: data of a course, in a file of its own."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from re import fullmatch
from typing import TypeAlias

from limner.coursework.spec import Spec
from limner.errors import LimnerError

Table: TypeAlias = Mapping[str, object]
SEE = "see docs/grading.md, The rubric"
VERSION, USUAL, MOST = 1, Decimal(10), Decimal(1000)
_CRITERION = ("name", "title", "task", "points", "about")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What points are given for, at most `points`; `task` is the one of the assignment that it is about, "" for all."""

    name: str
    title: str
    points: Decimal
    task: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Rubric:
    """All criteria, in the order in which they are marked."""

    criteria: tuple[Criterion, ...]

    @property
    def points(self) -> Decimal:
        return sum((each.points for each in self.criteria), Decimal(0))

    def criterion(self, name: str) -> Criterion | None:
        return next((each for each in self.criteria if each.name == name), None)


def usual(spec: Spec) -> Rubric:
    """Ten points for each of the assignment's tasks."""
    return Rubric(tuple(Criterion(task.name, task.title, USUAL, task.name) for task in spec.tasks))


def read(path: Path | None, spec: Spec) -> Rubric:
    """The rubric of a TOML file, the usual one if none is named; LimnerError names what is wrong, and where."""
    if path is None:
        return usual(spec)
    try:
        return parsed(path.read_bytes().decode(), str(path), spec)
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "give a rubric's file") from fault
    except UnicodeDecodeError as fault:
        raise LimnerError(f"{path} is not UTF-8", "save it as UTF-8") from fault


def parsed(text: str, name: str, spec: Spec) -> Rubric:
    """The same of a text, which faults call by that name."""
    try:
        table: Table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise LimnerError(f"{name} is not TOML: {fault}", SEE) from fault
    _known(table, ("version", "criteria"), name)
    if table.get("version") != VERSION:
        raise LimnerError(f"{name}: version is {table.get('version')!r}", f"this limner reads version = {VERSION}")
    told = table.get("criteria")
    if not isinstance(told, list) or not told:
        raise LimnerError(f"{name} has no criteria", "begin each with [[criteria]]")
    found = tuple(_criterion(each, f"{name}, criterion {number}", spec) for number, each in enumerate(told, 1))
    names = [each.name for each in found]
    if twice := next((each for place, each in enumerate(names) if each in names[:place]), ""):
        raise LimnerError(f"{name}: two criteria are called {twice!r}", "each has its own name")
    return Rubric(found)


def written(rubric: Rubric) -> str:
    """The file of a rubric, to begin another from."""
    lines = ["# What is marked, and out of how many points; docs/grading.md explains each key.", f"version = {VERSION}"]
    for each in rubric.criteria:
        lines += ["", "[[criteria]]", f"name = {_quoted(each.name)}", f"title = {_quoted(each.title)}"]
        lines += [f"task = {_quoted(each.task)}"] if each.task else []
        lines += [f"points = {each.points}"]
        lines += [f"about = {_quoted(each.about)}"] if each.about else []
    return "\n".join(lines) + "\n"


def _criterion(told: object, where: str, spec: Spec) -> Criterion:
    if not isinstance(told, dict):
        raise LimnerError(f"{where} is no table", "begin it with [[criteria]]")
    _known(told, _CRITERION, where)
    name, task = _text(told, "name", where), _text(told, "task", where, "")
    if not fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise LimnerError(f"{where}: name is {name!r}", "small letters, digits and hyphens: it stands in marks.csv")
    if task:
        spec.task(task)
    return Criterion(
        name, _text(told, "title", where, name), _points(told, where), task, _text(told, "about", where, "")
    )


def _points(table: Table, where: str) -> Decimal:
    value = table.get("points", 0)
    number = Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else Decimal(0)
    if not number.is_finite() or not 0 < number <= MOST or number != round(number, 2):
        raise LimnerError(f"{where}: points is {value!r}", f"it is a number above 0, at most {MOST}, to two decimals")
    return number


def _text(table: Table, name: str, where: str, usual: str | None = None) -> str:
    value = table.get(name, usual)
    if not isinstance(value, str) or not (value.strip() or usual is not None):
        raise LimnerError(f"{where}: {name} is missing" if value is None else f"{where}: {name} is {value!r}", SEE)
    if len(value) > 500:
        raise LimnerError(f"{where}: {name} is longer than 500 characters", "say it shorter")
    return " ".join(value.split())


def _known(table: Table, names: tuple[str, ...], where: str) -> None:
    if unknown := next((name for name in table if name not in names), None):
        raise LimnerError(f"{where}: there is no key {unknown!r}", f"choose from {', '.join(names)}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(each for each in escaped if each.isprintable())}"'
