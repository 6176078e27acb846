"""Who asks: the one seam between the pages and whatever knows people by sessions or tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from limner.errors import LimnerError


class Role(IntEnum):
    """What somebody may do: each role may all that those before it may."""

    ANYBODY = 0
    STUDENT = 1
    ASSISTANT = 2
    INSTRUCTOR = 3


@dataclass(frozen=True, slots=True)
class User:
    """An owner of jobs, by the name that the store knows."""

    name: str
    role: Role


Who: TypeAlias = Callable[[Request], User | None]
"""Who sends a request; None where nobody says so, or says so in vain.  LimnerError refuses it outright."""

NOBODY = User("", Role.ANYBODY)
LOCAL = User("local", Role.INSTRUCTOR)


def alone(request: Request) -> User:
    """On a loopback address there is one person, whose machine it is."""
    return LOCAL


@dataclass(frozen=True, slots=True)
class Demand:
    """A door: it opens to whoever has at least that role.  LimnerError: 401 to the unknown, 403 to the others."""

    role: Role
    who: Who

    def __call__(self, request: Request) -> None:
        user = self.who(request) or NOBODY
        if user.role < self.role:
            if user is NOBODY:
                raise LimnerError("nobody is signed in", "sign in, or send a token", 401)
            raise LimnerError("that is not yours to do", "ask an instructor", 403)
        request.state.user = user


def _asks(request: Request) -> User:
    user: User = request.state.user
    return user


Asker: TypeAlias = Annotated[User, Depends(_asks)]
"""The user whom the door let in."""
