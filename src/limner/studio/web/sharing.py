"""Pictures that the class sees, those that somebody finds should not be there, and what is decided on them."""

from dataclasses import dataclass

from fastapi.responses import RedirectResponse, Response

from limner.errors import LimnerError
from limner.studio.people.person import everybody
from limner.studio.register import Role
from limner.studio.web.entry import Text
from limner.studio.web.front import Front
from limner.studio.web.page import paper
from limner.studio.web.room import Room
from limner.studio.web.user import Asker, User

SHOWN = 60  # pictures on one page


@dataclass(frozen=True, slots=True)
class Sharing:
    front: Front
    room: Room

    def page(self, user: Asker, reported: bool = False) -> Response:
        """What people have shared, the last first."""
        jobs = self.front.store.listed(self.room.gallery.shown(SHOWN))
        return paper("shared.html", {"jobs": jobs, "me": user.name, "reported": reported})

    def share(self, job: str, user: Asker) -> Response:
        """Let the class see a picture of mine."""
        self.room.gallery.share(user.member, job)
        return RedirectResponse(f"/jobs/{job}", 303)

    def withdraw(self, job: str, user: Asker) -> Response:
        """Let nobody else see it any more."""
        self.room.gallery.withdraw(user.member, job)
        return RedirectResponse(f"/jobs/{job}", 303)

    def doubt(self, job: str, user: Asker) -> Response:
        """A picture that I see, and a field for what is wrong with it."""
        return paper("report.html", {"job": self._seen(job, user), "why": ""})

    def report(self, job: str, user: Asker, why: Text = "") -> Response:
        """Those who teach are asked to look at it."""
        seen = self._seen(job, user)
        try:
            self.room.gallery.report(user.member, job, why)
        except LimnerError as fault:
            return paper("report.html", {"job": seen, "why": why}, fault)
        return RedirectResponse("/shared?reported=1", 303)

    def reports(self, user: Asker) -> Response:
        """What was reported and not decided on yet, and what was taken down."""
        return self._reports(user)

    def dismiss(self, job: str, user: Asker) -> Response:
        """It may stay."""
        self.room.gallery.dismiss(user.member, job)
        return RedirectResponse("/reports", 303)

    def take_down(self, job: str, user: Asker, why: Text = "") -> Response:
        """It may not."""
        try:
            self.room.gallery.take_down(user.member, job, why)
        except LimnerError as fault:
            return self._reports(user, fault)
        return RedirectResponse("/reports", 303)

    def restore(self, job: str, user: Asker) -> Response:
        """It was a mistake to take it down."""
        self.room.gallery.restore(user.member, job)
        return RedirectResponse("/reports", 303)

    def _seen(self, job: str, user: User) -> object:
        """Somebody's job whose picture this user sees; LimnerError."""
        self.room.gallery.allow(user.member, job)
        return self.front.store.job(job)

    def _reports(self, user: User, fault: LimnerError | None = None) -> Response:
        reports, taken = self.room.gallery.reports(user.member), self.room.gallery.taken_down(user.member)
        found = self.front.store.listed([each.job for each in (*reports, *taken)])
        values = {
            "reports": reports,
            "appeals": self.room.appeals.waiting(user.member),
            "through": self.room.appeals.through(user.member),
            "taken": taken,
            "jobs": {job.id: job for job in found},
            "names": {each.id: each.name for each in everybody(self.room.database)},
            "decides": user.member.may(Role.INSTRUCTOR),
        }
        return paper("reports.html", values, fault)
