"""What this studio is: what draws here under which licence, what is kept, and for how long."""

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi.responses import HTMLResponse, Response

from limner import __version__
from limner.studio.people.retention import promises
from limner.studio.schema import State
from limner.studio.web.front import Front
from limner.studio.web.page import render
from limner.studio.web.user import Asker


@dataclass(frozen=True, slots=True)
class About:
    front: Front

    def page(self, user: Asker) -> Response:
        """Models, licences, what is stored of you and until when, and the version."""
        counts = self.front.store.counts(user.name)
        kept = [
            {"day": datetime.fromtimestamp(each.at, UTC).date().isoformat(), "days": each.days}
            for each in promises(self.front.store.database)
        ]
        values = {
            "version": __version__,
            "cards": self.front.cards(),
            "workers": self.front.staff.present(),
            "kept": kept,
            "course": self.front.room.course.course if self.front.room else None,
            "done": counts.get(State.DONE, 0),
            "asked": sum(counts.values()),
        }
        return HTMLResponse(render("about.html", values))
