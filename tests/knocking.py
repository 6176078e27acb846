"""Requests brought to an application in this process, byte for byte, and what it did then: answered, raised, wrote."""

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive

PATIENCE = 30.0  # seconds, after which whoever asked goes away
PIECE = 2**16  # bytes that come in at once
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {  # what else changes a file system, or leaves this process, by the names that Python's audit gives it
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "shutil.rmtree", "shutil.move",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """As it goes over the line; `door` is what it was made for.  With `leaves` its sender goes away in mid-body."""

    door: str
    method: str
    path: str  # quoted
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    leaves: bool = False

    def spelt(self) -> dict[str, str]:
        """For whoever has to ask it again."""
        path = f"{self.method} {self.path}" + (f"?{self.query.decode('latin-1')}" if self.query else "")
        headers = "; ".join(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in self.headers)
        return {"door": self.door, "asked": path[:600], "headers": headers[:600], "body": repr(self.body[:600])}


@dataclass
class Answer:
    """The status, the beginning of the body, and how long it took; what was raised, and what was done elsewhere."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    seconds: float = 0.0
    worked: float = 0.0  # of them on a processor
    raised: str = ""
    strayed: list[str] = field(default_factory=list)


async def asked(app: ASGIApp, request: Request) -> Answer:
    """A stream is left after its first words."""
    answer, gone = Answer(), asyncio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = int(message["status"])
            answer.headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in message["headers"]}
        elif len(answer.body) < PIECE:
            answer.body += message.get("body", b"")
        if message.get("body") and answer.headers.get("content-type", "").startswith("text/event-stream"):
            gone.set()

    began, worked = time.perf_counter(), time.process_time()
    try:
        await asyncio.wait_for(app(scope(request), told(request, gone), send), PATIENCE)
    except Exception:
        answer.raised = traceback.format_exc()[-3000:]
    answer.seconds, answer.worked = time.perf_counter() - began, time.process_time() - worked
    return answer


def told(request: Request, gone: asyncio.Event) -> Receive:
    """Its body in pieces, and then its sender's end: when he has left, or is asked to."""
    pieces = [request.body[at : at + PIECE] for at in range(0, len(request.body), PIECE)] or [b""]
    if request.leaves:
        pieces = pieces[: len(pieces) // 2]

    async def receive() -> Message:
        if pieces:
            body = pieces.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(pieces) or request.leaves}
        if not request.leaves:
            await gone.wait()
        return {"type": "http.disconnect"}

    return receive


def scope(request: Request) -> dict[str, object]:
    """As uvicorn has it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(request.path).decode("utf-8", "replace"),
        "raw_path": request.path.encode("ascii", "replace"),
        "query_string": request.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 7860),
        "state": {},
    }


@dataclass
class Watch:
    """What this process writes, makes, moves, removes or starts outside of `inside`, or asks of another."""

    inside: Path | None = None
    looks: bool = False  # while somebody asks: who makes up the next question may write where he likes
    strayed: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.inside is None or not self.looks:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
            self._look(event, arguments[0])
        elif event in ("socket.connect", "socket.getaddrinfo"):
            self.strayed.append(f"{event} {arguments[-4:]!r}"[:200])
        elif event == "subprocess.Popen" and arguments[0] == sys.executable:
            return  # where hand-ins are read; `make fuzz-course` watches that
        elif event in ("os.remove", "os.rmdir") and arguments[-1] != -1:
            return  # below a folder that is open: of it shutil.rmtree was told
        elif event in CHANGES:
            for each in arguments[: 2 if event in ("os.rename", "os.link", "shutil.move") else 1]:
                self._look(event, each)

    def _look(self, event: str, path: object) -> None:
        if isinstance(path, int) or self.inside is None:  # a file that is open already
            return
        place = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else repr(path)
        if place != os.devnull and not place.startswith(f"{self.inside}{os.sep}"):
            self.strayed.append(f"{event} {place}")


WATCH = Watch()
_HOOKED: list[Watch] = []


@contextmanager
def watched(inside: Path) -> Iterator[Watch]:
    """An audit hook is for ever: there is one, which looks at nothing when nobody asks."""
    if not _HOOKED:
        sys.addaudithook(WATCH)
        _HOOKED.append(WATCH)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    WATCH.inside, WATCH.strayed = inside.absolute(), []
    try:
        yield WATCH
    finally:
        WATCH.inside, sys.dont_write_bytecode = None, before
