"""Who asks: the one seam between the pages and whatever knows people by sessions or tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeAlias
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from limner.errors import LimnerError
from limner.studio.people.person import Person
from limner.studio.people.sessions import Session
from limner.studio.register import Role

SAFE = ("GET", "HEAD", "OPTIONS")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class User:
    """An owner of jobs, by the name that the store knows; where there are accounts, whose it is.

    A browser has a session.  Somebody without a role is nobody.
    """

    name: str
    role: Role | None
    person: Person | None = None
    session: Session | None = None

    @property
    def member(self) -> Person:
        """The person; LimnerError where there are no accounts."""
        if self.person is None:
            raise LimnerError("there are no accounts here", "limner studio --class serves a class", 404)
        return self.person

    def may(self, least: Role | None) -> bool:
        """Whether they are at least that; anybody is at least nobody."""
        return least is None or (self.role is not None and self.role.may(least))


Who: TypeAlias = Callable[[Request], User | None]
"""Who sends a request; None where nobody says so, or says so in vain.  LimnerError refuses it outright."""

NOBODY = User("", None)
LOCAL = User("local", Role.INSTRUCTOR)


def alone(request: Request) -> User:
    """On a loopback address there is one person, whose machine it is."""
    return LOCAL


class Patience(Protocol):
    """How often somebody may ask; LimnerError says when again."""

    def read(self, user: User, client: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Demand:
    """A door: it opens to whoever has at least that role, and not too often; anybody's has none.

    What a browser's session changes has to come from a page of ours, which has the session's own token in its forms.
    The page before a `foreign` door is Gradio's, which has not: there the browser has to say that it is of this origin.
    One for `people` opens to no API token.  LimnerError: 401 to the unknown, 403 to the others.
    """

    role: Role | None
    who: Who
    patience: Patience | None = None
    people: bool = False
    foreign: bool = False

    async def __call__(self, request: Request) -> None:
        try:
            user = await run_in_threadpool(self.who, request) or NOBODY
        except LimnerError:
            counted(NOBODY, request, self.patience)  # who guesses tokens is a stranger, too
            raise
        request.state.user = user
        counted(user, request, self.patience)
        if not user.may(self.role):
            if user is NOBODY:
                raise LimnerError("nobody is signed in", "sign in, or send a token", 401)
            raise LimnerError("that is not yours to do", "ask an instructor", 403)
        if user.session is None:
            if self.people and user.person is not None:
                raise LimnerError("that is for people, and a token is for programs", "sign in with a browser", 403)
        elif not await self._meant(request, user.session):
            raise LimnerError("that form is not from your session", "open its page again, and send it anew", 403)

    async def _meant(self, request: Request, session: Session) -> bool:
        """Whether this is what whoever has the session wanted to send."""
        return request.method in SAFE or (self.foreign and _ours(request)) or session.meant(await _sealed(request))


def counted(user: User, request: Request, patience: Patience | None) -> None:
    """LimnerError where they ask too often."""
    if patience:
        patience.read(user, client(request))


def client(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else ""


def _ours(request: Request) -> bool:
    """Whether a browser says that the request is of a page of this origin: no page elsewhere can make it say so."""
    origin = request.headers.get("origin")
    return origin is not None and named(origin)[0] == request.headers.get("host")


def named(address: str) -> tuple[str | None, str | None]:
    """The host of an address, with its port and without; neither, where it is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None, None
    return parts.netloc, parts.hostname


async def _sealed(request: Request) -> str:
    """The token that a page of ours has sent along, as a field of its form or, by its script, as a header."""
    said: object = request.headers.get("x-csrf-token")
    if said is None and request.headers.get("content-type", "").startswith(FORMS):
        said = (await request.form()).get("csrf")
    return said if isinstance(said, str) else ""


def _asks(request: Request) -> User:
    user: User = request.state.user
    return user


Asker: TypeAlias = Annotated[User, Depends(_asks)]
"""The user whom the door let in."""
