"""What the pages on coursework have at hand: the assignment, somebody's work for it, and the pictures that it names."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from limner.coursework import specfile
from limner.coursework.drafts import pictures
from limner.coursework.gaps import Gap, gaps, said
from limner.coursework.recipes import of_recipe, own
from limner.coursework.spec import PICTURED, Key, Kind, Spec
from limner.errors import LimnerError
from limner.metadata import Reading
from limner.recipe import Wish
from limner.studio.drafting import Desk, Drafting, Kept, job, picture
from limner.studio.explanation import explained
from limner.studio.people.gallery import Mark
from limner.studio.receipts import receipt
from limner.studio.store import Job
from limner.studio.web.front import Front
from limner.studio.web.receipts import Receipts
from limner.studio.web.user import User


def spec(front: Front) -> Spec:
    """The course's assignment, or the published one; to it the studio's own models are labels, too."""
    file = front.room.course.course.assignment if front.room else ""
    known = specfile.read(Path(file) if file else None)
    return replace(known, models=tuple(dict.fromkeys((*known.models, *(card.name for card in front.cards())))))


@dataclass(frozen=True, slots=True)
class Assigned:
    """Somebody's work, as of one request."""

    front: Front
    user: User
    spec: Spec

    @property
    def drafting(self) -> Drafting:
        return Drafting(self.front.store.database, self.spec)

    def desks(self) -> list[Desk]:
        return self.drafting.desks(self.user.name)

    def desk(self, task: str) -> Desk:
        return self.drafting.desk(self.user.name, task)

    def jobs(self, names: Collection[str]) -> Mapping[str, Job]:
        """Those of these jobs whose pictures are there, are this user's, and may be seen."""
        found = [each for each in self.front.store.listed(list(dict.fromkeys(names))) if each.owner == self.user.name]
        found = [each for each in found if each.picture]
        marks = self.front.room.marks(self.user, found) if self.front.room else {}
        taken = {name for name, mark in marks.items() if isinstance(mark, Mark) and mark.taken}
        return {each.id: each for each in found if each.id not in taken}

    def gaps(self, desks: Iterable[Desk]) -> list[tuple[Desk, list[Gap]]]:
        """What each task lacks."""
        listed = list(desks)
        there = {picture(name) for name in self.jobs([name for desk in listed for name in desk.jobs()])}
        return [(desk, gaps(desk.draft, there)) for desk in listed]

    def drawn(self, names: Sequence[str]) -> list[Job]:
        """Pictures of this user's that can be used; LimnerError names the one that cannot."""
        found = [self.front.drawn(self.user, name) for name in dict.fromkeys(names)]
        if sheets := [each for each in found if explained(self.front.store, each.id)]:
            raise LimnerError(f"job {sheets[0].id} is a sheet of maps", "use the picture that it explains")
        if open_ := [each for each in found if not each.picture]:
            raise LimnerError(f"job {open_[0].id} has no picture", "wait until it is drawn", 409)
        return found

    def reading(self, drawn: Job) -> Reading:
        """What the picture says of itself."""
        names = {card.identity: card.name for card in self.front.cards()}
        recipe = drawn.recipe
        return Reading("limner", "", Wish(**asdict(recipe)), (), names.get(recipe.model, ""), {}, recipe)

    def vouched(self, drawn: Job) -> Reading:
        """The same with its receipt, for which its file is looked at."""
        said = receipt(self.front.store.database, drawn, self.front.kept(drawn.picture or ""))
        return replace(self.reading(drawn), receipt=said.text() if said else "")

    def file(self, name: str) -> bytes:
        """The JPEG file of a picture that an entry names, with what vouches for it; LimnerError where it is gone."""
        return Receipts(self.front).file(self.user, self.front.job(self.user, job(name)), "jpeg")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as its page shows it: its pictures, None for one that is gone; what they say, and what is to be said."""

    kept: Kept
    pictures: Sequence[Job | None]
    told: Sequence[Key]
    asked: Sequence[Key]


def rows(work: Assigned, desk: Desk, entries: Sequence[Kept]) -> list[Row]:
    found, out = work.jobs(desk.jobs()), list[Row]()
    keys = desk.task.entries.keys
    for kept in entries:
        mine = [found.get(job(name)) for name in pictures(desk.task, kept.said)]
        first = next((each for each in mine if each), None)
        known = own(work.spec, work.reading(first)) if first else {}
        asked = [key for key in keys if _asked(key, kept, known, several(desk))]
        told = [key for key in keys if key not in asked and key.kind not in PICTURED and kept.said.get(key.name)]
        out.append(Row(kept, mine, told, asked))
    return out


def several(desk: Desk) -> bool:
    """Whether an entry has many pictures, which need not be of one prompt."""
    return bool(desk.task.entries.of_kind(Kind.PICTURES))


def _asked(key: Key, kept: Kept, known: Mapping[str, object], many: bool) -> bool:
    """Whether somebody has to say it: what a picture says of itself, nobody has to."""
    if key.kind in PICTURED:
        return False
    source = of_recipe(key)
    return not source or source not in known or (many and key.kind == Kind.TEXT) or not said(kept.said.get(key.name))
