"""The bias workbench: what is asked of a model, labelled blind, and reported with no more than the labels allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from secrets import token_hex
from typing import IO
from zipfile import ZIP_STORED, ZipFile

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from limner.audit.finding import Finding, Verdict, count, judge
from limner.audit.handin import FILE, entry, image, written
from limner.audit.plot import plot
from limner.audit.report import Json, report
from limner.audit.study import PRESENTS, UNTOLD
from limner.errors import LimnerError
from limner.recipe import Wish, to_json
from limner.studio.schema import State
from limner.studio.studies import LONGEST, Made, Studies
from limner.studio.web import form
from limner.studio.web.download import zipped
from limner.studio.web.front import Front
from limner.studio.web.page import paper
from limner.studio.web.receipts import Receipts
from limner.studio.web.studied import asked, rater_of
from limner.studio.web.user import Asker, User

USUAL: Mapping[str, object] = {"count": 100, "seed": 42, "categories": "female\nmale", "question": PRESENTS}


@dataclass(frozen=True, slots=True)
class Bias:
    front: Front

    @property
    def studies(self) -> Studies:
        return Studies(self.front.store.database)

    async def page(self, request: Request, user: Asker) -> Response:
        """Your studies, those for which a second rater is sought, and where one is written down."""
        said = {name: text for name, text in request.query_params.items() if name in ("prompt", "beside", "model")}
        return await self._page(user, said)

    async def make(self, request: Request, user: Asker) -> Response:
        """It is written down, and its first pictures are asked for."""
        said = await form.said(request)
        try:
            name = await run_in_threadpool(self._made, user, said)
        except LimnerError as fault:
            return await self._page(user, said, fault)
        return RedirectResponse(f"/bias/{name}", 303)

    async def one(self, study: str, user: Asker) -> Response:
        """How it stands, and what may be said."""
        return await run_in_threadpool(self._one, study, user)

    async def draw(self, study: str, request: Request, user: Asker) -> Response:
        """As many of the pictures that are missing as may wait are asked for."""
        said = await form.said(request)
        try:
            await run_in_threadpool(self._drawn, user, self._own(study, user), said.get("assignment", ""))
        except LimnerError as fault:
            return await run_in_threadpool(self._one, study, user, fault)
        return RedirectResponse(f"/bias/{study}", 303)

    async def second(self, study: str, request: Request, user: Asker) -> Response:
        """Others of the class may label it, or no longer."""
        said = await form.said(request)
        self._own(study, user)
        await run_in_threadpool(self.studies.seek, study, user.name, said.get("second") == "yes")
        return RedirectResponse(f"/bias/{study}", 303)

    async def harm(self, study: str, request: Request, user: Asker) -> Response:
        """Whom it harms, in your words: no program can say."""
        said = await form.said(request)
        self._own(study, user)
        try:
            await run_in_threadpool(self.studies.say, study, user.name, said.get("harm", ""))
        except LimnerError as fault:
            return await run_in_threadpool(self._one, study, user, fault)
        return RedirectResponse(f"/bias/{study}", 303)

    def leave(self, study: str, user: Asker) -> Response:
        """It is taken back, as nobody has labelled it."""
        self._own(study, user)
        try:
            self.studies.leave(study, user.name)
        except LimnerError as fault:
            return self._one(study, user, fault)
        return RedirectResponse("/bias", 303)

    def told(self, study: str, user: Asker) -> dict[str, Json]:
        """The finding, for programs."""
        return report(self._finding(self._own(study, user), user))

    def pack(self, request: Request, user: Asker) -> Response:
        """bias.json with the pictures of some studies, as they are handed in."""
        names = list(dict.fromkeys(request.query_params.getlist("study")))
        if not names:
            raise LimnerError("no study was chosen", "choose those that you hand in")
        found = {made.id: finding for made, finding in self._family(user)}
        entries, pictures = [], dict[str, str]()
        for number, name in enumerate(names, 1):
            made = self._own(name, user)
            here, jobs = self._pictures(made), self.studies.bound(made)
            entries.append(entry(found[name], [image(number, each) for each in here]))
            pictures |= {image(number, each): jobs[each] for each in here}

        def write(file: IO[bytes]) -> None:
            with ZipFile(file, "w", ZIP_STORED) as archive:
                archive.writestr(FILE, written(entries))
                for each, job in pictures.items():
                    archive.writestr(each, Receipts(self.front).given(user, job))

        return zipped("bias.zip", write)

    def _own(self, study: str, user: User) -> Made:
        made = self.studies.one(study)
        if made.owner != user.name:
            raise LimnerError("no such study of yours", "see the list of your studies", 404)
        return made

    def _made(self, user: User, said: Mapping[str, str]) -> str:
        study, key = asked(said), said.get("key", "") or token_hex(16)
        card = self.front.card(said.get("model", ""))
        settings = form.wish({name: said[name] for name in ("steps", "guidance") if said.get(name)})
        first = card.recipe(replace(settings, prompt=study.prompts[0], seed=study.seed))
        study = replace(study, model=card.name)
        card.recipe(Wish(prompt=study.prompts[-1], seed=study.seed + study.count - 1))  # what cannot be is told now
        name = self.studies.make(user.name, key, study, first, bool(said.get("pooled")) and self.front.room is not None)
        self._drawn(user, self._own(name, user), said.get("assignment", ""))
        return name

    def _drawn(self, user: User, made: Made, assignment: str) -> None:
        """What is drawn already is taken as it is: one's own; and of a pool, if this study gives to it, too."""
        have, recipes = self.studies.drawn(made), made.recipes()
        missing = {name: recipe for name, recipe in recipes.items() if name not in have}
        known = self.studies.pooled(user.name, missing.values(), made.pooled)
        found = {name: known[text] for name, recipe in missing.items() if (text := to_json(recipe)) in known}
        if found:
            self.studies.bind(made.id, found)
        left = [name for name in missing if name not in found]
        waiting = self.front.store.counts(user.name).get(State.QUEUED, 0)
        some = left[: max(self._cap(user) - waiting, 1)]
        if some:
            before = self.studies.bound(made)  # what failed, was cancelled or is gone: it is asked for anew
            key = sha256(f"{made.id} {[(name, before.get(name)) for name in some]}".encode()).hexdigest()[:32]
            jobs = self.front.order(user, [recipes[name] for name in some], f"bias {key}", assignment)
            self.studies.bind(made.id, dict(zip(some, jobs, strict=True)))

    def _cap(self, user: User) -> int:
        if self.front.room is None:
            return self.front.store.rules.cap
        return self.front.room.course.roles[user.member.role].waiting

    def _pictures(self, made: Made) -> dict[str, str]:
        """Its files, in its own order."""
        drawn = self.studies.drawn(made)
        return {
            each.name: picture
            for each in made.study.pictures
            if each.name in drawn and (picture := drawn[each.name].picture) is not None
        }

    def _family(self, user: User) -> list[tuple[Made, Finding]]:
        """All that somebody has asked, finished or not: a family is not chosen by what came out."""
        mine = self.studies.of(user.name)
        return list(zip(mine, judge([count(each.study, self.studies.answers(each)) for each in mine]), strict=True))

    def _finding(self, made: Made, user: User) -> Finding:
        return next(finding for each, finding in self._family(user) if each.id == made.id)

    def _one(self, study: str, user: User, fault: LimnerError | None = None) -> Response:
        made = self._own(study, user)
        drawn, pictures, finding = self.studies.drawn(made), self._pictures(made), self._finding(made, user)
        lines = self.studies.answers(made)
        mine = sum(rater_of(self.front, user) in said for said in lines.values())
        values = {
            "made": made,
            "study": made.study,
            "total": len(made.study.pictures),
            "there": len(pictures),
            "waits": any(each.state in (State.QUEUED, State.RUNNING) for each in drawn.values()),
            "missing": len(made.study.pictures) - len(drawn),
            "mine": mine,
            "labelled": any(lines.values()),
            "raters": _raters(lines),
            "told": report(finding),
            "finding": finding,
            "done": finding.verdict != Verdict.INCOMPLETE,
            "plot": Markup(plot([finding])) if finding.verdict != Verdict.INCOMPLETE else "",
            "classy": self.front.room is not None,
            "desk": self.front.room.desk(user, self.front.cards()) if self.front.room else None,
            "said": {},
            "longest": LONGEST,
            "untold": UNTOLD,
        }
        return paper("study.html", values, fault)

    async def _page(self, user: User, said: Mapping[str, object], fault: LimnerError | None = None) -> Response:
        values = await run_in_threadpool(self._values, user, {**USUAL, **said}, fault)
        return paper("bias.html", values, fault)

    def _values(self, user: User, said: Mapping[str, object], fault: LimnerError | None) -> dict[str, object]:
        return {
            **form.values(self.front, user, said, fault),
            "said": said,
            "mine": self._family(user),
            "wanting": self.studies.wanting(user.name) if self.front.room else [],
            "classy": self.front.room is not None,
        }


def _raters(lines: Mapping[str, Mapping[str, str]]) -> Sequence[int]:
    """How many pictures each rater has labelled, without a name."""
    names = dict.fromkeys(rater for said in lines.values() for rater in said)
    return [sum(name in said for said in lines.values()) for name in names]
