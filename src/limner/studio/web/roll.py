"""The people of the course, as those who teach see them: invited, let in and out, given a role or more to draw."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import File, UploadFile
from fastapi.responses import RedirectResponse, Response

from limner.errors import LimnerError
from limner.studio.database import Database
from limner.studio.people import letters, log, roster
from limner.studio.people.invitations import Invitation
from limner.studio.people.person import Person, everybody, find, promote, readmit, sign_out, suspend
from limner.studio.people.roster import Guest
from limner.studio.register import Role, Standing
from limner.studio.web.entry import Text
from limner.studio.web.page import paper
from limner.studio.web.room import Room
from limner.studio.web.user import Asker, User

LINES = 30  # of the log about one person
Upload: TypeAlias = Annotated[UploadFile | None, File()]
Deed: TypeAlias = Callable[[Database, Person, str], None]


@dataclass(frozen=True, slots=True)
class Roll:
    room: Room

    def page(self, user: Asker) -> Response:
        """Everybody, and a form to invite more."""
        return self._page(user)

    def invite(
        self, user: Asker, name: Text = "", mail: Text = "", role: Text = "student", how: Text = "",
        table: Upload = None,
    ) -> Response:  # fmt: skip
        """Those of a roster, or one person."""
        try:
            self._ready(how)
            links = self.room.invitations.invite(user.member, _guests(table, name, mail, role))
        except LimnerError as fault:
            return self._page(user, fault)
        return self._sent(links, how)

    def pending(self, user: Asker, how: Text = "") -> Response:
        """Another link for everybody who has not come yet; those before are void."""
        try:
            self._ready(how)
            waiting = [each for each in everybody(self.room.database) if each.standing == Standing.INVITED]
            links = [self.room.invitations.again(user.member, each.id) for each in waiting]
        except LimnerError as fault:
            return self._page(user, fault)
        return self._sent(links, how)

    def one(self, person: str, user: Asker) -> Response:
        """One of them: what they use, and what was done by them and to them."""
        return self._one(user, person)

    def link(self, person: str, user: Asker, how: Text = "") -> Response:
        """Another link: for who lost it, or forgot the password."""
        try:
            self._ready(how)
            links = [self.room.invitations.again(user.member, person)]
        except LimnerError as fault:
            return self._one(user, person, fault)
        return self._sent(links, how)

    def suspend(self, person: str, user: Asker) -> Response:
        """Nobody is let in by this account; its pictures stay."""
        return self._done(user, person, suspend)

    def readmit(self, person: str, user: Asker) -> Response:
        """Undo that."""
        return self._done(user, person, readmit)

    def sign_out(self, person: str, user: Asker) -> Response:
        """End their sessions and tokens."""
        return self._done(user, person, sign_out)

    def role(self, person: str, user: Asker, role: Text = "") -> Response:
        """Make them something else."""
        try:
            if role not in list(Role):
                raise LimnerError(f"{role[:64]!r} is no role", f"choose from {', '.join(Role)}")
            promote(self.room.database, user.member, person, Role(role))
        except LimnerError as fault:
            return self._one(user, person, fault)
        return RedirectResponse(f"/people/{person}", 303)

    def grant(self, person: str, user: Asker, assignment: Text = "", more: Text = "") -> Response:
        """More of an assignment's budget, or with a minus less."""
        try:
            if not more.strip().removeprefix("-").isdecimal() or len(more) > 9:
                raise LimnerError(f"{more[:20]!r} is no number", "say how many pictures or seconds; -5 takes 5 away")
            self.room.classroom.grant(user.member, person, assignment, int(more))
        except LimnerError as fault:
            return self._one(user, person, fault)
        return RedirectResponse(f"/people/{person}", 303)

    def _page(self, user: User, fault: LimnerError | None = None) -> Response:
        people = everybody(self.room.database)
        values = {
            "people": people,
            "pending": sum(each.standing == Standing.INVITED for each in people),
            "leads": user.member.may(Role.INSTRUCTOR),
            "roles": list(Role),
            "mails": self.room.course.mail is not None,
        }
        return paper("people.html", values, fault)

    def _one(self, user: User, name: str, fault: LimnerError | None = None) -> Response:
        who = find(self.room.database, name)
        if who.standing == Standing.GONE:
            raise LimnerError(f"there is no {name[:64]!r} in this course", "see the list of people", 404)
        leads = user.member.may(Role.INSTRUCTOR)
        values = {
            "person": who,
            "leads": leads,
            "roles": list(Role),
            "balances": self.room.classroom.balances(who),
            "counts": self.room.store.counts(who.id),
            "lines": log.latest(self.room.database, LINES, about=who.id) if leads else [],
            "names": {each.id: each.name for each in everybody(self.room.database)} if leads else {},
            "mails": self.room.course.mail is not None,
        }
        return paper("person.html", values, fault)

    def _done(self, user: User, name: str, deed: Deed) -> Response:
        try:
            deed(self.room.database, user.member, name)
        except LimnerError as fault:
            return self._one(user, name, fault)
        return RedirectResponse(f"/people/{name}", 303)

    def _ready(self, how: str) -> None:
        """LimnerError before anybody is invited, as nobody could find out their links again."""
        if how == "mail" and self.room.course.mail is None:
            raise LimnerError("the class file names no mail server", "write a [mail] section, or print the links")

    def _sent(self, links: list[Invitation], how: str) -> Response:
        """What became of the links: mailed, or here to be printed."""
        sent, lost, fault = list[Invitation](), list[letters.Lost](), None
        try:
            for each in letters.post(self.room.course, links) if how == "mail" and links else ():
                if isinstance(each, letters.Lost):
                    lost.append(each)
                else:
                    sent.append(each)
        except LimnerError as found:
            fault = found
        values = {"links": [] if how == "mail" else links, "sent": sent, "lost": lost, "course": self.room.course}
        return paper("links.html", values, fault)


def _guests(table: UploadFile | None, name: str, mail: str, role: str) -> list[Guest]:
    """Those of a roster, where there is one; else one."""
    if table is not None and table.size:
        return roster.parse(table.file.read(), table.filename or "the roster")
    return [roster.guest(name, mail, role)]
