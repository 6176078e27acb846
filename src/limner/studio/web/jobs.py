"""The studio's own interface: ask, look, wait, cancel, and fetch what was drawn."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from limner.studio.schema import OPEN
from limner.studio.web.asked import Asked, wish
from limner.studio.web.events import listen, stream
from limner.studio.web.front import Front, Json, told
from limner.studio.web.user import Asker, User

MOST = 2**31 - 1  # by which events are numbered: PostgreSQL asks for no number above
SHA256 = "^[0-9a-f]{64}$"
IMMUTABLE = {"cache-control": "private, max-age=31536000, immutable"}  # a picture's name is its content
ASKED_ANEW = {"cache-control": "private, no-cache"}  # but another may sit there next, and it may be taken down
Had = Annotated[str | None, Header(alias="If-None-Match", include_in_schema=False)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="asking again by it gives the same jobs")]
Last = Annotated[
    int | None, Header(alias="Last-Event-ID", description="tell what happened after this event", ge=0, le=MOST)
]
After = Annotated[int | None, Query(description="the same, where a client cannot set headers", ge=0, le=MOST)]


@dataclass(frozen=True, slots=True)
class Jobs:
    front: Front

    async def submit(self, asked: Asked, user: Asker, key: Key = None) -> JSONResponse:  # type: ignore[valid-type]
        """Ask for pictures.  What is answered with 202 is finished, or says why not, whatever happens meanwhile."""
        fields = asked.model_dump()  # type: ignore[attr-defined]
        names = await run_in_threadpool(
            self.front.submit, user, fields["model"], wish(fields), fields["count"], key or "", fields["assignment"]
        )
        jobs = [await self._told(user, name) for name in names]
        submission = jobs[0]["submission"]
        return JSONResponse({"submission": submission, "jobs": jobs}, 202, headers={"location": f"/tries/{submission}"})

    async def mine(
        self, user: Asker, last: Annotated[int, Query(ge=1, le=500)] = 100, before: str | None = None
    ) -> dict[str, Json]:
        """Your latest jobs, the newest first; `before` a job's id continues where a list ended."""
        jobs = await run_in_threadpool(self.front.store.jobs, user.name, last, before)
        line = await self.front.feed.places([job.id for job in jobs if job.state in OPEN])
        return {"jobs": [told(job, line) for job in jobs]}

    async def one(self, job: str, user: Asker) -> dict[str, Json]:
        """A job of yours, with its place in the line and the seconds until its picture is there."""
        return await self._told(user, job)

    def cancel(self, job: str, user: Asker) -> dict[str, Json]:
        """Give up a job of yours.  What is over stays as it is, and its state says so."""
        return {"id": job, "state": self.front.store.cancel(user.name, job).value}

    def preview(self, job: str, user: Asker) -> Response:
        """The last look at a job of yours that runs, as a small PNG."""
        self.front.job(user, job)
        look = self.front.store.preview(job)
        if look is None:
            return Response(status_code=204)
        return Response(look, media_type="image/png", headers={"cache-control": "no-store"})

    def picture(self, name: Annotated[str, Path(pattern=SHA256)], user: Asker, had: Had = None) -> Response:
        """The file of a picture that a job of yours came to, with all that it says of itself."""
        data, tag = self.front.picture(user, name), f'"{name}"'
        kept = ASKED_ANEW if self.front.room else IMMUTABLE
        if had == tag:
            return Response(status_code=304, headers={**kept, "etag": tag})
        return Response(data, media_type="image/png", headers={**kept, "etag": tag})

    async def events(self, request: Request, user: Asker, last: Last = None, after: After = None) -> Response:
        """What happens to your jobs from now on, or from an event on, as server-sent events."""
        since = after if last is None else last
        if since is None:
            since = await run_in_threadpool(self.front.store.last)
        return stream(listen(self.front, request, user, since))

    async def story(self, job: str, request: Request, user: Asker, last: Last = None, after: After = None) -> Response:
        """What happened to a job of yours and still does, until it is over; then 204, which ends a browser's asking."""
        since = (after if last is None else last) or 0
        found = await run_in_threadpool(self.front.job, user, job)
        if found.state not in OPEN and not await run_in_threadpool(self.front.store.events, since, user.name, job):
            return Response(status_code=204)
        return stream(listen(self.front, request, user, since, job))

    async def models(self, user: Asker) -> dict[str, Json]:
        """What can be drawn with here: each model's name, licence, defaults, and how many workers it has."""
        cards = await run_in_threadpool(self.front.cards)
        workers = await run_in_threadpool(self.front.staff.present)
        return {
            "models": [
                {
                    "name": card.name,
                    "identity": card.identity,
                    "licence": card.licence,
                    "defaults": dict(card.defaults),
                    "workers": workers.get(card.identity, 0),
                }
                for card in cards
            ]
        }

    async def _told(self, user: User, name: str) -> dict[str, Json]:
        job = await run_in_threadpool(self.front.job, user, name)
        return told(job, await self.front.feed.places([name]) if job.state in OPEN else {})
