"""A JSON file becomes a task's work: as it will be read, however much is wrong with it."""

import re
from collections.abc import Mapping, Sequence

from limner.coursework.finding import WHOLE, Finding
from limner.coursework.handin import File, HandIn
from limner.coursework.loose import Array, Node, Object, loose
from limner.coursework.spec import Key, Kind, Spec, Task
from limner.coursework.text import OTHER, Edit, text
from limner.coursework.values import Values
from limner.coursework.works import Entry, Said, Work
from limner.errors import LimnerError


def work(spec: Spec, task: Task, file: File, handin: HandIn) -> Work:
    """The task's work in this file; its pictures are found, and not yet looked at."""
    try:
        data = file.read()
    except LimnerError as fault:
        broken = Finding(file.name, WHOLE, "zip.damaged", f"this file {fault.what}", fault.remedy)
        return Work(task, file, findings=(broken,))
    if len(data) > spec.limits.text:
        what = f"it is larger than {spec.limits.text // 1024} KiB"
        return Work(
            task, file, findings=(Finding(file.name, WHOLE, "json.large", what, "a task's text is much shorter"),)
        )
    read = text(data)
    values = Values(spec, read, file.name, handin)
    if read.encoding:
        guessed = read.encoding == OTHER
        fix = "save it as UTF-8" if not guessed else "save it as UTF-8, and look at its accents"
        values.findings.append(
            Finding(file.name, WHOLE, "json.encoding", f"it is saved as {read.encoding}", fix, not guessed)
        )
    found = loose(read.text)
    for each in found.faults:
        values.found(each.at, each.rule, each.sentence, each.fix, each.edits)
    fields, entries = _task(values, task, found.root) if found.root else ({}, ())
    return Work(task, file, fields, entries, tuple(values.findings), tuple(values.edits))


def _task(values: Values, task: Task, root: Node) -> tuple[Mapping[str, Said], tuple[Entry, ...]]:
    if not isinstance(root.value, Object):
        values.found(root.start, "value.kind", "the file holds no object", f'begin it with {{ "{task.entries.key}": [')
        return {}, ()
    wanted = [*task.keys, _list_key(task)]
    nodes = _known(values, root, root.value, [(key.name, key.optional) for key in wanted])
    fields = {key.name: values.check(key, nodes[key.name]) for key in task.keys if key.name in nodes}
    if (pairs := nodes.get(task.entries.key)) is None:
        return fields, ()
    if not isinstance(pairs.value, Array):
        values.found(pairs.start, "value.kind", f"{task.entries.key} is no list", "write its entries between [ and ]")
        return fields, ()
    _counted(values, task, pairs, pairs.value.items)
    return fields, tuple(_entry(values, task, number, node) for number, node in enumerate(pairs.value.items, 1))


def _list_key(task: Task) -> Key:
    return Key(task.entries.key, Kind.TEXTS)


def _counted(values: Values, task: Task, pairs: Node, items: Sequence[Node]) -> None:
    least, most = task.entries.least, task.entries.most
    many = f"{least}" if most == least else f"at least {least}" if most is None else f"{least} to {most}"
    said = f"{task.entries.key} holds {len(items)}, and the task wants {many}"
    if len(items) < least:
        values.found(pairs.start, "count.few", said, f"add {least - len(items)}")
    elif most is not None and len(items) > most:
        values.found(items[most].start, "count.many", said, f"take {len(items) - most} out")


def _entry(values: Values, task: Task, number: int, node: Node) -> Entry:
    place = values.place(node)
    if not isinstance(node.value, Object):
        sentence = f"number {number} of {task.entries.key} is no object"
        values.found(node.start, "value.kind", sentence, "write its keys and values between { and }")
        return Entry(number, place, {})
    keys = task.entries.keys
    nodes = _known(values, node, node.value, [(key.name, key.optional) for key in keys], number)
    fields = {key.name: values.check(key, nodes[key.name]) for key in keys if key.name in nodes}
    extra = {name: values.said(member) for name, member in nodes.items() if name not in fields}
    return Entry(number, place, fields, values.shots(keys, nodes), extra)


def _known(
    values: Values, node: Node, said: Object, keys: Sequence[tuple[str, bool]], number: int = 0
) -> dict[str, Node]:
    """The members by the keys that were meant; a key that is nearly one the assignment wants is a finding."""
    names = [name for name, _ in keys]
    nodes = {name: member for name, member in said.members.items() if name in names}
    where = f" in number {number}" if number else ""
    for name, optional in keys:
        if name in nodes:
            continue
        meant = next((each for each in said.members if each not in names and bare(each) == bare(name)), None)
        if meant is not None:
            key = said.keys[meant]
            edits = (Edit(key.start, key.end, f'"{name}"'),)
            values.found(
                key.start, "key.spelling", f"the key {meant[:60]!r} is spelt {name!r}", f'write "{name}"', edits
            )
            nodes[name] = said.members[meant]
        elif not optional:
            values.found(node.start, "key.missing", f"the key {name!r} is missing{where}", f'add "{name}"')
    taken = {id(member) for member in nodes.values()}
    return nodes | {name: each for name, each in said.members.items() if name not in nodes and id(each) not in taken}


def bare(name: str) -> str:
    """A name without what people get wrong in it: capitals, hyphens and plurals."""
    return re.sub(r"[\W_]", "", name).casefold().rstrip("s")
