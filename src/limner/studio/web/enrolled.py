"""Whom a course knows: a browser by its session's cookie, a program by a token."""

from base64 import b64decode
from binascii import Error
from dataclasses import dataclass

from fastapi import Request, Response

from limner.errors import LimnerError
from limner.studio.people.sessions import LIFE, Session, Sessions
from limner.studio.people.tokens import Scope, Tokens
from limner.studio.web.user import User


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a browser keeps of a session: no script reads it, and no other site's form sends it.

    `secure` is for a course whose address is https: then it goes over nothing else, and no neighbouring name can set it
    (RFC 6265bis, section 4.1.3.2).
    """

    secure: bool

    @property
    def name(self) -> str:
        return "__Host-limner" if self.secure else "limner"

    def read(self, request: Request) -> str:
        return request.cookies.get(self.name, "")

    def give(self, response: Response, session: Session) -> None:
        response.set_cookie(
            self.name, session.token, max_age=int(LIFE), path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def take(self, response: Response) -> None:
        response.delete_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="lax")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A `Who`.  LimnerError for a token that is not good: a program should hear of it, rather than of no token."""

    sessions: Sessions
    tokens: Tokens
    cookie: Cookie

    def __call__(self, request: Request) -> User | None:
        if (said := request.headers.get("authorization")) is not None:
            person = self.tokens.who(_token(said), Scope.DRAW)
            if person is None:
                raise LimnerError("that token is not good here", "make one on the page of your account", 401)
            return User(person.id, person.role, person)
        token = self.cookie.read(request)
        session = self.sessions.who(token) if token else None
        return User(session.person.id, session.person.role, session.person, session) if session else None


def _token(said: str) -> str:
    """The token of an Authorization header: Bearer, or the password of Basic, as AUTOMATIC1111's clients send it."""
    scheme, _, words = said.strip().partition(" ")
    if scheme.lower() == "bearer":
        return words.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(words, validate=True).decode().partition(":")[2]
    except (Error, ValueError):
        return ""
