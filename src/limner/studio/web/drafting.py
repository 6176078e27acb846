"""Work that is to be handed in, on pages: pictures are put to use, words are written, and what is missing is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from secrets import token_hex

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from limner.coursework.drafts import picture_key, pictures
from limner.coursework.gaps import next_step, words
from limner.coursework.spec import PICTURED, Kind, Task
from limner.coursework.standing import counted
from limner.errors import LimnerError
from limner.studio.drafting import Desk, Written, job
from limner.studio.store import Job
from limner.studio.web.assigned import Assigned, rows, several, spec
from limner.studio.web.front import Front
from limner.studio.web.page import render
from limner.studio.web.user import Asker, User

CHOSEN = 60  # pictures that are put to use at once
LATE = "was written in another window meanwhile, and what stood there is kept: look at it, and save yours again"


@dataclass(frozen=True, slots=True)
class Drafts:
    front: Front

    def page(self, user: Asker) -> Response:
        """The tasks, what each of them lacks, and what to do next."""
        work = self._work(user)
        found = work.gaps(work.desks())
        tasks = [{"desk": desk, "counted": counted(desk.draft), "missing": words(lacks)} for desk, lacks in found]
        step = next_step(work.spec, [gap for _, lacks in found for gap in lacks])
        begun = any(desk.draft.begun for desk, _ in found)
        return answer("coursework.html", {"spec": work.spec, "tasks": tasks, "step": step, "begun": begun})

    def task(self, task: str, user: Asker, saved: bool = False) -> Response:
        """One task: its own words, its entries in their order, and fields for what is to be said of them."""
        work = self._work(user)
        return _task(work, work.desk(task), saved=saved)

    async def write(self, task: str, request: Request, user: Asker) -> Response:
        """Keep all that stands in the fields; and then move an entry, or take it out, if that was the button."""
        form = await request.form(max_files=0)
        return await run_in_threadpool(self._written, user, task, form)

    def choose(self, request: Request, user: Asker) -> Response:
        """Pictures of yours, and where in the assignment they can be used."""
        work = self._work(user)
        return _choose(work, [each.id for each in _first_drawn(work.drawn(request.query_params.getlist("job")))])

    async def use(self, request: Request, user: Asker) -> Response:
        """They are used there."""
        form = await request.form(max_files=0)
        return await run_in_threadpool(self._used, user, form)

    def _work(self, user: User) -> Assigned:
        return Assigned(self.front, user, spec(self.front))

    def _written(self, user: User, task: str, form: FormData) -> Response:
        work, typed = self._work(user), {name: value for name, value in form.items() if isinstance(value, str)}
        desk = work.desk(task)
        try:
            late = work.drafting.write(user.name, task, list(_typed(desk.task, typed)))
            at = "" if late else _done(work, task, typed.get("do", ""))
        except LimnerError as fault:
            return _task(work, work.desk(task), typed, fault)
        if late:
            desk = work.desk(task)
            numbers = [str(n) for n, each in enumerate(desk.entries, 1) if each.id in late]
            what = f"number {', '.join(numbers)}" if numbers else desk.task.title
            return _task(work, desk, typed, LimnerError(what, LATE, 409))
        return RedirectResponse(f"/course/task/{task}?saved=1{at}", 303)

    def _used(self, user: User, form: FormData) -> Response:
        work, names = self._work(user), [str(name) for name in form.getlist("job")]
        task, entry, where = (str(form.get(name, "")) for name in ("task", "entry", "where"))
        try:
            drawn = _few(work.drawn(names))
            told = [(each.id, work.vouched(each)) for each in drawn]
            key = picture_key(work.spec.task(task), str(form.get("which", "")))
            if where == "new":
                entry = work.drafting.add(user.name, task, key, told, str(form.get("key", "")))[0]
            else:
                work.drafting.put(user.name, task, key, told, entry, beside=where == "beside")
        except LimnerError as fault:
            return _choose(work, names, fault)
        return RedirectResponse(f"/course/task/{task}#e-{entry}", 303)


def answer(page: str, values: Mapping[str, object], fault: LimnerError | None = None) -> Response:
    """A page that is kept nowhere."""
    told = render(page, {**values, "fault": fault})
    return HTMLResponse(told, fault.status if fault else 200, {"cache-control": "no-store"})


def _task(
    work: Assigned, desk: Desk, typed: Mapping[str, str] | None = None, fault: LimnerError | None = None,
    saved: bool = False,
) -> Response:  # fmt: skip
    """The page of a task; what was typed stands in its fields, whatever is kept."""
    ((_, lacks),) = work.gaps([desk])
    values = {
        "desk": desk,
        "task": desk.task,
        "most": desk.task.entries.most,
        "rows": rows(work, desk, desk.entries),
        "aside": rows(work, desk, desk.aside),
        "missing": words(lacks),
        "counted": counted(desk.draft),
        "labels": work.spec.models,
        "typed": typed or {},
        "saved": saved,
    }
    return answer("task.html", values, fault)


def _choose(work: Assigned, names: Sequence[str], fault: LimnerError | None = None) -> Response:
    """Where pictures can be used; the buttons say as which number."""
    drawn = _few(work.drawn(names))
    used = {each.id for each in drawn}
    places = [
        {
            "desk": desk,
            "many": several(desk),
            "keys": desk.task.entries.of_kind(*PICTURED),
            "next": _numbers(desk, 1 if several(desk) else len(drawn)),
            "here": [n for n, each in enumerate(desk.entries, 1) if used & {*map(job, pictures(desk.task, each.said))}],
        }
        for desk in work.desks()
        if desk.task.entries.of_kind(*PICTURED)
    ]
    values = {"jobs": drawn, "places": places, "key": token_hex(16)}
    return answer("use.html", values, fault)


def _first_drawn(drawn: list[Job]) -> list[Job]:
    """The gallery has the latest try first, and a try's pictures by their seeds: here the first try comes first."""
    tries = [list(group) for _, group in groupby(drawn, key=lambda each: each.submission)]
    return [each for group in reversed(tries) for each in group]


def _numbers(desk: Desk, many: int) -> str:
    """What the next entries are called."""
    first = len(desk.entries) + 1
    return f"#{first}" if many == 1 else f"#{first} to #{first + many - 1}"


def _few(drawn: list[Job]) -> list[Job]:
    if not 0 < len(drawn) <= CHOSEN:
        raise LimnerError(f"{len(drawn) or 'no'} pictures were chosen", f"choose 1 to {CHOSEN} in the gallery")
    return drawn


def _typed(task: Task, typed: Mapping[str, str]) -> list[Written]:
    """The fields of a task's form by their rows: `turn:ROW` says which one was seen, `say:ROW:KEY` what was typed."""
    lists = {key.name for key in (*task.keys, *task.entries.keys) if key.kind == Kind.TEXTS}
    words = dict[str, dict[str, Sequence[str]]]()
    for name, text in typed.items():
        kind, _, rest = name.partition(":")
        row, _, key = rest.partition(":")
        if kind == "say" and key:
            words.setdefault(row, {})[key] = text.splitlines() if key in lists else [text]
    turns = {row: typed.get(f"turn:{row}", "") for row in words}
    return [Written(row, int(turns[row]) if turns[row].isdecimal() else -1, said) for row, said in words.items()]


def _done(work: Assigned, task: str, do: str) -> str:
    """What the button said, done; where on the page one goes on."""
    name, _, entry = do.partition(":")
    owner, drafting = work.user.name, work.drafting
    if name in ("up", "down"):
        drafting.move(owner, task, entry, -1 if name == "up" else 1)
    elif name == "aside":
        drafting.aside(owner, task, entry)
        return "#aside"
    elif name == "back":
        drafting.back(owner, task, entry)
    elif name == "delete":
        drafting.delete(owner, task, entry)
        return "#aside"
    return f"#e-{entry}" if entry else ""
