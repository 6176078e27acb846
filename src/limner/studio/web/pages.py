"""Pages for people: plain forms and links, which work without a script; with one they are alive."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.studio.explanation import explained
from limner.studio.web import form, shown
from limner.studio.web.asked import WISHED
from limner.studio.web.front import Front, told
from limner.studio.web.page import STATIC, render
from limner.studio.web.user import Asker, User

LATEST = 8  # pictures beside the form; all are in the gallery
LECTURE = (
    "a tree, impressionism",
    "A photo of a cat perching on a desk",
    "monkey with hat walking",
    "cats in devo hats",
    "jacob lawrence painting of san francisco",
    "frank stella sculpture made of car parts",
    "a monk riding a snail, medieval illuminated manuscript",
    "a young dark-haired boy resting in bed, and a grey-haired older woman sitting in a chair beside the bed "
    "underneath a window with sun streaming through, Pixar style digital art",
    "A yellow bowl and a blue cat",
    "A yellow bow and a brown bench",
    "lawyer",
    "nurse",
    "woodblock print of the Edo period depicting three boats moving through a storm-tossed sea with a large wave "
    "forming a spiral in the centre and Mount Fuji visible in the background",
)


@dataclass(frozen=True, slots=True)
class Pages:
    front: Front

    async def home(self, request: Request, user: Asker, again: str | None = None) -> Response:
        """Where one writes a sentence; its fields may stand in the address, or be those of a picture of one's own."""
        said: dict[str, object] = {
            name: text for name, text in request.query_params.items() if name in ("model", "count", *WISHED)
        }
        if again is not None:
            said = {**form.again((await run_in_threadpool(self.front.job, user, again)).recipe), **said}
        return await self._home(user, said)

    async def draw(self, request: Request, user: Asker) -> Response:
        """The form was sent: to the pictures; or back to it, where something is wrong with what it says."""
        said = await form.said(request)
        if said.get("to") == "grid":
            kept = {name: text for name, text in said.items() if name in ("model", *WISHED)}
            return RedirectResponse(f"/grid?{urlencode(kept)}", 303)
        try:
            job = await run_in_threadpool(self._asked, user, said)
        except LimnerError as fault:
            return await self._home(user, said, fault)
        return RedirectResponse(f"/tries/{job}", 303)

    def _asked(self, user: User, said: Mapping[str, str]) -> str:
        """What was asked for at once, by its name."""
        count, model = form.whole(said.get("count", "1")), said.get("model", "")
        key, purpose = said.get("key", ""), said.get("assignment", "")
        names = self.front.submit(user, model, form.wish(said), count, key, purpose)
        return self.front.job(user, names[0]).submission

    async def tried(self, submission: str, user: Asker) -> Response:
        """What was asked for at once: a page that can be come back to."""
        jobs = await run_in_threadpool(self.front.submission, user, submission)
        return await shown.page(self.front, user, jobs)

    async def job(self, job: str, user: Asker) -> Response:
        """One picture: a page that can be come back to."""
        found = await run_in_threadpool(self.front.job, user, job)
        if of := await run_in_threadpool(explained, self.front.store, job):
            return RedirectResponse(f"/jobs/{of}/explain", 303)
        return await shown.page(self.front, user, [found])

    async def card(self, job: str, user: Asker) -> Response:
        """One picture as a piece of a page, for a page that is open."""
        found = await run_in_threadpool(self.front.job, user, job)
        values = {
            "job": told(found, await self.front.feed.places([job])),
            "marks": await shown.marks(self.front, user, [found]),
        }
        return HTMLResponse(render("card.html", values))

    async def cancel(self, job: str, user: Asker) -> Response:
        """The button beside a picture that is not there yet."""
        await run_in_threadpool(self.front.store.cancel, user.name, job)
        found = await run_in_threadpool(self.front.job, user, job)
        of = await run_in_threadpool(explained, self.front.store, job)
        return RedirectResponse(f"/jobs/{of}/explain" if of else f"/tries/{found.submission}", 303)

    def static(self, name: str) -> Response:
        """The pages' style sheet, script and icon."""
        if name not in STATIC:
            raise LimnerError("there is no such file", "begin at /", 404)
        kind, data = STATIC[name]
        return Response(data, media_type=kind, headers={"cache-control": "max-age=300"})

    async def _home(self, user: User, said: Mapping[str, object], fault: LimnerError | None = None) -> Response:
        after = await run_in_threadpool(self.front.store.last)
        jobs = await run_in_threadpool(self.front.store.jobs, user.name, LATEST)
        values = {
            **await run_in_threadpool(form.values, self.front, user, said, fault),
            "lecture": LECTURE,
            "tries": await shown.tries(self.front, jobs),
            "marks": await shown.marks(self.front, user, jobs),
            **shown.alive(after, jobs),
        }
        return HTMLResponse(render("home.html", values), fault.status if fault else 200)
