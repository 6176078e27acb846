"""The pages on which those who teach mark: side by side, by keyboard, and without anybody's name."""

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from limner.coursework.grading.folder import Handin as Told
from limner.coursework.grading.folder import Owner
from limner.coursework.grading.results import results, totals
from limner.coursework.grading.roll import Student
from limner.errors import LimnerError
from limner.studio.people.marking import Marked
from limner.studio.register import Role
from limner.studio.web.coursework import Coursework
from limner.studio.web.entry import Text
from limner.studio.web.form import said
from limner.studio.web.handing import Words
from limner.studio.web.page import paper
from limner.studio.web.user import Asker, User


@dataclass(frozen=True, slots=True)
class MarkingPages:
    course: Coursework

    def page(self, user: Asker, assignment: str = "", done: str = "") -> Response:
        """Every hand-in, and how far it is marked."""
        handing, marking = self.course.handing, self.course.marking
        name = handing.assignment(assignment).name if assignment else handing.assignments[0].name
        rubric = self.course.rubric(name)
        values = {
            "assignment": name, "assignments": handing.assignments, "marked": marking.all(user.member, name),
            "rubric": rubric, "leads": user.member.may(Role.INSTRUCTOR), "done": done,
            "asked": len(self.course.remarks.open(user.member)),
        }  # fmt: skip
        return paper("marking.html", values)

    def one(self, handin: str, user: Asker, receipts: bool = False) -> Response:
        """A hand-in side by side, and the form in which it is marked; with who made its pictures, if that is asked."""
        return self._one(user, handin, receipts=receipts)

    async def mark(self, handin: str, request: Request, user: Asker) -> Response:
        """Points and comments; then on to the next that is not marked yet, if that was the button."""
        return await run_in_threadpool(self._mark, user, handin, await said(request))

    def lift(self, handin: str, user: Asker) -> Response:
        """An instructor sees whose it is, which is in the log."""
        self.course.marking.lift(user.member, handin)
        return RedirectResponse(f"/course/grade/{handin}", 303)

    def picture(self, handin: str, number: str, user: Asker) -> Response:
        """A picture of a hand-in, without what it says of itself."""
        each = self.course.marking.one(user.member, handin).handin
        if not (number.isascii() and number.isdecimal() and len(number) == 3):
            raise LimnerError("there is no such picture", "see the hand-in", 404)
        path = self.course.picture(each, number)
        if not path.exists():
            raise LimnerError("there is no such picture", "see the hand-in", 404)
        return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "private, no-cache"})

    def release(self, user: Asker, assignment: Text = "") -> Response:
        """Students read their marks."""
        name = self.course.handing.assignment(assignment).name
        count = self.course.marking.release(user.member, name, self.course.rubric(name))
        return RedirectResponse(f"/course/grade?assignment={name}&done={count}", 303)

    def table(self, user: Asker, assignment: str = "") -> Response:
        """Everybody's marks, with their names, as CSV."""
        handing, marking = self.course.handing, self.course.marking
        name = handing.assignment(assignment).name if assignment else handing.assignments[0].name
        people, rubric = marking.people(user.member, name), self.course.rubric(name)
        marked = marking.all(user.member, name)
        owners = [Owner(handin, Student(who.mail, who.name, who.mail), "") for handin, who in people.items()]
        known = {each.handin.id: _known(each) for each in marked}
        lines = [mark for each in marked for mark in each.marks.values()]
        headers = {"content-disposition": 'attachment; filename="marks.csv"', "cache-control": "no-store"}
        data = totals(results(owners, known, rubric, lines), rubric)
        return Response(data, media_type="text/csv", headers=headers)

    def remarks(self, user: Asker) -> Response:
        """What students ask to have looked at again."""
        return self._remarks(user)

    def answer(self, remark: str, user: Asker, text: Words = "") -> Response:
        """What was found."""
        try:
            self.course.remarks.answer(user.member, remark, text)
        except LimnerError as fault:
            return self._remarks(user, fault)
        return RedirectResponse("/course/remarks", 303)

    def _mark(self, user: User, handin: str, typed: dict[str, str]) -> Response:
        marking = self.course.marking
        now = marking.one(user.member, handin)
        rubric = self.course.rubric(now.handin.assignment)
        given = [
            (each.name, typed.get(f"points-{each.name}", ""), typed.get(f"comment-{each.name}", ""))
            for each in rubric.criteria
        ]
        line = typed.get("line", "")
        try:
            marking.mark(user.member, handin, rubric, given, int(line) if line.isdecimal() and len(line) < 9 else 0)
        except LimnerError as fault:
            return self._one(user, handin, typed, fault)
        if "next" not in typed:
            return RedirectResponse(f"/course/grade/{handin}?done=1", 303)
        left = [each.handin.id for each in marking.all(user.member, now.handin.assignment) if not each.whole(rubric)]
        after = next((name for name in left if name > handin), next(iter(left), ""))
        return RedirectResponse(f"/course/grade/{after}" if after else "/course/grade", 303)

    def _one(
        self, user: User, handin: str, typed: dict[str, str] | None = None, fault: LimnerError | None = None,
        receipts: bool = False,
    ) -> Response:  # fmt: skip
        marking = self.course.marking
        each = marking.one(user.member, handin)
        names = [other.handin.id for other in marking.all(user.member, each.handin.assignment)]
        at = names.index(each.handin.id)
        body, told = self.course.sheet(each.handin)
        values = {
            "each": each, "work": Markup(body), "told": told, "rubric": self.course.rubric(each.handin.assignment),
            "before": names[at - 1] if at else "", "after": names[at + 1] if at + 1 < len(names) else "",
            "place": at + 1, "count": len(names), "typed": typed or _typed(each),
            "leads": user.member.may(Role.INSTRUCTOR), "whose": marking.whose(user.member, each.handin.id),
            "remarks": self.course.remarks.of(each.handin.id),
            "receipts": self.course.receipts(each.handin) if receipts else None,
        }  # fmt: skip
        return paper("mark.html", values, fault)

    def _remarks(self, user: User, fault: LimnerError | None = None) -> Response:
        return paper("remarks.html", {"remarks": self.course.remarks.open(user.member)}, fault)


def _typed(each: Marked) -> dict[str, str]:
    """The form's fields as they stand."""
    out = {"line": str(each.line)}
    for name, mark in each.marks.items():
        out |= {f"points-{name}": "" if mark.points is None else f"{mark.points:f}", f"comment-{name}": mark.comment}
    return out


def _known(each: Marked) -> Told:
    here = each.handin
    return Told(here.id, here.file, "", here.verdict, here.errors, here.warnings, here.pictures, ())
