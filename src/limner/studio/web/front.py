"""What every page and interface has at hand, and what they have in common: wishes become jobs, jobs become answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from secrets import token_hex
from typing import TypeAlias

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.recipe import Recipe, Wish
from limner.studio.explanation import explain
from limner.studio.schema import OPEN, State
from limner.studio.staff import Card, Staff, chosen
from limner.studio.store import Job, Store
from limner.studio.vault import Vault
from limner.studio.waiting import Place, words
from limner.studio.web.feed import Feed
from limner.studio.web.room import Room
from limner.studio.web.user import User

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
LISTENING = 2.0  # seconds from one look at the line to the next, of whoever waits in it


@dataclass(frozen=True, slots=True)
class Front:
    """The studio behind the pages."""

    store: Store
    vault: Vault
    staff: Staff
    feed: Feed
    room: Room | None = None

    def submit(
        self, user: User, model: str, wish: Wish, count: int = 1, key: str = "", assignment: str = ""
    ) -> tuple[str, ...]:
        """The jobs of a wish to a model, by its name or identity, or the studio's own where there is none.

        `key` is the client's own, by which asking again gives the same jobs; a class may have assignments.
        """
        card, key = self.card(model), key or token_hex(16)
        if self.room:
            return self.room.submit(user, card, wish, count, key, assignment)
        _unassigned(assignment)
        return self.store.submit(user.name, key, card.recipe(wish), count)

    def order(self, user: User, recipes: Sequence[Recipe], key: str = "", assignment: str = "") -> tuple[str, ...]:
        """The jobs of some pictures that are asked for at once, and differ in more than their seeds."""
        key = key or token_hex(16)
        if self.room:
            models = {recipe.model for recipe in recipes}
            cards = [card for card in self.cards() if card.identity in models]
            return self.room.order(user, cards, recipes, key, assignment)
        _unassigned(assignment)
        return self.store.order(user.name, key, recipes)

    def explain(self, user: User, job: str) -> str:
        """The job that says what the words of a picture of theirs looked at."""
        self.drawn(user, job)
        return self.room.explain(user, job) if self.room else explain(self.store, user.name, job)

    def cards(self) -> list[Card]:
        """What may be drawn with; a class has its own list, and its order."""
        cards = self.staff.cards()
        if self.room is None:
            return cards
        named = {card.name: card for card in cards}
        return [named[name] for name in self.room.course.course.models if name in named]

    def card(self, model: str = "") -> Card:
        """One of them; LimnerError where there is none such."""
        return chosen(self.cards(), model)

    def submission(self, user: User, submission: str) -> list[Job]:
        """What this user asked for at once; LimnerError where he asked no such thing."""
        if jobs := self.store.submission(user.name, submission):
            return jobs
        raise LimnerError("no such try of yours", "see the list of your tries", 404)

    def job(self, user: User, job: str) -> Job:
        """LimnerError where this user has no such job, with no word on whether another has."""
        found = self.store.job(job)
        if found is None or found.owner != user.name:
            raise LimnerError(f"no job {job[:32]!r} of yours", "see the list of your jobs", 404)
        return found

    def drawn(self, user: User, job: str) -> Job:
        """The same, and its picture, if there is one, is there and may be seen; else LimnerError."""
        found = self.job(user, job)
        if found.picture:
            self.picture(user, found.picture)
        return found

    def picture(self, user: User, name: str) -> bytes:
        """The file that the user's jobs came to, its hash checked; LimnerError where they came to none such.

        In a class one sees those that others share, too, and none that was taken down.
        """
        if self.room:
            self.room.gallery.sees(user.member, name)
        elif not self.store.owns(user.name, name):
            raise LimnerError("no such picture of yours", "see the list of your jobs", 404)
        return self.kept(name)

    def kept(self, name: str) -> bytes:
        """The same, for whoever it is."""
        try:
            return self.vault.read(name)
        except LimnerError as fault:
            raise LimnerError(f"picture {name[:10]} is lost or damaged", "draw it again", 410) from fault

    async def ended(self, request: Request, user: User, names: Collection[str]) -> list[Job]:
        """The jobs when none of them is open any more, or when nobody listens."""
        while True:
            mark = self.feed.latest(user.name)
            jobs = [await run_in_threadpool(self.job, user, name) for name in names]
            over = self.feed.over or await request.is_disconnected()
            if over or not any(job.state in OPEN for job in jobs):
                return jobs
            await self.feed.wait(user.name, mark, LISTENING)


def _unassigned(assignment: str) -> None:
    if assignment:
        raise LimnerError(f"there is no assignment {assignment[:64]!r}", "leave it out", 404)


def told(job: Job, places: Mapping[str, Place]) -> dict[str, Json]:
    """A job as programs read it."""
    place = places.get(job.id) if job.state in OPEN else None
    if place and job.state == State.RUNNING and not place.running:  # the line is told as of a second ago
        place = replace(place, ahead=0, running=True)
    return {
        "id": job.id,
        "submission": job.submission,
        "state": job.state.value,
        "seed": job.recipe.seed,
        "recipe": asdict(job.recipe),
        "done": job.done,
        "total": job.total,
        "preview": f"/api/jobs/{job.id}/preview?at={job.done}" if job.looked and job.state in OPEN else None,
        "attempt": job.lapses + 1,
        "picture": f"/pictures/{job.picture}.png" if job.picture else None,
        "notes": list(job.notes),
        "fault": {"what": job.what, "remedy": job.remedy} if job.state == State.FAILED else None,
        "place": placed(place) if place else None,
        "page": f"/jobs/{job.id}",
    }


def placed(place: Place) -> dict[str, Json]:
    """A place in the line as programs read it; `seconds` until the picture is there, None where nobody knows."""
    known = place.soon is not None and place.late is not None
    return {
        "ahead": place.ahead,
        "workers": place.workers,
        "seconds": [round(place.soon or 0, 1), round(place.late or 0, 1)] if known else None,
        "words": words(place),
    }
