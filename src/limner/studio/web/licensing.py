"""A model's licence, where it asks something, is read and accepted by each who draws with it, once."""

from dataclasses import dataclass

from fastapi.responses import RedirectResponse, Response

from limner.errors import LimnerError
from limner.studio.web.entry import Text
from limner.studio.web.front import Front
from limner.studio.web.page import paper
from limner.studio.web.room import Room
from limner.studio.web.user import Asker


@dataclass(frozen=True, slots=True)
class Licensing:
    front: Front
    room: Room

    def page(self, model: str, user: Asker) -> Response:
        """The terms, and whether they were accepted."""
        card = self.front.card(model)
        return paper("licence.html", {"card": card, "open": self.room.licences.open(user.member, card)})

    def accept(self, model: str, user: Asker, digest: Text = "") -> Response:
        """The terms that were shown are accepted."""
        card = self.front.card(model)
        try:
            self.room.licences.accept(user.member, card, digest)
        except LimnerError as fault:
            return paper("licence.html", {"card": card, "open": True}, fault)
        return RedirectResponse("/", 303)
