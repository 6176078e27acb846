"""The pages on which pictures are chosen for awards: all of them by lot, and without anybody's name."""

from dataclasses import dataclass, field
from hashlib import sha256
from threading import BoundedSemaphore
from typing import IO
from zipfile import ZIP_STORED, ZipFile

from fastapi.responses import RedirectResponse, Response

from limner.coursework.grading.blind import blind
from limner.coursework.grading.folder import Owner
from limner.coursework.grading.roll import Student
from limner.coursework.grading.shortlist import Chosen, credited, taken
from limner.errors import LimnerError
from limner.studio.register import Role
from limner.studio.web.coursework import PICTURES, Coursework
from limner.studio.web.download import zipped
from limner.studio.web.page import paper
from limner.studio.web.user import Asker, User

MOST = 24  # pictures that are printed at once


@dataclass(frozen=True, slots=True)
class Awards:
    course: Coursework
    printers: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(1))

    def page(self, user: Asker, chosen: bool = False) -> Response:
        """All pictures of all hand-ins, in an order that differs from person to person; or those that have votes."""
        prizes = self.course.prizes
        votes, mine = prizes.votes(user.member), prizes.mine(user.member)
        names = [name for name in self._names(user) if not chosen or votes[name]]
        shown = sorted(names, key=lambda each: sha256(f"{user.name} {each}".encode()).digest())
        if chosen:
            shown = sorted(names, key=lambda each: (-votes[each], each))
        pictures = [
            _shown(handin, number) | {"votes": votes[handin, number], "mine": (handin, number) in mine}
            for handin, number in shown
        ]
        leads = user.member.may(Role.INSTRUCTOR)
        return paper("awards.html", {"pictures": pictures, "chosen": chosen, "leads": leads, "most": MOST})

    def vote(self, handin: str, number: int, user: Asker) -> Response:
        """For a picture, or not any more."""
        self.course.prizes.vote(user.member, handin, number)
        return RedirectResponse(f"/course/awards#p-{handin}-{number:03}", 303)

    def prints(self, user: Asker) -> Response:
        """The chosen pictures as pages of A3, as a zip; whose they are stands nowhere in it."""
        found = self._chosen(user)[:MOST]

        def write(file: IO[bytes]) -> None:
            with self.printers, ZipFile(file, "w", ZIP_STORED) as archive:
                for each in found:
                    self._print(archive, user, each)

        return zipped("awards.zip", write)

    def credits(self, user: Asker) -> Response:
        """Whose they are."""
        people = self.course.prizes.credits(user.member)
        owners = [Owner(handin, Student(who.mail, who.name, who.mail), "") for handin, who in people.items()]
        headers = {"content-disposition": 'attachment; filename="credits.csv"', "cache-control": "no-store"}
        return Response(credited(self._chosen(user), owners), media_type="text/csv", headers=headers)

    def _names(self, user: User) -> list[tuple[str, int]]:
        """Every picture that can be seen, by its hand-in and number."""
        found = list[tuple[str, int]]()
        for assignment in self.course.handing.assignments:
            for each in self.course.marking.all(user.member, assignment.name):
                _, told = self.course.sheet(each.handin)
                found += [(each.handin.id, number) for number, name in enumerate(told.files, 1) if name]
        return found

    def _chosen(self, user: User) -> list[Chosen]:
        votes = self.course.prizes.votes(user.member)
        found = [Chosen(handin, number, count) for (handin, number), count in votes.items()]
        if not found:
            raise LimnerError("no picture has a vote", "vote first", 409)
        return sorted(found, key=lambda each: (-each.votes, each.name))

    def _print(self, archive: ZipFile, user: User, chosen: Chosen) -> None:
        from limner.coursework.grading.printing import sheet_of

        each = self.course.marking.one(user.member, chosen.handin).handin
        _, told = self.course.sheet(each)
        who = self.course.marking.person(each.id)
        hide = blind(Student(who.mail, who.name, who.mail), (each.name,))
        path, name = self.course.handing.vault.handins.path(each.file), told.files[chosen.number - 1]
        data, said = taken(path, name, self.course.spec.limits, hide)
        archive.writestr(f"{chosen.name}.pdf", sheet_of(data, chosen.name, said).pdf)


def _shown(handin: str, number: int) -> dict[str, object]:
    """A picture's name, its file, and where one votes for it."""
    name = f"{handin}-{number:03}"
    return {"name": name, "src": f"{PICTURES}/{handin}/{number:03}.jpg", "vote": f"/course/awards/{handin}/{number}"}
