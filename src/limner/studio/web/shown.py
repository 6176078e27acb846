"""Jobs as pages show them: by what was asked at once, each with its place in the line."""

from collections.abc import Mapping
from itertools import groupby

from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from limner.studio.grid import axes
from limner.studio.people.appeals import Held
from limner.studio.people.gallery import Mark
from limner.studio.schema import OPEN
from limner.studio.store import Job
from limner.studio.web.front import Front, Json, told
from limner.studio.web.page import render
from limner.studio.web.user import User


async def cards(front: Front, jobs: list[Job]) -> list[dict[str, Json]]:
    """Each job as its card's template wants it."""
    new = [job.id for job in jobs if job.state in OPEN]
    places = await front.feed.places(new) if new else {}
    return [told(job, places) for job in jobs]


async def tries(front: Front, jobs: list[Job]) -> list[dict[str, object]]:
    """The jobs by what was asked at once, and within that in the order of their seeds."""
    said = {each["id"]: each for each in await cards(front, jobs)}
    found = []
    for submission, group in groupby(jobs, key=lambda job: job.submission):
        mine = sorted(group, key=lambda job: job.recipe.seed)
        found.append(
            {
                "id": submission,
                "recipe": mine[0].recipe,
                "jobs": [said[job.id] for job in mine],
                "labels": labels(mine),
            }
        )
    return found


def labels(jobs: list[Job]) -> dict[str, str]:
    """What is said above each picture where more than their seeds differ."""
    apart = [axis.field for axis in axes([job.recipe for job in jobs]) if axis.field not in ("seed", "model")]
    said = {job.id: ", ".join(f"{name} {getattr(job.recipe, name)}" for name in apart) for job in jobs}
    return said if apart else {}


async def page(front: Front, user: User, jobs: list[Job]) -> Response:
    """A page of some of somebody's jobs, which may be come back to; without a script it looks again by itself."""
    after = await run_in_threadpool(front.store.last)
    values = {"tries": await tries(front, jobs), "prompt": jobs[0].recipe.prompt, **alive(after, jobs)}
    values["marks"] = await marks(front, user, jobs)
    return HTMLResponse(render("tries.html", values))


async def marks(front: Front, user: User, jobs: list[Job]) -> Mapping[str, Mark | Held]:
    """What is said beside pictures where there are others who may see them."""
    return await run_in_threadpool(front.room.marks, user, jobs) if front.room else {}


def alive(after: int, jobs: list[Job]) -> dict[str, object]:
    """What the live part of a page needs: from which event on it listens, and whether anything is to come."""
    return {"after": after, "waits": any(job.state in OPEN for job in jobs)}
