"""What somebody sees and decides of their own account: password, tokens, budgets, what is kept, and leaving."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryFile

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from limner.errors import LimnerError
from limner.studio.people import person as people
from limner.studio.people.deletion import erase
from limner.studio.people.export import export
from limner.studio.people.retention import expires, leaving
from limner.studio.people.tokens import Scope
from limner.studio.register import Role
from limner.studio.web.download import Download
from limner.studio.web.entry import Text
from limner.studio.web.front import Front
from limner.studio.web.page import paper
from limner.studio.web.room import Room
from limner.studio.web.user import Asker, User, client


@dataclass(frozen=True, slots=True)
class Account:
    front: Front
    room: Room

    def page(self, user: Asker) -> Response:
        """Who I am here, what I may, what is kept of me, and until when."""
        return paper("account.html", self._told(user))

    def password(self, request: Request, user: Asker, old: Text = "", new: Text = "", again: Text = "") -> Response:
        """Another password: all other sessions and all tokens are over."""
        try:
            if new != again:
                raise LimnerError("the two new passwords differ", "type the same one twice")
            assert user.session is not None  # the door opens to no token
            session = self.room.sessions.change(user.session, old, new, client(request))
        except LimnerError as fault:
            return paper("account.html", self._told(user), fault)
        answer = RedirectResponse("/account", 303)
        self.room.cookie.give(answer, session)
        return answer

    def make(self, user: Asker, name: Text = "", scope: Text = Scope.DRAW.value) -> Response:
        """A token for a program, shown this once."""
        try:
            if scope not in list(Scope):
                raise LimnerError(f"a token is not good for {scope[:64]!r}", f"choose from {', '.join(Scope)}")
            token = self.room.tokens.make(user.member, name.strip(), [Scope(scope)])
        except LimnerError as fault:
            return paper("account.html", self._told(user), fault)
        return paper("account.html", {**self._told(user), "fresh": token})

    def revoke(self, user: Asker, name: Text = "") -> Response:
        """A token of mine is good for nothing any more."""
        self.room.tokens.revoke(user.member, user.name, name)
        return RedirectResponse("/account", 303)

    def everywhere(self, user: Asker) -> Response:
        """All sessions and tokens of mine are over, this one too."""
        people.sign_out(self.room.database, user.member, user.name)
        return self._out(RedirectResponse("/sign-in", 303))

    def export(self, user: Asker) -> Response:
        """All that the studio has of me, as a zip."""
        with ExitStack() as stack:
            file = stack.enter_context(TemporaryFile())
            export(self.room.database, self.room.vault, user.member, file)
            stack.pop_all()
        return Download(file, file.tell(), "application/zip", "limner-export.zip")

    def delete(self, request: Request, user: Asker, password: Text = "") -> Response:
        """All that is mine is deleted, if this is my password."""
        try:
            self.room.sessions.prove(user.member, password, client(request))
            done = erase(self.room.database, self.room.vault, user.member, user.member)
        except LimnerError as fault:
            return paper("account.html", self._told(user), fault)
        return self._out(paper("gone.html", {"done": done, "course": self.room.course.course.name}))

    def _out(self, answer: Response) -> Response:
        self.room.cookie.take(answer)
        return answer

    def _told(self, user: User) -> Mapping[str, object]:
        who, course = user.member, self.room.course
        return {
            "person": who,
            "course": course,
            "balances": self.room.classroom.balances(who),
            "counts": self.front.store.counts(who.id),
            "leaving": leaving(self.room.database, course, who),
            "expires": expires(self.room.database, course, who),
            "tokens": self.room.tokens.mine(who),
            "scopes": list(Scope) if who.may(Role.INSTRUCTOR) else [Scope.DRAW],
            "licences": [card for card in self.front.cards() if card.terms],
            "accepted": self.room.licences.accepted(who),
            "fresh": "",
        }
