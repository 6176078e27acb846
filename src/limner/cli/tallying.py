"""One page on this machine alone: a picture without its words, a button for each answer, and a key for each button."""

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock
from urllib.parse import parse_qs

from limner.audit.blind import blinded
from limner.audit.folder import Folder
from limner.audit.study import UNTOLD
from limner.audit.tally import Answer, named, next_for, order
from limner.errors import LimnerError

HERE, MOST = "127.0.0.1", 4096  # bytes of an answer
STATIC = Path(__file__).parents[1] / "studio" / "web" / "static"
FILES = {"studio.css": "text/css", "tally.js": "text/javascript", "limner.svg": "image/svg+xml"}
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tally - limner</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="limner.svg"><link rel="stylesheet" href="studio.css"></head><body><main>"""
FOOT = """</main><script src="tally.js" defer></script></body></html>"""
PLAIN = "text/plain; charset=utf-8"
ALWAYS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; `to` is where a browser is sent on."""

    status: int
    kind: str = "text/html; charset=utf-8"
    body: bytes = b""
    to: str = ""


class Tally:
    """One rater's way through a study.  `token` is part of every address, so no other page can send an answer."""

    def __init__(self, folder: Folder, rater: str, token: str) -> None:
        self.folder, self.rater, self.token = folder, rater, token
        self.order, self.lock = order(folder.study, rater), Lock()

    def get(self, path: str) -> Reply:
        if path == "":
            return Reply(200, body=self._page().encode())
        if path in FILES:
            return Reply(200, FILES[path], (STATIC / path).read_bytes())
        number = path.removeprefix("picture-").removesuffix(".png")
        if path.startswith("picture-") and number.isdecimal() and int(number) < len(self.order):
            return Reply(200, "image/png", blinded(self.folder.picture(self.order[int(number)].name).read_bytes()))
        return Reply(404)

    def post(self, path: str, said: dict[str, str]) -> Reply:
        """An answer to the picture at a place of the order; to one that was answered meanwhile it is passed over."""
        with self.lock:
            if path == "undo":
                self.folder.undo(self.rater)
            elif path == "answer" and said.get("key", "").isdecimal() and said.get("place", "").isdecimal():
                found = next_for(self.folder.study, self.rater, self.folder.answers(), self.folder.there())
                if found and found[0] == int(said["place"]):
                    word = named(self.folder.study, int(said["key"]))
                    self.folder.add(Answer(self.rater, found[1].name, word))
            else:
                return Reply(404)
        return Reply(303, to=f"/{self.token}/")

    def _page(self) -> str:
        study, answers, there = self.folder.study, self.folder.answers(), self.folder.there()
        done = sum(self.rater in said for said in answers.values())
        found = next_for(study, self.rater, answers, there)
        undo = (
            '<form method="post" action="undo"><button data-key="u">Undo the last (u)</button></form>' if done else ""
        )
        if found is None:
            left = len(study.pictures) - len(there)
            more = f"{left} are not drawn yet: limner bias draw." if left else "limner bias report says what they show."
            middle = f"<p>Done: {done} of {len(study.pictures)} pictures are labelled. {escape(more)}</p>"
        else:
            middle = _asked(study.question, found[0], [*study.categories])
        return (
            f"{HEAD}<h1>{escape(study.question)}</h1>{middle}"
            f'<p class="hint">{done} of {len(study.pictures)}, by {escape(self.rater)}</p>{undo}{FOOT}'
        )


def _asked(question: str, place: int, categories: list[str]) -> str:
    buttons = "".join(
        f'<button name="key" value="{key}" data-key="{key}">{escape(word)} <kbd>{key}</kbd></button>'
        for key, word in [*enumerate(categories, 1), (0, UNTOLD)]
    )
    return (
        f'<img src="picture-{place}.png" alt="the picture to be labelled" class="asked">'
        f'<form method="post" action="answer" class="answers"><input type="hidden" name="place" value="{place}">'
        f"{buttons}</form>"
    )


class Server(ThreadingHTTPServer):
    """One tally's, on this machine alone."""

    daemon_threads = True

    def __init__(self, port: int, tally: Tally) -> None:
        super().__init__((HERE, port), Page)
        self.tally, self.host = tally, f"{HERE}:{self.server_address[1]}"


class Page(BaseHTTPRequestHandler):
    """Whoever asks must know the token, and mean this very address."""

    server: Server

    def do_GET(self) -> None:
        self._answer(self.server.tally.get)

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MOST:
            self._send(Reply(413))
            return
        fields = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"))
        said = {name: values[-1] for name, values in fields.items()}
        self._answer(lambda path: self.server.tally.post(path, said))

    def _answer(self, act: Callable[[str], Reply]) -> None:
        begin = f"/{self.server.tally.token}/"
        if self.headers.get("host") != self.server.host or not self.path.startswith(begin):
            self._send(Reply(404))
            return
        try:
            self._send(act(self.path.removeprefix(begin)))
        except LimnerError as fault:
            self._send(Reply(fault.status, PLAIN, str(fault).encode()))
        except OSError as fault:
            self._send(Reply(500, PLAIN, f"cannot read: {fault.strerror}".encode()))

    def _send(self, reply: Reply) -> None:
        self.send_response(HTTPStatus(reply.status))
        told = {"content-type": reply.kind, "content-length": str(len(reply.body)), **ALWAYS}
        for name, value in (told | {"location": reply.to} if reply.to else told).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said of every request."""


def serve(folder: Folder, rater: str, port: int) -> int:
    """Until somebody ends it."""
    tally = Tally(folder, rater, token_urlsafe(16))
    folder.answers()  # a damaged file is told at once
    if not folder.there():
        raise LimnerError(f"{folder.path} has no pictures yet", "limner bias draw")
    if not 0 <= port < 2**16:
        raise LimnerError(f"--port {port} is out of range", f"choose 0 to {2**16 - 1}")
    try:
        server = Server(port, tally)
    except OSError as fault:
        raise LimnerError(f"cannot listen at port {port}: {fault.strerror}", "leave --port out") from fault
    print(f"limner bias: http://{server.host}/{tally.token}/  (Ctrl-C ends it; every answer is kept)", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
    return 0
