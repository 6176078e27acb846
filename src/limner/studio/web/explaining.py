"""What the words of a picture looked at: asked for with a button, drawn by a worker, seen word by word and step by
step."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.metadata import texts
from limner.studio.explanation import CHUNK, Sheet, explanation, read
from limner.studio.schema import OPEN
from limner.studio.store import Job
from limner.studio.web import shown
from limner.studio.web.front import Front, Json, told
from limner.studio.web.page import render
from limner.studio.web.user import Asker


@dataclass(frozen=True, slots=True)
class Explaining:
    front: Front

    async def page(self, job: str, user: Asker) -> Response:
        """The maps of a picture of yours; before they are there, a button that asks for them, or how far they are."""
        picture = await run_in_threadpool(self.front.drawn, user, job)
        maps = await run_in_threadpool(explanation, self.front.store, job)
        sheet = await run_in_threadpool(self._sheet, maps) if maps and maps.picture else None
        after = await run_in_threadpool(self.front.store.last)
        opened = [maps] if maps and maps.state in OPEN else []
        values: dict[str, object] = {
            "job": told(picture, {}),
            "maps": (await shown.cards(self.front, [maps]))[0] if maps else None,
            "sheet": sheet,
            "labels": list(labelled(sheet)) if sheet else [],
            **shown.alive(after, opened),
        }
        return HTMLResponse(render("explain.html", values))

    def ask(self, job: str, user: Asker) -> Response:
        """The button: asked twice, it is drawn once."""
        self.front.explain(user, job)
        return RedirectResponse(f"/jobs/{job}/explain", 303)

    async def explain(self, job: str, user: Asker) -> dict[str, Json]:
        """Ask what the words of a picture of yours looked at: a job, whose picture is a sheet of maps.

        A row for each word; a column for all steps together, then one for each of some.  The sheet's text `limner-maps`
        says which.
        """
        name = await run_in_threadpool(self.front.explain, user, job)
        found = await run_in_threadpool(self.front.job, user, name)
        return told(found, await self.front.feed.places([name]) if found.state in OPEN else {})

    def _sheet(self, maps: Job) -> Sheet:
        return read(texts(self.front.kept(maps.picture or ""))[CHUNK])


def labelled(sheet: Sheet) -> Iterator[str]:
    """What each column is of."""
    yield "all steps"
    for number, sigma in sheet.steps:
        yield f"step {number}, at noise level {sigma:.3g}"
