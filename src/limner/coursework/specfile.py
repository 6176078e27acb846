"""An assignment's file (TOML) is read strictly: whatever it says that is not understood is one clear line."""

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias, TypeVar

from limner.coursework.spec import MIB, PICTURED, Aspect, Entries, Key, Kind, Limits, Spec, Task
from limner.errors import LimnerError

T = TypeVar("T")
Table: TypeAlias = Mapping[str, object]
SEE = "see docs/coursework.md, The assignment's file"
VERSION = 1
FORMATS = ("jpeg", "png", "webp")
_TOP = ("version", "name", "models", "formats", "templates", "limits", "tasks", "aspects")
_TASK = ("name", "title", "file", "keys", "entries")
_ENTRIES = ("key", "least", "most", "once", "statistic", "keys")
_KEY = ("name", "kind", "about", "optional")
_ASPECT = ("says", "words_of", "leave_out", "groups")
_LIMITS = {
    "files": 1, "total_mib": MIB, "file_mib": MIB, "text_kib": 1024, "megapixels": 10**6, "all_megapixels": 10**6,
}  # fmt: skip


@cache
def published() -> Spec:
    """The four tasks of the course that limner was made for."""
    return parsed(files("limner.coursework").joinpath("assignment.toml").read_text(encoding="utf-8"), "assignment.toml")


def read(path: Path | None = None) -> Spec:
    """The assignment of a file, the published one if none is named; LimnerError names what is wrong, and where."""
    if path is None:
        return published()
    try:
        return parsed(path.read_bytes().decode(), str(path))
    except OSError as fault:
        raise LimnerError(f"cannot read {path}: {fault.strerror or fault}", "give an assignment's file") from fault
    except UnicodeDecodeError as fault:
        raise LimnerError(f"{path} is not UTF-8", "save it as UTF-8") from fault


def parsed(text: str, name: str) -> Spec:
    """The same of a text, which faults call by that name."""
    try:
        table: Table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise LimnerError(f"{name} is not TOML: {fault}", SEE) from fault
    _known(table, _TOP, name)
    if (version := table.get("version")) != VERSION:
        raise LimnerError(f"{name}: version is {_short(version)}", f"this limner reads version = {VERSION}")
    templates = _table(table.get("templates", {}), f"{name}, templates")
    _known(templates, ("words",), f"{name}, templates")
    spec = Spec(
        name=_text(table, "name", name),
        models=_texts(table, "models", name),
        formats=_texts(table, "formats", name, FORMATS),
        templates=tuple(word.casefold() for word in _texts(templates, "words", f"{name}, templates", ())),
        tasks=_tasks(table.get("tasks"), name),
        aspects=_aspects(_table(table.get("aspects", {}), f"{name}, aspects"), f"{name}, aspects"),
        limits=_limits(_table(table.get("limits", {}), f"{name}, limits"), f"{name}, limits"),
    )
    _consistent(spec, name)
    return spec


def _tasks(told: object, name: str) -> tuple[Task, ...]:
    if not isinstance(told, list) or not told:
        raise LimnerError(f"{name} has no tasks", "begin each with [[tasks]]")
    return tuple(_task(_table(each, f"{name}, task {n}"), f"{name}, task {n}") for n, each in enumerate(told, 1))


def _task(table: Table, where: str) -> Task:
    _known(table, _TASK, where)
    file = _text(table, "file", where)
    if not file.endswith(".json") or "/" in file or "\\" in file:
        raise LimnerError(f"{where}: file is {_short(file)}", "it ends in .json and lies in no folder")
    inside = f"{where}, entries"
    entries = _table(table.get("entries"), inside)
    _known(entries, _ENTRIES, inside)
    least, most = _whole(entries, "least", inside), _whole(entries, "most", inside, optional=True)
    if least is None or (most is not None and most < least):
        raise LimnerError(f"{inside}: least is {least} and most is {most}", "least is at most most")
    return Task(
        name=_text(table, "name", where), title=_text(table, "title", where, _text(table, "name", where)), file=file,
        keys=_keys(table.get("keys", []), where),
        entries=Entries(
            _text(entries, "key", inside), least, most, _keys(entries.get("keys"), inside),
            _texts(entries, "once", inside, ()), _text(entries, "statistic", inside, ""),
        ),
    )  # fmt: skip


def _keys(told: object, where: str) -> tuple[Key, ...]:
    if not isinstance(told, list):
        raise LimnerError(f"{where}: keys is no list", 'write keys = [{ name = "prompt", kind = "text" }]')
    found = tuple(_key(_table(each, f"{where}, key {n}"), f"{where}, key {n}") for n, each in enumerate(told, 1))
    if twice := _twice([key.name for key in found]):
        raise LimnerError(f"{where}: two keys are called {twice!r}", "call one of them something else")
    return found


def _key(table: Table, where: str) -> Key:
    _known(table, _KEY, where)
    kind, optional = _text(table, "kind", where), table.get("optional", False)
    if kind not in list(Kind):
        raise LimnerError(f"{where}: kind is {_short(kind)}", f"choose from {', '.join(Kind)}")
    if not isinstance(optional, bool):
        raise LimnerError(f"{where}: optional is {_short(optional)}", "it is true or false")
    return Key(_text(table, "name", where), Kind(kind), _text(table, "about", where, ""), optional)


def _aspects(table: Table, where: str) -> Mapping[str, Aspect]:
    return {name: _aspect(name, _table(told, f"{where}.{name}"), f"{where}.{name}") for name, told in table.items()}


def _aspect(name: str, table: Table, where: str) -> Aspect:
    _known(table, _ASPECT, where)
    groups = _table(table.get("groups", {}), f"{where}.groups")
    return Aspect(
        name, _text(table, "says", where, name), _text(table, "words_of", where),
        _folded(_texts(table, "leave_out", where, ())),
        {group: _folded(_texts(groups, group, f"{where}.groups")) for group in groups},
    )  # fmt: skip


def _limits(table: Table, where: str) -> Limits:
    _known(table, tuple(_LIMITS), where)
    usual, found = Limits(), dict[str, int]()
    for name, unit in _LIMITS.items():
        value = table.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (name not in table or 0 < value < 1e6):
            raise LimnerError(f"{where}: {name} is {_short(value)}", "it is a number above 0")
        found[name] = int(value * unit)
    return Limits(
        found["files"] or usual.files, found["total_mib"] or usual.total, found["file_mib"] or usual.file,
        found["text_kib"] or usual.text, found["megapixels"] or usual.pixels,
        found["all_megapixels"] or usual.all_pixels,
    )  # fmt: skip


def _consistent(spec: Spec, name: str) -> None:
    """What one part of the file says of another has to be so."""
    for field in ("name", "file"):
        if twice := _twice([getattr(task, field).casefold() for task in spec.tasks]):
            raise LimnerError(f"{name}: two tasks have the {field} {twice!r}", "each has its own")
    for task in spec.tasks:
        _agreed(spec, task, f"{name}, task {task.name}")


def _agreed(spec: Spec, task: Task, where: str) -> None:
    entries, names = task.entries, [key.name for key in task.entries.keys]
    if entries.key in [key.name for key in task.keys]:
        raise LimnerError(f"{where}: {entries.key!r} is a key and the list of entries", "call one something else")
    if any(key.kind in PICTURED for key in task.keys):
        raise LimnerError(f"{where}: a picture stands outside the entries", "pictures are handed in with an entry")
    if entries.statistic and entries.statistic not in names:
        raise LimnerError(f"{where}: no key is called {entries.statistic!r}", "statistic names one of the entries'")
    for aspect in entries.once:
        if aspect not in spec.aspects:
            raise LimnerError(f"{where}: there is no aspect {aspect!r}", f"write [aspects.{aspect}]")
        if spec.aspects[aspect].words_of not in names:
            raise LimnerError(f"{where}: no key is called {spec.aspects[aspect].words_of!r}", "see words_of")


def _folded(words: Sequence[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)


def _twice(names: Sequence[str]) -> str:
    return next((name for place, name in enumerate(names) if name in names[:place]), "")


def _whole(table: Table, name: str, where: str, optional: bool = False) -> int | None:
    value = table.get(name)
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise LimnerError(f"{where}: {name} is {_short(value)}", "it is a whole number")
    return value


def _text(table: Table, name: str, where: str, usual: str | None = None) -> str:
    value = table.get(name, usual)
    if value is None:
        raise LimnerError(f"{where}: {name} is missing", SEE)
    if not isinstance(value, str) or (not value and usual is None):
        raise LimnerError(f"{where}: {name} is {_short(value)}", "it is a text")
    return value


def _texts(table: Table, name: str, where: str, usual: tuple[str, ...] | None = None) -> tuple[str, ...]:
    value = table.get(name, usual)
    if value is None:
        raise LimnerError(f"{where}: {name} is missing", SEE)
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each for each in value):
        raise LimnerError(f"{where}: {name} is {_short(value)}", "it is a list of texts")
    if usual == FORMATS and (wrong := [each for each in value if each not in FORMATS]):
        raise LimnerError(f"{where}: {name} holds {wrong[0]!r}", f"choose from {', '.join(FORMATS)}")
    return tuple(value)


def _table(told: object, where: str) -> Table:
    if not isinstance(told, dict):
        raise LimnerError(f"{where} is no table", SEE)
    return told


def _known(table: Table, names: Sequence[str], where: str) -> None:
    for name in table:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            meant = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
            raise LimnerError(f"{where}: no key is called {name!r}", meant)


def _short(value: object) -> str:
    return "left out" if value is None else f"{value!r:.60}"
