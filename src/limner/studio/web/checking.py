"""A hand-in is dropped, and comes back as it will be read: nothing of it is kept."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from limner.errors import LimnerError
from limner.studio.web.front import Front, Json
from limner.studio.web.guard import ALWAYS
from limner.studio.web.page import render
from limner.studio.web.user import Asker

AT_ONCE, PATIENCE = 2, 100  # that are judged at a time, and seconds that one waits, or takes
POLICY = ALWAYS["content-security-policy"].replace("img-src 'self'", "img-src 'self' data:")
KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV")  # of the environment
NOTHING = LimnerError("nothing came along", "choose a zip, or the JSON files with their pictures")


@dataclass(frozen=True, slots=True)
class Checking:
    front: Front
    turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))

    def page(self, user: Asker) -> Response:
        """Where a hand-in is dropped or chosen."""
        return _page()

    async def check(self, request: Request, user: Asker) -> Response:
        """How the work will be read, picture by picture, and what is wrong with it."""
        try:
            told = await self._told(request, thumbs=True)
        except LimnerError as fault:
            return _page(fault=fault)
        return _page(list(views(told)))

    async def report(self, request: Request, user: Asker) -> Response:
        """A hand-in, as a form's files or as a zip alone: the report that `limner course validate --json` prints."""
        return JSONResponse(await self._told(request, thumbs=False))

    async def _told(self, request: Request, thumbs: bool) -> Mapping[str, Json]:
        with TemporaryDirectory(prefix="limner-check-") as folder:
            files = await _sent(request, Path(folder))
            if not files:
                raise NOTHING
            models = await run_in_threadpool(lambda: [card.name for card in self.front.cards()])
            wish = {"files": files, "models": models, "thumbs": thumbs, "spec": self._assignment()}
            return await run_in_threadpool(self._judged, wish, folder)

    def _assignment(self) -> str:
        """The course's own assignment file; "" for the published one."""
        return self.front.room.course.course.assignment if self.front.room else ""

    def _judged(self, wish: Mapping[str, object], folder: str) -> Mapping[str, Json]:
        if not self.turns.acquire(timeout=PATIENCE):
            raise LimnerError("too many hand-ins are being checked", "try again", 503, 10)
        try:
            return _inspected(wish, folder)
        finally:
            self.turns.release()


def _inspected(wish: Mapping[str, object], folder: str) -> Mapping[str, Json]:
    """What another process says of it; LimnerError where it says what is wrong, nothing, or nothing in time."""
    command = [sys.executable, "-W", "ignore", "-m", "limner.coursework.inspection"]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        done = subprocess.run(
            command, input=json.dumps(wish).encode(), capture_output=True, timeout=PATIENCE, cwd=folder,
            env=environment, check=False,
        )  # fmt: skip
        told: Mapping[str, Json] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as fault:
        raise LimnerError("this hand-in took more than it may", "hand in smaller pictures, or fewer") from fault
    if isinstance(fault_told := told.get("fault"), list):
        raise LimnerError(str(fault_told[0]), str(fault_told[1]))
    return told


async def _sent(request: Request, folder: Path) -> list[tuple[str, str]]:
    """The files that came, as (path, name): each lies under a number, whatever it is called."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        whole = folder / "0"
        with open(whole, "wb") as target:
            async for chunk in request.stream():
                target.write(chunk)
        return [(str(whole), "handin.zip")] if whole.stat().st_size else []
    files = list[tuple[str, str]]()
    async with request.form(max_files=1000, max_fields=4) as form:
        for number, (_, sent) in enumerate(form.multi_items()):
            if isinstance(sent, UploadFile) and sent.filename:
                path = folder / str(number)
                await run_in_threadpool(_copied, sent, path)
                files.append((str(path), sent.filename))
    return files


def _copied(sent: UploadFile, path: Path) -> None:
    with open(path, "wb") as target:
        shutil.copyfileobj(sent.file, target)


def _page(handins: Sequence[Mapping[str, object]] = (), fault: LimnerError | None = None) -> Response:
    headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
    values = {"handins": handins, "fault": fault}
    return HTMLResponse(render("check.html", values), fault.status if fault else 200, headers)


def views(told: Mapping[str, Json]) -> Iterator[Mapping[str, object]]:
    """Each hand-in as its page shows it: every finding beside the entry that it is about."""
    for handin in _items(told["handins"]):
        left = list(_items(handin["findings"]))
        tasks = [_task(task, left) for task in _items(handin["tasks"])]
        yield {**handin, "general": left, "tasks": tasks}


def _task(task: Mapping[str, Json], left: list[Mapping[str, Json]]) -> Mapping[str, object]:
    """A task with its findings, which are taken out of those that are left."""
    entries = list(_items(task["entries"]))
    mine = [finding for finding in left if finding["file"] == task["file"]]
    left[:] = [finding for finding in left if finding["file"] != task["file"]]
    starts = [(_whole(entry, "line"), _whole(entry, "column")) for entry in entries]
    beside: list[list[Mapping[str, Json]]] = [[] for _ in range(len(entries) + 1)]
    for finding in mine:
        at = (_whole(finding, "line"), _whole(finding, "column"))
        beside[sum(start <= at for start in starts)].append(finding)
    shown = [{**entry, "findings": found} for entry, found in zip(entries, beside[1:], strict=True)]
    return {**task, "findings": beside[0], "entries": shown}


def _whole(told: Mapping[str, Json], name: str) -> int:
    value = told[name]
    return value if isinstance(value, int) else 0


def _items(value: Json) -> Iterator[Mapping[str, Json]]:
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict):
            yield each
