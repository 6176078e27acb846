"""Every door of the studio in one table, each with the role that it demands: there is no other way in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from limner import __version__
from limner.errors import LimnerError
from limner.studio.house import House
from limner.studio.web.faults import crash, http_fault, limner_fault, unread
from limner.studio.web.feed import Feed
from limner.studio.web.front import Front
from limner.studio.web.guard import Guard
from limner.studio.web.guest import Guest
from limner.studio.web.health import Health, Meter, Queue
from limner.studio.web.jobs import Jobs
from limner.studio.web.openai import OpenAI
from limner.studio.web.page import render
from limner.studio.web.pages import Pages
from limner.studio.web.user import Demand, Role, Who, alone
from limner.studio.web.webui import WebUI

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Door:
    """A method and a path, who may come through, and what then happens; `hidden` ones are for people, not programs."""

    method: str
    path: str
    role: Role
    through: Callable[..., object]
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Papers:
    """What the studio says of its own interface."""

    app: FastAPI

    def schema(self) -> JSONResponse:
        return JSONResponse(self.app.openapi())

    def page(self) -> Response:
        """The same for people, without anybody else's script."""
        return HTMLResponse(render("api.html", {"schema": self.app.openapi()}))


def doors(front: Front, meter: Meter, app: FastAPI) -> tuple[Door, ...]:
    """All of them."""
    jobs, pages, health, papers = Jobs(front), Pages(front), Health(front, meter), Papers(app)
    openai, webui = OpenAI(front), WebUI(front)
    guest: Guest = app.state.guest
    anybody, student, instructor = Role.ANYBODY, Role.STUDENT, Role.INSTRUCTOR
    return (
        Door("GET", "/", student, pages.home, hidden=True),
        Door("POST", "/", student, pages.draw, hidden=True),
        Door("GET", "/tries/{submission}", student, pages.tried, hidden=True),
        Door("GET", "/jobs/{job}", student, pages.job, hidden=True),
        Door("GET", "/jobs/{job}/card", student, pages.card, hidden=True),
        Door("POST", "/jobs/{job}/cancel", student, pages.cancel, hidden=True),
        Door("GET", "/static/{name}", anybody, pages.static, hidden=True),
        Door("GET", "/pictures/{name}.png", student, jobs.picture),
        Door("POST", "/api/jobs", student, jobs.submit),
        Door("GET", "/api/jobs", student, jobs.mine),
        Door("GET", "/api/jobs/{job}", student, jobs.one),
        Door("POST", "/api/jobs/{job}/cancel", student, jobs.cancel),
        Door("GET", "/api/jobs/{job}/preview", student, jobs.preview),
        Door("GET", "/api/jobs/{job}/events", student, jobs.story),
        Door("GET", "/api/events", student, jobs.events),
        Door("GET", "/api/models", student, jobs.models),
        Door("POST", "/v1/images/generations", student, openai.generations),
        Door("POST", "/v1/images/edits", student, openai.unmade),
        Door("POST", "/v1/images/variations", student, openai.unmade),
        Door("GET", "/v1/models", student, openai.models),
        Door("GET", "/v1/models/{model}", student, openai.model),
        Door("POST", "/sdapi/v1/txt2img", student, webui.txt2img),
        Door("POST", "/sdapi/v1/img2img", student, webui.unmade),
        Door("GET", "/sdapi/v1/progress", student, webui.progress),
        Door("POST", "/sdapi/v1/interrupt", student, webui.interrupt),
        Door("POST", "/sdapi/v1/skip", student, webui.skip),
        Door("GET", "/sdapi/v1/samplers", student, webui.samplers),
        Door("GET", "/sdapi/v1/schedulers", student, webui.schedulers),
        Door("GET", "/sdapi/v1/sd-models", student, webui.models),
        Door("GET", "/sdapi/v1/options", student, webui.options),
        Door("POST", "/sdapi/v1/options", student, webui.choose),
        Door("POST", "/sdapi/v1/png-info", student, webui.png_info),
        *(Door(method, path, student, way, hidden=True) for method, path, way in guest.ways()),
        Door("GET", "/healthz", anybody, health.alive),
        Door("GET", "/readyz", anybody, health.ready),
        Door("GET", "/metrics", instructor, health.metrics),
        Door("GET", "/openapi.json", student, papers.schema, hidden=True),
        Door("GET", "/api", student, papers.page, hidden=True),
    )


def application(house: House, who: Who = alone, hosts: Collection[str] = LOOPBACK) -> FastAPI:
    """The studio's service.  It never imports torch: the workers are processes of their own."""
    front = entrance(house)
    meter = Meter()
    meter.registry.register(Queue(front))

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(front.feed.follow())
        yield
        await front.feed.end()
        await following
        await app.state.guest.leave()
        front.store.database.close()

    app = FastAPI(title="limner studio", version=__version__, openapi_url=None, docs_url=None, redoc_url=None,
                  lifespan=life, description="Pictures of sentences, from one queue that loses nothing.")  # fmt: skip
    app.state.guest = Guest(front)
    for door in doors(front, meter, app):
        demand = Depends(Demand(door.role, who))
        app.add_api_route(
            door.path, door.through, methods=[door.method], dependencies=[demand], response_model=None,
            include_in_schema=not door.hidden,
        )  # fmt: skip
    app.add_exception_handler(LimnerError, limner_fault)
    app.add_exception_handler(HTTPException, http_fault)
    app.add_exception_handler(RequestValidationError, unread)
    app.add_exception_handler(Exception, crash)
    app.add_middleware(Guard, hosts=hosts, meter=meter)
    app.state.feed = front.feed
    return app


def entrance(house: House) -> Front:
    store = house.store()
    return Front(store, house.vault(), house.staff(store.database), Feed(store))
