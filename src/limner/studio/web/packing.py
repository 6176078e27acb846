"""The zip that is handed in, from what the studio keeps: judged first, by the core that judges it elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import IO
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from limner.coursework.drafts import Draft, named
from limner.coursework.pack import tried
from limner.coursework.validate import Report
from limner.errors import LimnerError
from limner.studio.web.assigned import Assigned, spec
from limner.studio.web.download import zipped
from limner.studio.web.drafting import answer
from limner.studio.web.front import Front
from limner.studio.web.user import Asker

AT_ONCE, PATIENCE = 2, 60.0  # hand-ins that are packed at a time, and seconds that one waits for its turn
PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Packing:
    front: Front
    turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))

    def page(self, request: Request, user: Asker) -> Response:
        """What a checker says of the work as it stands, before it is taken along."""
        work = Assigned(self.front, user, spec(self.front))
        drafts = _chosen(work, request.query_params.getlist("task"))
        report = self._judged(work, drafts) if drafts else None
        left = [task for task in work.spec.tasks if task not in [draft.task for draft in drafts]]
        query = urlencode([("task", draft.task.name) for draft in drafts])
        return answer("parcel.html", {"report": report, "drafts": drafts, "left": left, "query": query})

    def pack(self, request: Request, user: Asker, anyway: bool = False) -> Response:
        """The zip; LimnerError where it has errors, unless it is wanted all the same."""
        work = Assigned(self.front, user, spec(self.front))
        drafts = _chosen(work, request.query_params.getlist("task"))
        if not drafts:
            raise LimnerError("nothing is begun", "use a picture in a task first", 409)

        def write(file: IO[bytes]) -> None:
            if self._judged(work, drafts, file).code and not anyway:
                raise LimnerError("this hand-in has errors", "/course/pack says which", 409)

        return zipped("hand-in.zip", write)

    def _judged(self, work: Assigned, drafts: Sequence[Draft], out: IO[bytes] | None = None) -> Report:
        """The report of the zip, which is copied to `out`."""
        if not self.turns.acquire(timeout=PATIENCE):
            raise LimnerError("too many hand-ins are being packed", "try again", 503, 10)
        try:
            called, former = _called(drafts)
            with tried(work.spec, called, lambda name: work.file(former[name]), "hand-in.zip") as (path, report):
                if out is not None:
                    with open(path, "rb") as made:
                        while piece := made.read(PIECE):
                            out.write(piece)
            return report
        finally:
            self.turns.release()


def _called(drafts: Sequence[Draft]) -> tuple[list[Draft], Mapping[str, str]]:
    """The drafts with their pictures called as in the zip, and what they are called here."""
    called, former = list[Draft](), dict[str, str]()
    for draft in drafts:
        new, old = named(draft)
        called.append(new)
        former |= old
    return called, former


def _chosen(work: Assigned, names: Sequence[str]) -> list[Draft]:
    """The tasks that are named, or all that are begun."""
    wanted = [work.spec.task(name).name for name in names]
    drafts = [desk.draft for desk in work.desks()]
    return [draft for draft in drafts if draft.task.name in wanted] if wanted else [d for d in drafts if d.begun]
