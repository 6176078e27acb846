"""The lecture hall: sentences are sent from the seats, and drawn large on the wall one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.recipe import Wish
from limner.studio.hall import EACH, LONGEST, Hall, Sentence
from limner.studio.store import Job
from limner.studio.web import form, shown
from limner.studio.web.front import Front
from limner.studio.web.page import render
from limner.studio.web.user import Asker, User


@dataclass(frozen=True, slots=True)
class Showing:
    front: Front

    @property
    def hall(self) -> Hall:
        return Hall(self.front.store.database)

    async def seats(self, user: Asker) -> Response:
        """Where a sentence is sent to the wall, and what became of yours."""
        return await self._seats(user)

    async def send(self, request: Request, user: Asker) -> Response:
        """A sentence of yours waits to be chosen."""
        said = await form.said(request)
        try:
            await run_in_threadpool(self.hall.send, user.name, said.get("prompt", ""), said.get("key", ""))
        except LimnerError as fault:
            return await self._seats(user, said.get("prompt", ""), fault)
        return RedirectResponse("/hall", 303)

    def withdraw(self, sentence: str, user: Asker) -> Response:
        """A sentence of yours, taken back before it was shown."""
        self.hall.leave(sentence, user.name)
        return RedirectResponse("/hall", 303)

    async def wall(self, user: Asker, at: str = "") -> Response:
        """One sentence large, as it is drawn, and those that wait: for a projector."""
        past = await run_in_threadpool(self.hall.shown)
        place = next((k for k, each in enumerate(past) if each.id == at), len(past) - 1)
        values = {
            **await self._stage(user, past[place] if past else None),
            "earlier": past[place - 1].id if place > 0 else None,
            "later": past[place + 1].id if place + 1 < len(past) else None,
            "last": past[-1] if past else None,
            "waiting": await run_in_threadpool(self.hall.waiting),
            "key": token_hex(16),
            "longest": LONGEST,
        }
        return HTMLResponse(render("show.html", values))

    async def stage(self, sentence: str, user: Asker) -> Response:
        """What is on the wall of it, as a piece of a page, for the wall of another who teaches."""
        found = await run_in_threadpool(self.hall.one, sentence)
        return HTMLResponse(render("stage.html", await self._stage(user, found)))

    def picture(self, sentence: str, user: Asker) -> Response:
        """The picture of a sentence that was shown, for all who teach: it was drawn before everybody's eyes."""
        job = self._drawn(sentence)
        if job.picture is None:
            raise LimnerError("that picture is not there yet", "wait for it on the wall", 404)
        if self.front.room:
            self.front.room.gallery.hung(job.picture)
        data = self.front.kept(job.picture)
        return Response(data, media_type="image/png", headers={"cache-control": "private, no-cache"})

    def look(self, sentence: str, user: Asker) -> Response:
        """The last look at it, while it is drawn."""
        data = self.front.store.preview(self._drawn(sentence).id)
        if data is None:
            return Response(status_code=204)
        return Response(data, media_type="image/png", headers={"cache-control": "no-store"})

    def line(self, user: Asker) -> Response:
        """Those that wait, as a piece of a page, for a wall that is open; and which is on it."""
        last = next(iter(self.hall.shown(1)), None)
        return HTMLResponse(render("line.html", {"waiting": self.hall.waiting(), "last": last}))

    async def next(self, request: Request, user: Asker) -> Response:
        """Draw the sentence that was chosen, or typed, or has waited longest."""
        said = await form.said(request)
        sentence = await run_in_threadpool(self._shown, user, said)
        return RedirectResponse(f"/show?at={sentence}" if sentence else "/show", 303)

    def dismiss(self, sentence: str, user: Asker) -> Response:
        """It is not shown."""
        self.hall.leave(sentence)
        return RedirectResponse("/show", 303)

    async def _stage(self, user: User, sentence: Sentence | None) -> dict[str, object]:
        """What a template says of a sentence's picture; whoever has drawn it is told of it by events."""
        name = sentence.job if sentence else None
        job = await run_in_threadpool(self.front.store.job, name) if name else None
        jobs = [job] if job else []
        return {
            "sentence": sentence,
            "job": (await shown.cards(self.front, jobs))[0] if jobs else None,
            "mine": bool(jobs) and jobs[0].owner == user.name,
            **shown.alive(await run_in_threadpool(self.front.store.last), jobs),
        }

    def _drawn(self, sentence: str) -> Job:
        """The job of a sentence that was shown; LimnerError."""
        job = self.front.store.job(self.hall.one(sentence).job or "")
        if job is None:
            raise LimnerError("nothing was drawn of that, or it is not kept any more", "see the wall", 404)
        return job

    def _shown(self, user: User, said: dict[str, str]) -> str:
        """Its name; empty where nothing waits.  Drawn once, however often it is asked for."""
        sentence = self._chosen(user, said)
        if sentence is None:
            return ""
        (job,) = self.front.submit(user, "", Wish(prompt=sentence.prompt), 1, f"hall {sentence.id}")
        self.hall.show(sentence.id, job)
        return sentence.id

    def _chosen(self, user: User, said: dict[str, str]) -> Sentence | None:
        if said.get("sentence"):
            return self.hall.one(said["sentence"])
        if said.get("prompt"):
            return self.hall.send(user.name, said["prompt"], said.get("key", ""))
        return next(iter(self.hall.waiting(1)), None)

    async def _seats(self, user: User, typed: str = "", fault: LimnerError | None = None) -> Response:
        mine = await run_in_threadpool(self.hall.of, user.name)
        before: Sequence[Sentence] = await run_in_threadpool(self.hall.waiting)
        places = {each.id: place for place, each in enumerate(before)}
        values = {"mine": mine, "places": places, "typed": typed, "fault": fault, "key": token_hex(16),
                  "longest": LONGEST, "each": EACH}  # fmt: skip
        return HTMLResponse(render("hall.html", values), fault.status if fault else 200)
