"""The class at a glance, for those who teach: the queue, who draws, who used how much, and what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Query
from fastapi.responses import RedirectResponse, Response

from limner.errors import LimnerError
from limner.studio.people import figures, log
from limner.studio.people.person import everybody
from limner.studio.register import Role
from limner.studio.schema import State
from limner.studio.staff import workers
from limner.studio.web.entry import Text
from limner.studio.web.front import Front
from limner.studio.web.page import paper
from limner.studio.web.room import Room
from limner.studio.web.user import Asker, User

LINES = 100  # of the log on one page
Before: TypeAlias = Annotated[int | None, Query(ge=0, le=2**31 - 1)]


@dataclass(frozen=True, slots=True)
class Classbook:
    front: Front
    room: Room

    def page(self, user: Asker) -> Response:
        """The queue and its workers, and everybody's use of them."""
        return self._page(user)

    def queue(self, user: Asker, why: Text = "", close: Text = "") -> Response:
        """Take no more jobs, for a reason that everybody reads; or take them again."""
        try:
            if close and not why.strip():
                raise LimnerError("a reason is needed", "say why the queue is closed: everybody reads it")
            self.room.classroom.maintain(user.member, why.strip() if close else "")
        except LimnerError as fault:
            return self._page(user, fault)
        return RedirectResponse("/class", 303)

    def log(self, user: Asker, before: Before = None, check: bool = False) -> Response:
        """What was done, by whom and to whom; and whether the log is whole."""
        database = self.room.database
        lines = log.latest(database, LINES + 1, before)
        values = {
            "lines": lines[:LINES],
            "older": lines[LINES - 1].number if len(lines) > LINES else None,
            "names": self._names(),
            "checked": log.check(database) if check else None,
        }
        return paper("log.html", values)

    def _page(self, user: User, fault: LimnerError | None = None) -> Response:
        database = self.room.database
        use = database.read(figures.usage)
        values = {
            "course": self.room.course,
            "file": self.room.file,
            "closed": self.room.store.closed(),
            "counts": {state.value: count for state, count in self.room.store.counts().items()},
            "states": [state.value for state in State],
            "workers": database.read(lambda connection: workers(connection, database.clock(connection))),
            "models": {card.identity: card.name for card in self.front.staff.cards()},
            "use": use,
            "seconds": sum(each.seconds for each in use),
            "pictures": sum(each.pictures for each in use),
            "names": self._names(),
            "filtered": self.room.appeals.tally(),
            "leads": user.member.may(Role.INSTRUCTOR),
        }
        return paper("class.html", values, fault)

    def _names(self) -> Mapping[str, str]:
        return {each.id: each.name for each in everybody(self.room.database)}
