"""The ways in and out: a password, an invitation, and a button to leave."""

import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator

from limner.errors import LimnerError
from limner.studio.people.sessions import Session
from limner.studio.web.page import paper
from limner.studio.web.room import Room
from limner.studio.web.user import client


def _spoken(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL, which is no text")
    return text


Text: TypeAlias = Annotated[str, Form(max_length=1000), AfterValidator(_spoken)]
"""A line of a form."""
OURS = re.compile(r"/(?![/\\])[\x21-\x7e]*")  # a path of this studio's: no other host, however browsers read it


@dataclass(frozen=True, slots=True)
class Entry:
    room: Room

    def page(self, next: str = "/") -> Response:
        """Where one signs in."""
        return paper("sign-in.html", self._asked(next))

    def sign_in(self, request: Request, mail: Text = "", password: Text = "", next: Text = "/") -> Response:
        """With a mail address and a password; then on to where one wanted to go."""
        former = self.room.cookie.read(request)
        try:
            session = self.room.sessions.sign_in(mail, password, client(request), former)
        except LimnerError as fault:
            return paper("sign-in.html", {**self._asked(next), "mail": mail}, fault)
        return self._in(session, ours(next))

    def sign_out(self, request: Request) -> Response:
        """This browser's session is over, and what it has kept of it is to be thrown away."""
        self.room.sessions.sign_out(self.room.cookie.read(request))
        answer = RedirectResponse("/sign-in", 303, {"clear-site-data": '"cache"'})
        self.room.cookie.take(answer)
        return answer

    def invited(self, token: str) -> Response:
        """What an invitation leads to.  Looking at it does not use it up: mail programs look, too."""
        return paper("join.html", {"person": self.room.invitations.whose(token), "course": self._name()})

    def join(self, token: str, password: Text = "", again: Text = "") -> Response:
        """An invitation is used up by a password of one's own."""
        person = self.room.invitations.whose(token)
        try:
            if password != again:
                raise LimnerError("the two passwords differ", "type the same one twice")
            session = self.room.invitations.accept(token, password)
        except LimnerError as fault:
            return paper("join.html", {"person": person, "course": self._name()}, fault)
        return self._in(session, "/")

    def _in(self, session: Session, where: str) -> Response:
        answer = RedirectResponse(where, 303)
        self.room.cookie.give(answer, session)
        return answer

    def _asked(self, next: str) -> dict[str, object]:
        return {"next": ours(next), "mail": "", "course": self._name()}

    def _name(self) -> str:
        return self.room.course.course.name


def ours(path: str) -> str:
    """A path to go on to; the first page where it is none of ours."""
    return path if OURS.fullmatch(path) else "/"
