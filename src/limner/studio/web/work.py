"""The doors for workers on other machines: the queue's back (`studio.back`), a call a door, to whoever has a badge."""

from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Base64Bytes, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.metadata import read, texts
from limner.recipe import FIELDS, Value, Wish, checked, to_json
from limner.studio.explanation import CHUNK, explained
from limner.studio.leases import Leases, Pulse
from limner.studio.notary import Notary
from limner.studio.people.filtering import demanded
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.png import MARK, measured
from limner.studio.staff import Card
from limner.studio.web.front import Front, Json
from limner.studio.web.user import NOBODY, Patience, counted

HOUSE = "house"  # who serves by the token that the studio made for itself
LOOK = 2**20  # bytes of a look at a job
Hex = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=150, pattern=r"^[^\x00-\x1f\x7f]+$")]
Line = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Badge:
    """Who may serve: an account's token that is made for it, or, where there are no accounts, the one in `own`.

    Who has none is counted as a stranger.
    """

    tokens: Tokens
    own: Path | None
    patience: Patience | None = None

    def __call__(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = self._bearer(token.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            counted(NOBODY, request, self.patience)
            raise LimnerError("this door is for workers alone", "send a token that is made to serve", 401)
        request.state.bearer = bearer

    def _bearer(self, token: str) -> str | None:
        if self.own is not None and compare_digest(_kept(self.own), token.encode()):
            return HOUSE
        person = self.tokens.who(token, Scope.SERVE)
        return person.id if person else None


def _kept(file: Path) -> bytes:
    """What it says now: another token in it ends this one.  Without a file nobody has the right one."""
    try:
        return file.read_bytes().strip() or b"\0"
    except OSError:
        return b"\0"


def _bears(request: Request) -> str:
    bearer: str = request.state.bearer
    return bearer


Bearer = Annotated[str, Depends(_bears)]


class Announced(BaseModel, extra="forbid"):
    """A model's card, as `staff.Card` has it."""

    identity: Sha256
    name: Name
    factor: Annotated[int, Field(ge=1, le=64)]
    defaults: dict[str, Value]
    licence: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    terms: Annotated[str, Field(max_length=200_000)] = ""

    def card(self) -> Card:
        return Card(**{each.name: getattr(self, each.name) for each in fields(Card)})


class Here(BaseModel, extra="forbid"):
    worker: Name
    model: Sha256
    device: Name


class Left(BaseModel, extra="forbid"):
    worker: Name


class Room(BaseModel, extra="forbid"):
    worker: Name
    model: Sha256
    room: Annotated[int, Field(ge=1, le=64)]
    token: Hex
    filters: bool = False


class Beaten(BaseModel, extra="forbid"):
    """A worker's word on a job it holds."""

    job: Hex
    lease: Hex
    done: Count = 0
    total: Count = 0
    spent: Seconds = 0.0
    preview: Annotated[Base64Bytes, Field(max_length=LOOK)] | None = None

    def pulse(self) -> Pulse:
        look = self.preview if self.preview and self.preview.startswith(MARK) else None
        return Pulse(self.job, self.lease, self.done, self.total, self.spent, look)


Pulses = Annotated[list[Beaten], Field(max_length=64)]


class Beats(BaseModel, extra="forbid"):
    pulses: Pulses


class Released(BaseModel, extra="forbid"):
    pulses: Pulses
    why: Line


class Finished(BaseModel, extra="forbid"):
    pulse: Beaten
    picture: Sha256
    notes: Annotated[list[Line], Field(max_length=40)] = []


class Failed(BaseModel, extra="forbid"):
    pulse: Beaten
    what: Line
    remedy: Line


class Withheld(BaseModel, extra="forbid"):
    pulse: Beaten
    score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Work:
    front: Front

    @property
    def leases(self) -> Leases:
        return Leases(self.front.store.database, self.front.store.rules, Notary(self.front.vault))

    def rules(self) -> dict[str, Json]:
        """How long, how often, how many: what a worker keeps to; and whether pictures pass a filter."""
        watches = self.front.store.database.read(demanded).watches
        return {**asdict(self.front.store.rules), "filter": watches}

    def announce(self, card: Announced) -> dict[str, Json]:
        """From here on pictures of this model can be asked for."""
        known = card.card()
        if not card.defaults.keys() <= FIELDS.keys():
            raise LimnerError("the card has defaults for what no recipe has", "see that both are of one version")
        for name, value in card.defaults.items():
            checked(name, value)  # those of a control that is not there, too, which a wish may switch on
        known.recipe(Wish(prompt=""))  # LimnerError where no recipe comes of it
        self.front.staff.announce(known)
        return {}

    def here(self, asked: Here, bearer: Bearer) -> dict[str, Json]:
        """A worker says that it is there."""
        self.front.staff.here(_called(bearer, asked.worker), asked.model, asked.device)
        return {}

    def left(self, asked: Left, bearer: Bearer) -> dict[str, Json]:
        """A worker goes."""
        self.front.staff.left(_called(bearer, asked.worker))
        return {}

    def lease(self, asked: Room, bearer: Bearer) -> dict[str, Json]:
        """Jobs whose turn it is, for a while; by the same token the same ones."""
        leased = self.leases.lease(_called(bearer, asked.worker), asked.model, asked.room, asked.token, asked.filters)
        kinds = [{"explains": each.explains, "watched": each.watched} for each in leased]
        return {
            "jobs": [
                {"job": each.job, "recipe": to_json(each.recipe), **kind}
                for each, kind in zip(leased, kinds, strict=True)
            ]
        }

    def beat(self, asked: Beats) -> dict[str, Json]:
        """A worker is alive, and how far its jobs are; the answer says which it holds no longer."""
        lost = self.leases.beat([each.pulse() for each in asked.pulses])
        return {"lost": [{"job": each.job, "lease": each.lease} for each in lost]}

    async def picture(self, request: Request, name: Annotated[Sha256, Query(alias="sha256")]) -> JSONResponse:
        """A picture's file, which becomes a job's by the next call; what is cut off, damaged or no PNG is not kept."""
        data = await request.body()
        await run_in_threadpool(self._keep, data, name)
        return JSONResponse({})

    def finish(self, asked: Finished) -> dict[str, Json]:
        """That picture is the job's; 410 where the worker holds the job no longer."""
        self._fits(asked.pulse.job, asked.picture)
        if not self.leases.finish(asked.pulse.pulse(), asked.picture, asked.notes):
            raise LimnerError(f"job {asked.pulse.job} is not yours any more", "drop it", 410)
        return {}

    def fail(self, asked: Failed) -> dict[str, Json]:
        """The job cannot be drawn, and why."""
        self.leases.fail(asked.pulse.pulse(), asked.what, asked.remedy)
        return {}

    def withhold(self, asked: Withheld) -> dict[str, Json]:
        """The picture did not pass the filter, and stays where it was drawn: nobody is sent it."""
        self.leases.withhold(asked.pulse.pulse(), asked.score)
        return {}

    def release(self, asked: Released) -> dict[str, Json]:
        """A worker hands its jobs back."""
        self.leases.release([each.pulse() for each in asked.pulses], asked.why)
        return {}

    def _keep(self, data: bytes, name: str) -> None:
        if sha256(data).hexdigest() != name:
            raise LimnerError("the picture is not what it is called by", "send it again", 400)
        measured(data)
        try:
            self.front.vault.keep(data)
        except OSError as fault:
            raise LimnerError(f"the studio cannot keep it: {fault.strerror}", "send it again later", 503) from fault

    def _fits(self, job: str, picture: str) -> None:
        """LimnerError where the file is not there, or says neither the job's recipe nor, if that explains, maps."""
        try:
            data = self.front.vault.read(picture)
        except LimnerError as fault:
            raise LimnerError("the picture is not here", "send it first", 409) from fault
        if explained(self.front.store, job):
            if CHUNK not in texts(data):
                raise LimnerError("the picture is no sheet of maps", "see that the worker is of this version")
            return
        found = self.front.store.job(job)
        if found is not None and read(self.front.vault.path(picture)).recipe != found.recipe:
            raise LimnerError("the picture does not carry its job's recipe", "see that the worker is of this version")


def _called(bearer: str, worker: str) -> str:
    """Nobody speaks for another's worker."""
    return f"{worker} of {bearer}"
