"""Pages for people: plain forms and links, which work without a script; with one they are alive."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from secrets import randbelow, token_hex

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.metadata import LADDERS
from limner.recipe import FIELDS, SEEDS, Value, Wish, checked
from limner.studio.people.gallery import Mark
from limner.studio.rules import USUAL
from limner.studio.schema import OPEN
from limner.studio.staff import WALKS
from limner.studio.store import Job
from limner.studio.web.asked import WISHED
from limner.studio.web.front import Front, told
from limner.studio.web.page import STATIC, render
from limner.studio.web.user import Asker, User

SHOWN = 60  # pictures on one page
DRAWER = ("steps", "guidance", "sampler", "ladder", "width", "height", "eta", "excite")
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

    async def home(
        self, user: Asker, prompt: str | None = None, again: str | None = None, before: str | None = None
    ) -> Response:
        """Where one writes a sentence, and finds all that was drawn of those before."""
        values: dict[str, Value] = {} if prompt is None else {"prompt": prompt}
        if again is not None:
            job = await run_in_threadpool(self.front.job, user, again)
            values = asdict(job.recipe)
        return await self._home(user, values, before=before)

    async def draw(self, request: Request, user: Asker) -> Response:
        """The form was sent: to the pictures; or back to it, where something is wrong with what it says."""
        form = await request.form()
        said = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
        if "dice" in said:
            said["seed"] = str(randbelow(SEEDS - USUAL.cap))
        try:
            count, model, key = _whole(said.get("count", "1")), said.get("model", ""), said.get("key", "")
            purpose = said.get("assignment", "")
            names = await run_in_threadpool(self.front.submit, user, model, _wish(said), count, key, purpose)
        except LimnerError as fault:
            return await self._home(user, said, fault)
        job = await run_in_threadpool(self.front.job, user, names[0])
        return RedirectResponse(f"/tries/{job.submission}", 303)

    async def tried(self, submission: str, user: Asker) -> Response:
        """What was asked for at once: a page that can be come back to."""
        jobs = await run_in_threadpool(self.front.store.submission, user.name, submission)
        if not jobs:
            raise LimnerError("no such try of yours", "see the list of your tries", 404)
        return await self._shown(user, jobs)

    async def job(self, job: str, user: Asker) -> Response:
        """One picture: a page that can be come back to."""
        return await self._shown(user, [await run_in_threadpool(self.front.job, user, job)])

    async def card(self, job: str, user: Asker) -> Response:
        """One picture as a piece of a page, for a page that is open."""
        found = await run_in_threadpool(self.front.job, user, job)
        values = {"job": told(found, await self.front.feed.places([job])), "marks": await self._marks(user, [found])}
        return HTMLResponse(render("card.html", values))

    async def cancel(self, job: str, user: Asker) -> Response:
        """The button beside a picture that is not there yet."""
        await run_in_threadpool(self.front.store.cancel, user.name, job)
        found = await run_in_threadpool(self.front.job, user, job)
        return RedirectResponse(f"/tries/{found.submission}", 303)

    def static(self, name: str) -> Response:
        """The pages' style sheet, script and icon."""
        if name not in STATIC:
            raise LimnerError("there is no such file", "begin at /", 404)
        kind, data = STATIC[name]
        return Response(data, media_type=kind, headers={"cache-control": "max-age=300"})

    async def _home(
        self, user: User, said: Mapping[str, object], fault: LimnerError | None = None, before: str | None = None
    ) -> Response:
        last = await run_in_threadpool(self.front.store.last)
        jobs = await run_in_threadpool(self.front.store.jobs, user.name, SHOWN + 1, before)
        cards = await run_in_threadpool(self.front.cards)
        values = {
            "said": {**(cards[0].defaults if cards else {}), **said},
            "fault": fault,
            "cards": cards,
            "chosen": said.get("model", ""),
            "fields": FIELDS,
            "drawer": DRAWER,
            "choices": {"sampler": sorted(WALKS), "ladder": sorted(LADDERS)},
            "key": token_hex(16),
            "most": USUAL.cap,
            "desk": await run_in_threadpool(self.front.room.desk, user, cards) if self.front.room else None,
            "lecture": LECTURE,
            "tries": await self._tries(jobs[:SHOWN]),
            "marks": await self._marks(user, jobs[:SHOWN]),
            "older": jobs[SHOWN - 1].id if len(jobs) > SHOWN else None,
            "after": last,
            "waits": False,
        }
        return HTMLResponse(render("home.html", values), fault.status if fault else 200)

    async def _shown(self, user: User, jobs: list[Job]) -> Response:
        last = await run_in_threadpool(self.front.store.last)
        tries = await self._tries(jobs)
        waits = any(job.state in OPEN for job in jobs)
        marks = await self._marks(user, jobs)
        values = {"tries": tries, "after": last, "waits": waits, "prompt": jobs[0].recipe.prompt, "marks": marks}
        return HTMLResponse(render("tries.html", values))

    async def _marks(self, user: User, jobs: list[Job]) -> Mapping[str, Mark]:
        """What is said beside pictures where there are others who may see them."""
        return await run_in_threadpool(self.front.room.marks, user, jobs) if self.front.room else {}

    async def _tries(self, jobs: list[Job]) -> list[dict[str, object]]:
        """The jobs by what was asked at once, and within that in the order of their seeds."""
        new = [job.id for job in jobs if job.state in OPEN]
        places = await self.front.feed.places(new) if new else {}
        tries = []
        for submission, group in groupby(jobs, key=lambda job: job.submission):
            mine = sorted(group, key=lambda job: job.recipe.seed)
            tries.append({"id": submission, "recipe": mine[0].recipe, "jobs": [told(job, places) for job in mine]})
        return tries


def _whole(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text[:9]) <= USUAL.cap):
        raise LimnerError(f"{text[:20]!r} is no number of pictures", f"choose 1 to {USUAL.cap}")
    return int(text)


def _wish(said: Mapping[str, str]) -> Wish:
    """The fields that were filled in; a field that was left empty is as the model likes it, but an empty prompt
    counts."""
    typed = {name: said[name] for name in WISHED if name in said and (said[name] or name == "prompt")}
    return Wish(**{name: _typed(name, text) for name, text in typed.items()})  # type: ignore[arg-type]  # each checked


def _typed(name: str, text: str) -> Value:
    try:
        return checked(name, FIELDS[name].kind(text))
    except ValueError:
        return checked(name, text)  # which says what is wrong
