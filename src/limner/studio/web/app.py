"""Every door of the studio in one table, each with the role that it demands: there is no other way in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from limner import __version__
from limner.errors import LimnerError
from limner.studio.classfile import Classfile, classfile
from limner.studio.course import Course
from limner.studio.house import House
from limner.studio.people.tokens import Tokens
from limner.studio.register import Role
from limner.studio.web.about import About
from limner.studio.web.account import Account
from limner.studio.web.awards import Awards
from limner.studio.web.bias import Bias
from limner.studio.web.checking import Checking
from limner.studio.web.classbook import Classbook
from limner.studio.web.coursework import Coursework
from limner.studio.web.drafting import Drafts
from limner.studio.web.entry import Entry
from limner.studio.web.explaining import Explaining
from limner.studio.web.faults import crash, gone, http_fault, limner_fault, unread
from limner.studio.web.feed import Feed
from limner.studio.web.front import Front
from limner.studio.web.gallery import Gallery
from limner.studio.web.grids import Grids
from limner.studio.web.guard import Guard
from limner.studio.web.guest import Guest
from limner.studio.web.handing import HandingPages
from limner.studio.web.health import Health, Meter, Queue
from limner.studio.web.jobs import Jobs
from limner.studio.web.licensing import Licensing
from limner.studio.web.limits import Limits
from limner.studio.web.marking import MarkingPages
from limner.studio.web.openai import OpenAI
from limner.studio.web.packing import Packing
from limner.studio.web.page import render
from limner.studio.web.pages import Pages
from limner.studio.web.reading import Pictures
from limner.studio.web.receipts import Receipts
from limner.studio.web.roll import Roll
from limner.studio.web.room import Room
from limner.studio.web.sealed import Sealed
from limner.studio.web.sharing import Sharing
from limner.studio.web.showing import Showing
from limner.studio.web.studied import Tallies
from limner.studio.web.user import Demand, Who, alone
from limner.studio.web.webui import WebUI
from limner.studio.web.withholding import Withholding
from limner.studio.web.work import Badge, Work

LOOPBACK = ("127.0.0.1", "localhost", "::1")
KEYS = "/.well-known/limner-keys.json"  # as RFC 8615 has such a place


@dataclass(frozen=True, slots=True)
class Door:
    """A method and a path, who may come through, and what then happens.

    `hidden` ones are not told to programs; those for `people` do not even open to them.  Through one that `serves` no
    person comes at all, but workers who have a badge; the page before a `foreign` one is not ours.
    """

    method: str
    path: str
    role: Role | None
    through: Callable[..., object]
    hidden: bool = False
    people: bool = False
    serves: bool = False
    foreign: bool = False


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
    """All of them; those of a class where there is one."""
    jobs, pages, health, papers = Jobs(front), Pages(front), Health(front, meter), Papers(app)
    openai, webui, explaining, work = OpenAI(front), WebUI(front), Explaining(front), Work(front)
    gallery, grids, pictures, showing = Gallery(front), Grids(front), Pictures(front), Showing(front)
    bias, tallies = Bias(front), Tallies(front)
    drafts, packing = Drafts(front), Packing(front)
    checking, receipts = Checking(front), Receipts(front)
    guest: Guest = app.state.guest
    anybody, student, assistant, instructor = None, Role.STUDENT, Role.ASSISTANT, Role.INSTRUCTOR
    return (
        Door("GET", "/", student, pages.home, hidden=True),
        Door("POST", "/", student, pages.draw, hidden=True),
        Door("GET", "/tries/{submission}", student, pages.tried, hidden=True),
        Door("GET", "/tries/{submission}/grid", student, grids.page, hidden=True),
        Door("GET", "/grid", student, grids.form, hidden=True),
        Door("POST", "/grid", student, grids.ask, hidden=True),
        Door("GET", "/gallery", student, gallery.page, hidden=True),
        Door("GET", "/read", student, pictures.page, hidden=True),
        Door("POST", "/read", student, pictures.read, hidden=True),
        Door("GET", "/bias", student, bias.page, hidden=True),
        Door("POST", "/bias", student, bias.make, hidden=True),
        Door("GET", "/bias.zip", student, bias.pack, hidden=True),
        Door("GET", "/bias/{study}", student, bias.one, hidden=True),
        Door("POST", "/bias/{study}/draw", student, bias.draw, hidden=True),
        Door("POST", "/bias/{study}/second", student, bias.second, hidden=True),
        Door("POST", "/bias/{study}/harm", student, bias.harm, hidden=True),
        Door("POST", "/bias/{study}/leave", student, bias.leave, hidden=True),
        Door("GET", "/bias/{study}/tally", student, tallies.page, hidden=True),
        Door("POST", "/bias/{study}/tally", student, tallies.label, hidden=True),
        Door("POST", "/bias/{study}/undo", student, tallies.undo, hidden=True),
        Door("GET", "/bias/{study}/pictures/{place}", student, tallies.picture, hidden=True),
        Door("GET", "/api/bias/{study}", student, bias.told),
        Door("GET", "/course/check", student, checking.page, hidden=True),
        Door("POST", "/course/check", student, checking.check, hidden=True),
        Door("POST", "/api/course/check", student, checking.report),
        Door("GET", "/course", student, drafts.page, hidden=True),
        Door("GET", "/course/task/{task}", student, drafts.task, hidden=True),
        Door("POST", "/course/task/{task}", student, drafts.write, hidden=True),
        Door("GET", "/course/use", student, drafts.choose, hidden=True),
        Door("POST", "/course/use", student, drafts.use, hidden=True),
        Door("GET", "/course/pack", student, packing.page, hidden=True),
        Door("GET", "/course/pack.zip", student, packing.pack, hidden=True),
        Door("GET", "/hall", student, showing.seats, hidden=True),
        Door("POST", "/hall", student, showing.send, hidden=True),
        Door("POST", "/hall/{sentence}/withdraw", student, showing.withdraw, hidden=True),
        Door("GET", "/show", assistant, showing.wall, hidden=True),
        Door("GET", "/show/line", assistant, showing.line, hidden=True),
        Door("GET", "/show/{sentence}/stage", assistant, showing.stage, hidden=True),
        Door("GET", "/show/{sentence}/picture.png", assistant, showing.picture, hidden=True),
        Door("GET", "/show/{sentence}/look.png", assistant, showing.look, hidden=True),
        Door("POST", "/show/next", assistant, showing.next, hidden=True),
        Door("POST", "/show/{sentence}/dismiss", assistant, showing.dismiss, hidden=True),
        Door("GET", "/about", student, About(front).page, hidden=True),
        Door("GET", "/compare", student, gallery.compare, hidden=True),
        Door("GET", "/gallery.zip", student, gallery.pack, hidden=True),
        Door("GET", "/jobs/{job}", student, pages.job, hidden=True),
        Door("GET", "/jobs/{job}/card", student, pages.card, hidden=True),
        Door("POST", "/jobs/{job}/cancel", student, pages.cancel, hidden=True),
        Door("GET", "/jobs/{job}/limner.{form}", student, receipts.save),
        Door("GET", "/jobs/{job}/explain", student, explaining.page, hidden=True),
        Door("POST", "/jobs/{job}/explain", student, explaining.ask, hidden=True),
        Door("GET", "/static/{name}", anybody, pages.static, hidden=True),
        Door("GET", "/pictures/{name}.png", student, jobs.picture),
        Door("POST", "/api/jobs", student, jobs.submit),
        Door("GET", "/api/jobs", student, jobs.mine),
        Door("GET", "/api/jobs/{job}", student, jobs.one),
        Door("POST", "/api/jobs/{job}/cancel", student, jobs.cancel),
        Door("POST", "/api/jobs/{job}/explain", student, explaining.explain),
        Door("GET", "/api/jobs/{job}/preview", student, jobs.preview),
        Door("GET", "/api/jobs/{job}/receipt", student, receipts.one),
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
        Door("GET", "/workers/rules", instructor, work.rules, serves=True),
        Door("POST", "/workers/announce", instructor, work.announce, serves=True),
        Door("POST", "/workers/here", instructor, work.here, serves=True),
        Door("POST", "/workers/left", instructor, work.left, serves=True),
        Door("POST", "/workers/lease", instructor, work.lease, serves=True),
        Door("POST", "/workers/beat", instructor, work.beat, serves=True),
        Door("PUT", "/workers/picture", instructor, work.picture, serves=True),
        Door("POST", "/workers/finish", instructor, work.finish, serves=True),
        Door("POST", "/workers/fail", instructor, work.fail, serves=True),
        Door("POST", "/workers/withhold", instructor, work.withhold, serves=True),
        Door("POST", "/workers/release", instructor, work.release, serves=True),
        *(Door(method, path, student, way, hidden=True, foreign=True) for method, path, way in guest.ways()),
        Door("GET", KEYS, anybody, receipts.keys),
        Door("GET", "/course/verify", assistant, receipts.page, hidden=True),
        Door("POST", "/course/verify", assistant, receipts.verify, hidden=True),
        Door("GET", "/healthz", anybody, health.alive),
        Door("GET", "/readyz", anybody, health.ready),
        Door("GET", "/metrics", instructor, health.metrics),
        Door("GET", "/openapi.json", student, papers.schema, hidden=True),
        Door("GET", "/api", student, papers.page, hidden=True),
        *(course_doors(front, front.room) if front.room else ()),
    )


def course_doors(front: Front, room: Room) -> Iterator[Door]:
    """What a class has beside, all of it pages for people."""
    entry, account, shared, licences = Entry(room), Account(front, room), Sharing(front, room), Licensing(front, room)
    people, book, withheld = Roll(room), Classbook(front, room), Withholding(front, room)
    anybody, student, assistant, instructor = None, Role.STUDENT, Role.ASSISTANT, Role.INSTRUCTOR
    work = Coursework(front, room)
    handing, marking, awards = HandingPages(work), MarkingPages(work), Awards(work)
    for method, path, role, through in (
        ("GET", "/sign-in", anybody, entry.page),
        ("POST", "/sign-in", anybody, entry.sign_in),
        ("POST", "/sign-out", anybody, entry.sign_out),
        ("GET", "/join/{token}", anybody, entry.invited),
        ("POST", "/join/{token}", anybody, entry.join),
        ("GET", "/account", student, account.page),
        ("POST", "/account/password", student, account.password),
        ("POST", "/account/tokens", student, account.make),
        ("POST", "/account/tokens/revoke", student, account.revoke),
        ("POST", "/account/everywhere", student, account.everywhere),
        ("GET", "/account/export", student, account.export),
        ("POST", "/account/delete", student, account.delete),
        ("GET", "/licences/{model}", student, licences.page),
        ("POST", "/licences/{model}", student, licences.accept),
        ("GET", "/shared", student, shared.page),
        ("POST", "/jobs/{job}/share", student, shared.share),
        ("POST", "/jobs/{job}/withdraw", student, shared.withdraw),
        ("GET", "/jobs/{job}/report", student, shared.doubt),
        ("POST", "/jobs/{job}/report", student, shared.report),
        ("GET", "/reports", assistant, shared.reports),
        ("POST", "/jobs/{job}/dismiss", instructor, shared.dismiss),
        ("POST", "/jobs/{job}/take-down", instructor, shared.take_down),
        ("POST", "/jobs/{job}/restore", instructor, shared.restore),
        ("POST", "/jobs/{job}/ask", student, withheld.ask),
        ("POST", "/jobs/{job}/draw", student, withheld.draw),
        ("POST", "/jobs/{job}/let-through", instructor, withheld.let),
        ("POST", "/jobs/{job}/refuse", instructor, withheld.refuse),
        ("GET", "/people", assistant, people.page),
        ("POST", "/people/invite", instructor, people.invite),
        ("POST", "/people/pending", instructor, people.pending),
        ("GET", "/people/{person}", assistant, people.one),
        ("POST", "/people/{person}/link", instructor, people.link),
        ("POST", "/people/{person}/suspend", instructor, people.suspend),
        ("POST", "/people/{person}/readmit", instructor, people.readmit),
        ("POST", "/people/{person}/role", instructor, people.role),
        ("POST", "/people/{person}/sign-out", instructor, people.sign_out),
        ("POST", "/people/{person}/grant", instructor, people.grant),
        ("GET", "/class", assistant, book.page),
        ("POST", "/class/queue", instructor, book.queue),
        ("GET", "/log", instructor, book.log),
        ("GET", "/course/handin", student, handing.page),
        ("POST", "/course/handin", student, handing.hand_in),
        ("GET", "/course/handin/{handin}.zip", student, handing.take),
        ("POST", "/course/handin/{handin}/remark", student, handing.ask),
        ("GET", "/course/grade", assistant, marking.page),
        ("GET", "/course/grade/{handin}", assistant, marking.one),
        ("POST", "/course/grade/{handin}", assistant, marking.mark),
        ("POST", "/course/grade/{handin}/lift", instructor, marking.lift),
        ("GET", "/course/pictures/{handin}/{number}.jpg", assistant, marking.picture),
        ("POST", "/course/release", instructor, marking.release),
        ("GET", "/course/marks.csv", instructor, marking.table),
        ("GET", "/course/remarks", assistant, marking.remarks),
        ("POST", "/course/remarks/{remark}", assistant, marking.answer),
        ("GET", "/course/awards", assistant, awards.page),
        ("GET", "/course/awards/print.zip", instructor, awards.prints),
        ("GET", "/course/awards/credits.csv", instructor, awards.credits),
        ("POST", "/course/awards/{handin}/{number}", assistant, awards.vote),
    ):
        yield Door(method, path, role, through, hidden=True, people=role is not None)


def application(
    house: House, who: Who = alone, hosts: Collection[str] = LOOPBACK, course: Course | Classfile | None = None
) -> FastAPI:
    """The studio's service, for a course's people if there is one: then it knows them itself, and its own name.

    It never imports torch: the workers are processes of their own.
    """
    meter = Meter()
    front = entrance(house, course, meter)
    meter.registry.register(Queue(front))
    room = front.room
    who, hosts = (room.who, {*hosts, room.host}) if room else (who, hosts)

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
    limits = room.limits if room else None
    badge = Badge(Tokens(front.store.database), house.badge if who is alone else None, limits)
    app.state.guest = Guest(front)
    for door in doors(front, meter, app):
        demand = Depends(badge if door.serves else Demand(door.role, who, limits, door.people, door.foreign))
        app.add_api_route(
            door.path, door.through, methods=[door.method], dependencies=[demand], response_model=None,
            include_in_schema=not door.hidden,
        )  # fmt: skip
    app.add_exception_handler(LimnerError, limner_fault)
    app.add_exception_handler(HTTPException, http_fault)
    app.add_exception_handler(RequestValidationError, unread)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, crash)
    if room:
        app.add_middleware(Sealed)
    app.add_middleware(Guard, hosts=hosts, meter=meter)
    app.state.feed = front.feed
    return app


def entrance(house: House, course: Course | Classfile | None = None, meter: Meter | None = None) -> Front:
    store, vault = house.store(), house.vault()
    limits = Limits((meter or Meter()).refused, store.database)
    room = Room(classfile(course), store, vault, limits) if course else None
    return Front(store, vault, house.staff(store.database), Feed(store), room)
