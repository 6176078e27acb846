"""What the filter withheld: its owner asks, an instructor decides, and what is let through is drawn again."""

from dataclasses import dataclass

from fastapi.responses import RedirectResponse, Response

from limner.errors import LimnerError
from limner.studio.people.filtering import LET
from limner.studio.web.entry import Text
from limner.studio.web.front import Front
from limner.studio.web.room import Room
from limner.studio.web.user import Asker


@dataclass(frozen=True, slots=True)
class Withholding:
    front: Front
    room: Room

    def ask(self, job: str, user: Asker, why: Text = "") -> Response:
        """Those who teach may read what I asked for, and decide."""
        self.room.appeals.ask(user.member, job, why)
        return RedirectResponse(f"/jobs/{job}", 303)

    def let(self, job: str, user: Asker) -> Response:
        """That recipe is drawn without the filter from here on."""
        self.room.appeals.decide(user.member, job, True)
        return RedirectResponse("/reports", 303)

    def refuse(self, job: str, user: Asker) -> Response:
        """It stays withheld, or is withheld again."""
        self.room.appeals.decide(user.member, job, False)
        return RedirectResponse("/reports", 303)

    def draw(self, job: str, user: Asker) -> Response:
        """What was let through, drawn again to the letter, for the same assignment."""
        found = self.front.job(user, job)
        held = self.room.appeals.held(user.member, [job]).get(job)
        if held is None or held.decided != LET:
            raise LimnerError("that picture was not let through", "see what is said on its page", 409)
        purpose = self.room.classroom.purpose(user.member, job)
        (new,) = self.front.order(user, [found.recipe], f"let through {job}", purpose)
        return RedirectResponse(f"/jobs/{new}", 303)
