"""Gradio as a guest: it comes with its first visitor, through the table's doors alone, and keeps nothing."""

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec
from json import loads
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders, UploadFile
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.errors import LimnerError
from limner.studio.web.errands import awaited, errand, plain, spelt
from limner.studio.web.front import Front
from limner.studio.web.jobs import Jobs

if TYPE_CHECKING:
    import gradio as gr

HERE = "/gradio"
UNREAD = 60.0  # seconds for which an upload waits to be read,
WAITING = 32  # and how many may wait at once
# What Gradio's page may do that ours may not.
POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
}
CARRIED = (
    "type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "client",
    "server", "state",
)  # fmt: skip
MANIFEST = '<link rel="manifest" href="/manifest.json" />'  # of an application to be installed, which this is not
SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(slots=True, eq=False)
class Guest:
    """Its application is there from the first request on; what is uploaded to it, until it is read or a minute long."""

    front: Front
    _coming: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stay: AsyncExitStack = field(default_factory=AsyncExitStack)
    _app: ASGIApp | None = None
    _blocks: "gr.Blocks | None" = None
    _folder: str = ""

    def ways(self) -> Iterator[tuple[str, str, Callable[..., object]]]:
        """Those of Gradio's doors that its page and gradio_client need; there are dozens more, which stay shut."""
        calls = f"{HERE}/gradio_api"
        yield "GET", HERE, self.gate
        yield "GET", f"{HERE}/", self.page
        for path in ("config", "theme.css", "assets/{path:path}", "static/{path:path}"):
            yield "GET", f"{HERE}/{path}", self.through
        for path in ("info", "startup-events"):
            yield "GET", f"{calls}/{path}", self.through
        for path in ("queue/data", "call/{call}/{event}"):
            yield "GET", f"{calls}/{path}", self.heard
        for path in ("run/{call}", "queue/join", "call/{call}"):
            yield "POST", f"{calls}/{path}", self.call
        yield "POST", f"{calls}/upload", self.upload
        yield "GET", f"{calls}/upload_progress", self.uploaded
        yield "GET", f"{calls}/file={{folder:path}}/{{name}}.png", Jobs(self.front).picture

    def gate(self) -> Response:
        """The page's address without its last stroke."""
        return RedirectResponse(f"{HERE}/", 307)

    async def page(self, request: Request) -> Response:
        """The page, whose own scripts are let run by their hashes."""
        parts: list[bytes] = []

        async def heard(message: Message) -> None:
            parts.append(message.get("body", b""))

        await (await self.come())(child(request.scope), request.receive, heard)
        html = b"".join(parts).decode().replace(MANIFEST, '<link rel="icon" href="/static/limner.svg" />')
        hashes = [f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in SCRIPT.findall(html)]
        return HTMLResponse(html, headers={"content-security-policy": policy(" ".join(hashes))})

    async def through(self, request: Request) -> Response:
        """Whatever needs no body: what the page consists of, and what becomes of calls."""
        return Passed(await self.come(), request.receive)

    async def heard(self, request: Request) -> Response:
        """What becomes of a call, by its own name or by its session's."""
        app = await self.come()
        awaited(self._blocks, request.path_params.get("event") or request.query_params.get("session_hash", ""))
        return Passed(app, request.receive)

    async def call(self, request: Request) -> Response:
        """A call: it is there, names no file but uploads, and outside Gradio's queue leaves no session behind."""
        app = await self.come()
        try:
            said = loads(await request.body())
        except (ValueError, RecursionError) as fault:
            raise LimnerError("the request's body cannot be read", "send JSON", 400) from fault
        if not isinstance(said, dict):
            raise LimnerError("the request's body is no object", "send JSON with data in it", 400)
        for path in paths(said):
            self._upload(path)
        asked = errand(self._blocks, request.path_params.get("call", ""), said)
        if "/queue/" not in request.url.path:
            asked.pop("session_hash", None)
        return Passed(app, again(spelt(asked), request.receive))

    async def upload(self, request: Request) -> list[str]:
        """A picture that is to be read.  Its name is ours, and it is gone when it was read, or a minute later."""
        await self.come()
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("files")
            if not isinstance(file, UploadFile):
                raise LimnerError("no file came along", "send one, called files", 400)
            if len(os.listdir(self._folder)) >= WAITING:
                raise LimnerError("too many pictures wait to be read", "send it again in a minute", 429)
            path = Path(self._folder) / token_hex(32)
            await run_in_threadpool(path.write_bytes, await file.read())
        asyncio.get_running_loop().call_later(UNREAD, path.unlink, True)
        return [str(path)]

    def uploaded(self) -> Response:
        """How far an upload is: Gradio's page asks, and may be told that it is there."""
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    def take(self, picture: object) -> bytes:
        """What an upload holds, which is forgotten."""
        path = self._upload(picture.get("path") if isinstance(picture, dict) else None)
        try:
            data = path.read_bytes()
        except FileNotFoundError as fault:
            raise LimnerError("that picture is not here any more", "send it again") from fault
        path.unlink(missing_ok=True)
        return data

    async def leave(self) -> None:
        await self._stay.aclose()

    def _upload(self, path: object) -> Path:
        """LimnerError where that is no path that an upload was given."""
        if not self._folder or not re.fullmatch(rf"{re.escape(self._folder)}/[0-9a-f]{{64}}", str(path)):
            raise LimnerError("that is no picture that was sent here", "send the picture first", 400)
        return Path(str(path))

    async def come(self) -> ASGIApp:
        """Its application.  Whoever is the first to want it waits for seconds; the others' requests go on."""
        async with self._coming:
            if self._app is None:
                if not invited():
                    raise LimnerError(
                        "gradio is not installed here", "pip install 'limner[gradio]'; or begin at /", 501
                    )
                self._folder = self._stay.enter_context(TemporaryDirectory(prefix="limner-gradio-"))
                os.environ.update(GRADIO_TEMP_DIR=self._folder, GRADIO_ANALYTICS_ENABLED="False")
                await run_in_threadpool(import_module, "limner.studio.web.blocks")  # which takes seconds
                host, self._blocks = housed(self.front, self.take, self._folder)
                await self._stay.enter_async_context(host.router.lifespan_context(host))
                self._app = host
        return self._app


def invited() -> bool:
    """Whether it is installed."""
    return find_spec("gradio") is not None


def housed(front: Front, take: Callable[[object], bytes], folder: str) -> "tuple[FastAPI, gr.Blocks]":
    """Gradio's application under its own path, with the fonts that are here; and the page and the calls in it."""
    import gradio

    from limner.studio.web.blocks import Calls, page

    host = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    theme = gradio.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace"))
    blocks = page(Calls(front, take, folder))
    app: FastAPI = gradio.mount_gradio_app(
        host, blocks, HERE, root_path=HERE, footer_links=[], run_history=False,
        ssr_mode=False, pwa=False, mcp_server=False, enable_monitoring=False, theme=theme,
    )  # fmt: skip
    return app, blocks


class Passed(Response):
    """An answer that the guest gives itself."""

    def __init__(self, app: ASGIApp, receive: Receive) -> None:
        super().__init__()
        self.app, self.receive = app, receive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Message | None = None

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message.setdefault("headers", []))["content-security-policy"] = policy()
                if message["status"] == HTTPStatus.INTERNAL_SERVER_ERROR:
                    begun = message
                    return
            elif begun is not None:  # Gradio calls all that goes wrong a fault of its own
                asker = HTTPStatus.UNPROCESSABLE_ENTITY if plain(message.get("body", b"")) else begun["status"]
                await send({**begun, "status": int(asker)})
                begun = None
            await send(message)

        await self.app(child(scope), self.receive, sent)


def child(scope: Scope) -> Scope:
    """The request as the guest is told of it: nothing of how it came here, nor of what a proxy may have said."""
    told = [(name, value) for name, value in scope["headers"] if not name.startswith((b"x-forwarded", b"accept-enc"))]
    return {**{name: scope[name] for name in CARRIED if name in scope}, "headers": told}


def policy(scripts: str = "") -> str:
    return "; ".join(f"{name} {said} {scripts}".strip() if name == "script-src" else f"{name} {said}"
                     for name, said in POLICY.items())  # fmt: skip


def paths(said: object) -> list[object]:
    """All that a body calls a path, however deep."""
    found, left = [], [said]
    while left:
        match left.pop():
            case dict() as each:
                found.extend([each["path"]] if "path" in each else [])
                left.extend(each.values())
            case list() as each:
                left.extend(each)
    return found


def again(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, and then what comes behind."""
    left = [body]

    async def told() -> Message:
        return {"type": "http.request", "body": left.pop()} if left else await receive()

    return told
