"""What pages about hand-ins have at hand: the assignment's rules, its rubric, and sheets that are made of zips."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from limner.coursework.grading.alone import Wish
from limner.coursework.grading.blind import blind
from limner.coursework.grading.roll import Student
from limner.coursework.grading.rubric import Rubric, read
from limner.coursework.grading.view import Vouched
from limner.coursework.grading.vouching import words
from limner.coursework.handin import Source, opened
from limner.coursework.spec import Spec
from limner.coursework.specfile import read as read_spec
from limner.errors import LimnerError
from limner.studio.classfile import Mark, marked
from limner.studio.course import About
from limner.studio.people.handing import Handin, Handing
from limner.studio.people.marking import Marking, rubric_for
from limner.studio.people.person import Person
from limner.studio.people.prizes import Prizes
from limner.studio.people.remarks import Remarks
from limner.studio.receipts import StudioBook, called
from limner.studio.sheets import Sheets, Told
from limner.studio.web.front import Front
from limner.studio.web.room import Room

PICTURES = "/course/pictures"


@dataclass(slots=True, eq=False)
class Brief:
    """The assignment and its rubric, read anew where their files are others; one that is wrong changes nothing."""

    held: tuple[Spec, Rubric] | None = None
    _read: tuple[tuple[str, Mark | None], ...] = ()

    def of(self, about: About) -> tuple[Spec, Rubric]:
        """As they stand; LimnerError where they were never right."""
        named = about.assignment, about.rubric
        files = tuple((each, marked(Path(each)) if each else None) for each in named)
        if self.held is None or files != self._read:
            try:
                spec = read_spec(Path(named[0]) if named[0] else None)
                self.held = spec, read(Path(named[1]) if named[1] else None, spec)
            except LimnerError:
                if self.held is None:
                    raise
            self._read = files
        return self.held


@dataclass(frozen=True)
class Coursework:
    """One course's."""

    front: Front
    room: Room
    brief: Brief = field(default_factory=Brief)

    @cached_property
    def sheets(self) -> Sheets:
        return Sheets(self.room.vault.handins)

    @property
    def spec(self) -> Spec:
        return self.brief.of(self.room.course.course)[0]

    @property
    def whole(self) -> Rubric:
        return self.brief.of(self.room.course.course)[1]

    @property
    def file(self) -> str:
        """The assignment's; "" for the published one."""
        return self.room.course.course.assignment

    @property
    def handing(self) -> Handing:
        return Handing(self.room.database, self.room.vault, self.room.course)

    @property
    def marking(self) -> Marking:
        return Marking(self.room.database)

    @property
    def remarks(self) -> Remarks:
        return Remarks(self.room.database)

    @property
    def prizes(self) -> Prizes:
        return Prizes(self.room.database)

    def rubric(self, assignment: str) -> Rubric:
        return rubric_for(self.whole, assignment, [task.name for task in self.spec.tasks])

    def wish(self, who: Person, handin: str, assignment: str, name: str) -> Wish:
        """How a hand-in is to be read, and what of it nobody may read who marks."""
        tasks = tuple(task.name for task in self.spec.tasks if task.name == assignment)
        models = tuple(card.name for card in self.front.cards())
        also = (who.id, who.mail.partition("@")[0], Path(name).stem)
        source = f"{PICTURES}/{handin}/"
        return Wish("", "", source, self.file, tasks, who.name, who.mail, also, models)

    def sheet(self, each: Handin) -> tuple[str, Told]:
        """The middle part of a hand-in's page, and what is said of it."""
        wish = self.wish(self.marking.person(each.id), each.id, each.assignment, each.name)
        body = (self.sheets.kept(each.id, each.file, wish) / "body.html").read_text(encoding="utf-8")
        return body, self.sheets.told(each.id, each.file, wish)

    def receipts(self, each: Handin) -> list[tuple[int, Vouched]]:
        """What is known of who made its pictures, by their numbers; without what its author is called."""
        who, database = self.marking.person(each.id), self.room.database
        names, book = called(database, who.id), StudioBook(database, self.room.vault)
        hide = blind(Student(who.mail, who.name, who.mail), (*names, each.name))
        _, told = self.sheet(each)
        source, out = Source(self.room.vault.handins.path(each.file), "hand-in.zip"), list[tuple[int, Vouched]]()
        with opened("hand-in.zip", [source], self.spec.limits) as handin:
            for number, name in enumerate(told.files, 1):
                if file := handin.file(name) if name else None:
                    found = words(name, file.read(), book, names)
                    out.append((number, Vouched(found.verdict, tuple(map(hide.text, found.why)))))
        return out

    def picture(self, each: Handin, number: str) -> Path:
        """One of its pictures, as a JPEG without anything that it says of itself."""
        wish = self.wish(self.marking.person(each.id), each.id, each.assignment, each.name)
        return self.sheets.kept(each.id, each.file, wish) / f"{number}.jpg"
