"""Work that is to be handed in, as the studio keeps it: a row an entry, so that no two are in each other's way."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeAlias

from sqlalchemy import Select, delete, insert, select, update

from limner.coursework.drafts import Draft, blank, pictures
from limner.coursework.recipes import Told
from limner.coursework.spec import Key, Kind, Spec, Task
from limner.coursework.using import use, worded
from limner.errors import LimnerError
from limner.metadata import Reading
from limner.studio.database import Database, Moment, Record
from limner.studio.schema import DRAFTS

ENDING = ".jpg"  # what stands behind a job's name, where an entry names its picture
MOST = 200  # entries of one task
OWN, ASIDE = 0, -1  # places


@dataclass(frozen=True, slots=True)
class Kept:
    """A row: its name, what it says, and how often it was written."""

    id: str
    said: Told
    turn: int


@dataclass(frozen=True, slots=True)
class Desk:
    """A task's work: its own words, its entries in their order, and those that were set aside."""

    task: Task
    own: Kept
    entries: tuple[Kept, ...] = ()
    aside: tuple[Kept, ...] = ()

    @property
    def draft(self) -> Draft:
        return Draft(self.task, self.own.said, tuple(each.said for each in self.entries))

    def jobs(self) -> list[str]:
        """By which the pictures were drawn that it names, those set aside among them."""
        told = [each.said for each in (*self.entries, *self.aside)]
        return [job(name) for said in told for name in pictures(self.task, said)]


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody typed for a row, who saw it when it had been written `turn` times."""

    id: str
    turn: int
    words: Mapping[str, Sequence[str]]


Order: TypeAlias = Callable[[Desk], list[str]]


def picture(job: str) -> str:
    """By which name an entry calls a job's picture."""
    return job + ENDING


def job(name: str) -> str:
    return name.removesuffix(ENDING)


@dataclass(frozen=True, slots=True)
class Drafting:
    """Every call is one transaction, of one owner's own, and may be made again where its answer was lost."""

    database: Database
    spec: Spec

    def desks(self, owner: str) -> list[Desk]:
        """Of all tasks of the assignment."""
        rows = self.database.read(lambda connection: connection.execute(_of(owner)).all())
        return [_desk(owner, task, rows) for task in self.spec.tasks]

    def desk(self, owner: str, task: str) -> Desk:
        """LimnerError where the assignment has no such task."""
        known = self.spec.task(task)
        rows = self.database.read(lambda connection: connection.execute(_of(owner, task)).all())
        return _desk(owner, known, rows)

    def add(self, owner: str, task: str, key: Key, drawn: Sequence[tuple[str, Reading]], token: str) -> list[str]:
        """The names of new entries for pictures by their jobs: one for all, if the key takes many, or one for each.

        By the same token it is the same entries, however often it is said.  LimnerError where a picture is in the task.
        """
        known = self.spec.task(task)
        groups = [drawn] if key.kind == Kind.PICTURES else [[each] for each in drawn]
        names = [_name(owner, task, f"{token} {number}") for number in range(len(groups))]

        def act(moment: Moment) -> list[str]:
            desk = _desk(owner, known, moment.run(_of(owner, task)))
            if names[0] in [each.id for each in (*desk.entries, *desk.aside)]:
                return names
            _new(desk, drawn)
            if len(desk.entries) + len(desk.aside) + len(groups) > MOST:
                raise LimnerError(f"{known.title} would have more than {MOST} entries", "delete some")
            for place, (name, group) in enumerate(zip(names, groups, strict=True), len(desk.entries) + 1):
                said = use(self.spec, blank(known), key, _called(group)).draft.entry(1)
                _put(moment, owner, task, name, place, said)
            return names

        return self.database.write(act)

    def put(
        self, owner: str, task: str, key: Key, drawn: Sequence[tuple[str, Reading]], entry: str, beside: bool = False
    ) -> None:
        """Pictures in the place of an entry's, or beside those that it has; its words stay."""
        known = self.spec.task(task)

        def act(moment: Moment) -> None:
            desk = _desk(owner, known, moment.run(_of(owner, task)))
            kept = _entry(desk.entries, entry)
            drawn_in = {job(name) for name in pictures(known, kept.said)}
            if {name for name, _ in drawn} <= drawn_in:
                return
            _new(replace(desk, entries=tuple(each for each in desk.entries if beside or each.id != entry)), drawn)
            draft = blank(known).added(kept.said)
            _change(moment, kept, use(self.spec, draft, key, _called(drawn), 1, beside).draft.entry(1))

        self.database.write(act)

    def write(self, owner: str, task: str, typed: Sequence[Written]) -> list[str]:
        """Keep what was typed; the names of the rows that somebody wrote meanwhile, which are left as they are now.

        All else is kept even then.  LimnerError, and nothing written, where a value cannot be.
        """
        known = self.spec.task(task)

        def act(moment: Moment) -> list[str]:
            desk, late = _desk(owner, known, moment.run(_of(owner, task))), list[str]()
            for each in typed:
                kept = desk.own if each.id == desk.own.id else _entry((*desk.entries, *desk.aside), each.id)
                said = self._said(desk, kept, each.words)
                if said == kept.said:
                    continue
                if kept.turn != each.turn:
                    late.append(each.id)
                elif kept.turn or each.id != desk.own.id:
                    _change(moment, kept, said)
                else:
                    _put(moment, owner, task, each.id, OWN, said)
            return late

        return self.database.write(act)

    def move(self, owner: str, task: str, entry: str, by: int) -> None:
        """One entry up (-1) or down; nothing at the ends."""

        def order(desk: Desk) -> list[str]:
            names = [each.id for each in desk.entries]
            at = names.index(_entry(desk.entries, entry).id)
            to = min(max(0, at + by), len(names) - 1)
            names.insert(to, names.pop(at))
            return names

        self._ordered(owner, task, order)

    def aside(self, owner: str, task: str, entry: str) -> None:
        """Take an entry out of the task; it is kept."""
        self._ordered(owner, task, lambda desk: [each.id for each in desk.entries if each.id != entry])

    def back(self, owner: str, task: str, entry: str) -> None:
        """Put one that was set aside at the end of the task."""

        def order(desk: Desk) -> list[str]:
            kept = _entry(desk.aside, entry)
            _new(desk, [(job(name), Reading()) for name in pictures(desk.task, kept.said)])
            return [*(each.id for each in desk.entries), kept.id]

        self._ordered(owner, task, order)

    def delete(self, owner: str, task: str, entry: str) -> None:
        """Delete one that was set aside."""
        which = DRAFTS.c.owner == owner, DRAFTS.c.task == task, DRAFTS.c.id == entry, DRAFTS.c.place == ASIDE
        self.database.write(lambda moment: moment.run(delete(DRAFTS).where(*which)))

    def _ordered(self, owner: str, task: str, order: Order) -> None:
        """The entries that `order` names, in its order; the others are set aside."""
        known = self.spec.task(task)

        def act(moment: Moment) -> None:
            desk = _desk(owner, known, moment.run(_of(owner, task)))
            names = order(desk)
            for each in (*desk.entries, *desk.aside):
                place = names.index(each.id) + 1 if each.id in names else ASIDE
                moment.run(update(DRAFTS).where(DRAFTS.c.id == each.id).values(place=place))

        self.database.write(act)

    def _said(self, desk: Desk, kept: Kept, words: Mapping[str, Sequence[str]]) -> Told:
        if kept.id == desk.own.id:
            return worded(self.spec, Draft(desk.task, kept.said), 0, words).said
        return worded(self.spec, Draft(desk.task, {}, (kept.said,)), 1, words).entry(1)


def _of(owner: str, task: str = "") -> Select[*tuple[object, ...]]:
    rows = select(DRAFTS).where(DRAFTS.c.owner == owner).order_by(DRAFTS.c.place, DRAFTS.c.at, DRAFTS.c.id)
    return rows.where(DRAFTS.c.task == task) if task else rows


def _name(owner: str, task: str, token: str) -> str:
    return sha256(f"{owner} {task} {token}".encode("utf-8", "replace")).hexdigest()[:16]


def _desk(owner: str, task: Task, rows: Sequence[Record]) -> Desk:
    own = Kept(_name(owner, task.name, "own"), blank(task).said, 0)
    entries, aside = list[Kept](), list[Kept]()
    for row in rows:
        if row.task != task.name:
            continue
        kept = Kept(row.id, json.loads(row.said), row.turn)
        if row.place == OWN:
            own = replace(kept, said={**own.said, **kept.said})
        else:
            (entries if row.place > OWN else aside).append(kept)
    return Desk(task, own, tuple(entries), tuple(aside))


def _entry(among: Sequence[Kept], name: str) -> Kept:
    for each in among:
        if each.id == name:
            return each
    raise LimnerError("that entry is not there any more", "open the task's page again", 404)


def _new(desk: Desk, drawn: Sequence[tuple[str, Reading]]) -> None:
    """LimnerError where one of these pictures is in the task already: none may be handed in twice."""
    for number, kept in enumerate(desk.entries, 1):
        there = {job(name) for name in pictures(desk.task, kept.said)}
        if there & {name for name, _ in drawn}:
            raise LimnerError(f"it is number {number} of {desk.task.title} already", "choose another picture", 409)


def _called(drawn: Sequence[tuple[str, Reading]]) -> list[tuple[str, Reading]]:
    return [(picture(name), reading) for name, reading in drawn]


def _put(moment: Moment, owner: str, task: str, name: str, place: int, said: Told) -> None:
    row = {"id": name, "owner": owner, "task": task, "place": place, "turn": 1, "at": moment.now}
    moment.run(insert(DRAFTS).values(**row, said=_text(said)))


def _change(moment: Moment, kept: Kept, said: Told) -> None:
    changed = {"said": _text(said), "turn": kept.turn + 1, "at": moment.now}
    moment.run(update(DRAFTS).where(DRAFTS.c.id == kept.id).values(**changed))


def _text(said: Told) -> str:
    return json.dumps(said, ensure_ascii=True)
