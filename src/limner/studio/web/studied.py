"""One picture at a time, without its words and in an order of the rater's own: a label is a key or a button."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.audit.blind import blinded
from limner.audit.shares import Reference
from limner.audit.study import LONGEST, PRESENTS, UNTOLD, Picture, Study
from limner.audit.tally import Answer, last_of, named, next_for, order
from limner.errors import LimnerError
from limner.studio.studies import Made, Studies
from limner.studio.web import form
from limner.studio.web.front import Front
from limner.studio.web.page import paper
from limner.studio.web.user import Asker, User

FIRST = "first"  # who labels, where one person is alone: a second rater gives another name


@dataclass(frozen=True, slots=True)
class Tallies:
    front: Front

    @property
    def studies(self) -> Studies:
        return Studies(self.front.store.database)

    def page(self, study: str, user: Asker, rater: str = FIRST) -> Response:
        """The next picture that this rater has not labelled."""
        made, who = self._seen(study, user), rater_of(self.front, user, rater)
        answers, drawn = self.studies.answers(made), self.studies.drawn(made)
        there = [name for name, each in drawn.items() if each.picture]
        found = next_for(made.study, who, answers, there)
        last = last_of(self.studies.lines(study), who)
        values = {
            "id": study,
            "question": made.study.question,
            "place": found[0] if found else None,
            "keys": [*enumerate(made.study.categories, 1), (0, UNTOLD)],
            "done": sum(who in said for said in answers.values()),
            "total": len(made.study.pictures),
            "there": len(there),
            "rater": "" if self.front.room else who,
            "last": order(made.study, who).index(_picture(made, last.picture)) if last else None,
            "mine": made.owner == user.name,
        }
        return paper("tally.html", values)

    async def label(self, study: str, request: Request, user: Asker) -> Response:
        """A label, of the picture at a place of the rater's order; the next one follows."""
        said = await form.said(request)
        return await run_in_threadpool(self._labelled, study, user, said)

    async def undo(self, study: str, request: Request, user: Asker) -> Response:
        """The rater's last label is taken back, and its picture comes again."""
        said = await form.said(request)
        return await run_in_threadpool(self._undone, study, user, said)

    def picture(self, study: str, place: int, user: Asker, rater: str = FIRST) -> Response:
        """The picture at a place of the rater's order: its pixels, and nothing of what it says."""
        made = self._seen(study, user)
        name = _at(made, rater_of(self.front, user, rater), place)
        found = self.studies.drawn(made).get(name)
        if found is None or found.picture is None:
            raise LimnerError("that picture is not there", "see the study's page", 404)
        data = blinded(self.front.kept(found.picture))
        return Response(data, media_type="image/png", headers={"cache-control": "no-store"})

    def _seen(self, study: str, user: User) -> Made:
        """One's own; or another's, of the class, who seeks a second rater.  LimnerError."""
        made = self.studies.one(study)
        if made.owner != user.name and not (made.second and self.front.room is not None):
            raise LimnerError("no such study of yours", "see the list of your studies", 404)
        return made

    def _labelled(self, study: str, user: User, said: Mapping[str, str]) -> Response:
        made, who = self._seen(study, user), rater_of(self.front, user, said.get("rater", FIRST))
        key, place = said.get("key", ""), said.get("place", "")
        if not (key.isdecimal() and place.isdecimal() and len(key) == 1 and len(place) < 6):
            raise LimnerError("that is no label", "press a key, or a button")
        self.studies.label(made, Answer(who, _at(made, who, int(place)), named(made.study, int(key))))
        return self._on(study, said)

    def _undone(self, study: str, user: User, said: Mapping[str, str]) -> Response:
        made, who = self._seen(study, user), rater_of(self.front, user, said.get("rater", FIRST))
        place = said.get("place", "")
        if place.isdecimal() and len(place) < 6:
            self.studies.undo(made, who, _at(made, who, int(place)))
        return self._on(study, said)

    def _on(self, study: str, said: Mapping[str, str]) -> Response:
        where = "" if self.front.room else f"?{urlencode({'rater': said.get('rater', FIRST)})}"
        return RedirectResponse(f"/bias/{study}/tally{where}", 303)


def rater_of(front: Front, user: User, said: str = FIRST) -> str:
    """In a class, whoever is signed in; where one is alone, the name that is given."""
    if front.room:
        return user.name
    name = " ".join(said.split())
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise LimnerError("a rater has no name", f"give one of 1 to {LONGEST} characters")
    return name


def _at(made: Made, who: str, place: int) -> str:
    pictures = order(made.study, who)
    if not 0 <= place < len(pictures):
        raise LimnerError("the study has no such picture", "see its page", 404)
    return pictures[place].name


def _picture(made: Made, name: str) -> Picture:
    return next(each for each in made.study.pictures if each.name == name)


def asked(said: Mapping[str, str]) -> Study:
    """The study that a form describes; LimnerError says what is missing."""
    categories = tuple(line.strip() for line in said.get("categories", "").splitlines() if line.strip())
    low, high = said.get("low", ""), said.get("high", "")
    reference = Reference(_percent(low), _percent(high or low)) if low or high else None
    beside = said.get("beside", "")
    return Study(
        prompts=(said.get("prompt", ""), *([beside] if beside else [])),
        categories=categories,
        counted=said.get("counted", "") or (categories[0] if categories else ""),
        question=said.get("question", "") or PRESENTS,
        seed=_whole(said.get("seed", ""), "seed"),
        count=_whole(said.get("count", ""), "number of pictures"),
        reference=reference,
        source=said.get("source", "") if reference else "",
    )


def _whole(text: str, what: str) -> int:
    if not text.isdecimal() or len(text) > 10:
        raise LimnerError(f"{text[:20]!r} is no {what}", "write a whole number")
    return int(text)


def _percent(text: str) -> float:
    """People say percents."""
    try:
        share = float(text.strip().rstrip("%").replace(",", ".")) / 100
    except ValueError as fault:
        raise LimnerError(f"{text[:20]!r} is no share", "write percents, such as 40") from fault
    if not 0 <= share <= 1:
        raise LimnerError(f"{text[:20]}% is no share", "write 0 to 100")
    return round(share, 6)
