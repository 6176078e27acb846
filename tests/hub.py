"""A hub on the loopback that speaks as much of Hugging Face's API as a download needs, and can break off."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """`repositories` by id: a folder, or the error code that the hub answers instead.

    `breaks` holds paths whose next answer ends after so many bytes; `asked` what was asked for, with its range.
    """

    repositories: dict[str, Path | str]
    breaks: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    endpoint: str = ""


ANSWERS = {"GatedRepo": 403, "RepoNotFound": 404}


def tree(folder: Path) -> list[dict[str, object]]:
    listed = []
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        data = file.read_bytes()
        about: dict[str, object] = {"type": "file", "path": file.relative_to(folder).as_posix(), "size": len(data)}
        about["oid"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        if file.suffix in (".safetensors", ".bin"):
            about["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 100}
        listed.append(about)
    return listed


class Answer(BaseHTTPRequestHandler):
    """One request of a hub's."""

    def __init__(self, hub: Hub, *request: Any) -> None:
        self.hub = hub
        super().__init__(*request)

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.asked.append((path, self.headers.get("Range", "")))
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        words = path.removeprefix("api/models/").split("/")
        found = self.hub.repositories.get("/".join(words[:2]), "RepoNotFound")
        if isinstance(found, str):
            self.answer(ANSWERS[found], b"", {"X-Error-Code": found})
        elif not path.startswith("api/"):
            self.file(found / "/".join(words[4:]), "/".join(words[4:]))
        else:
            about = tree(found) if "tree" in words else {"id": "/".join(words[:2]), "sha": COMMIT, "siblings": []}
            self.answer(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def file(self, path: Path, name: str) -> None:
        data, asked = path.read_bytes(), self.headers.get("Range", "")
        begin = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        ranged = {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"} if begin else {}
        about = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, **ranged}
        self.answer(206 if begin else 200, data[begin:], about, self.hub.breaks.pop(name, None))

    def answer(self, code: int, body: bytes, headers: dict[str, str], only: int | None = None) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:only])
            self.wfile.flush()
        self.close_connection = only is not None


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, hub))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
