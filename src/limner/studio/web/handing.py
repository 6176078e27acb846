"""The page on which students hand in, see what came of it, and ask to have it looked at again."""

from asyncio import Semaphore
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, TypeAlias

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from limner.errors import LimnerError
from limner.studio.people.handing import Handin, opened
from limner.studio.people.remarks import LONGEST
from limner.studio.sheets import AT_ONCE
from limner.studio.web.coursework import Coursework
from limner.studio.web.page import paper
from limner.studio.web.user import Asker, User

Words: TypeAlias = Annotated[str, Form(max_length=LONGEST)]
"""Some paragraphs of a form."""
MOST = 100 * 2**20  # bytes of a hand-in


@dataclass(frozen=True, slots=True)
class HandingPages:
    course: Coursework
    turns: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))

    def page(self, user: Asker, done: str = "") -> Response:
        """What can be handed in, what was, and its marks once they are out."""
        return self._page(user, done=done)

    async def hand_in(self, request: Request, user: Asker) -> Response:
        """A zip: it is checked at once, and replaces what was handed in before."""
        async with request.form(max_files=1, max_fields=4) as form:
            sent, assignment = form.get("zip"), str(form.get("assignment") or "")
            name = (sent.filename if isinstance(sent, UploadFile) else "") or "hand-in.zip"
            at = await run_in_threadpool(self.course.handing.now)  # all of it is here, whenever its turn comes
            async with self.turns:  # outside of the threads, which everybody else needs; till then it lies on the disk
                data = await sent.read() if isinstance(sent, UploadFile) else b""
                return await run_in_threadpool(self._handed, user, assignment, name, data, at)

    def take(self, handin: str, user: Asker) -> Response:
        """What I handed in, as it was."""
        each = self.course.handing.one(user.member, handin)
        headers = {"content-disposition": f'attachment; filename="{each.id}.zip"', "cache-control": "no-store"}
        return Response(self.course.handing.read(each), media_type="application/zip", headers=headers)

    def ask(self, handin: str, user: Asker, text: Words = "") -> Response:
        """Have it looked at again."""
        try:
            self.course.remarks.ask(user.member, handin, text)
        except LimnerError as fault:
            return self._page(user, fault, asked={handin: text})
        return RedirectResponse(f"/course/handin#{handin}", 303)

    def _handed(self, user: User, name: str, file: str, data: bytes, at: float) -> Response:
        try:
            if not data:
                raise LimnerError("nothing came along", "choose the zip")
            if len(data) > MOST:
                raise LimnerError(f"that is more than {MOST // 2**20} MiB", "hand in smaller pictures, or fewer")
            self._kept(user, name, file, data, at)
        except LimnerError as fault:
            return self._page(user, fault)
        return RedirectResponse("/course/handin?done=1", 303)

    def _kept(self, user: User, name: str, file: str, data: bytes, at: float) -> None:
        handing, who = self.course.handing, user.member
        assignment = handing.assignment(name)
        opened(assignment, at)
        handin = handing.called(who, assignment.name)
        wish = self.course.wish(who, handin, assignment.name, file)
        with TemporaryDirectory(prefix="limner-handin-") as folder:
            path = Path(folder) / "hand-in.zip"
            path.write_bytes(data)
            told = self.course.sheets.read(path, handin, _mark(data), wish)
        if not told.readable:
            first = told.faults[0] if told.faults else {"sentence": "it cannot be read", "fix": "pack it again"}
            raise LimnerError(f"that was not taken: {first['sentence']}", str(first["fix"]))
        handing.hand_in(who, assignment, handin, file, data, told, at)

    def _page(
        self, user: User, fault: LimnerError | None = None, done: str = "", asked: Mapping[str, str] | None = None
    ) -> Response:
        handing, who = self.course.handing, user.member
        mine = {each.assignment: each for each in handing.mine(who)}
        parts = [self._part(user, each.name, mine.get(each.name)) for each in handing.assignments]
        closed = [name for name in mine if name not in [each.name for each in handing.assignments]]
        parts += [self._part(user, name, mine[name]) for name in closed]
        days = {each.name: (each.opens, each.closes) for each in handing.assignments}
        values = {
            "parts": parts,
            "days": days,
            "now": handing.now(),
            "done": done,
            "asked": asked or {},
            "most": MOST // 2**20,
        }
        return paper("hand-in.html", values, fault)

    def _part(self, user: User, assignment: str, each: Handin | None) -> Mapping[str, object]:
        """What is said of one assignment."""
        if each is None:
            return {"assignment": assignment, "handin": None}
        wish = self.course.wish(user.member, each.id, assignment, each.name)
        return {
            "assignment": assignment, "handin": each,
            "told": self.course.sheets.told(each.id, each.file, wish),
            "marked": self.course.marking.own(user.member, each.id), "rubric": self.course.rubric(assignment),
            "remarks": self.course.remarks.of(each.id),
        }  # fmt: skip


def _mark(data: bytes) -> str:
    return sha256(data).hexdigest()
