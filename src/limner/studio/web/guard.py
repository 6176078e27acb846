"""Who is let in before anything is read: the right host, the right origin, and no more than a request may weigh."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.errors import LimnerError
from limner.studio.web.faults import answer
from limner.studio.web.health import Meter
from limner.studio.web.user import SAFE

MOST = 2**20  # bytes of a request,
PICTURED = ("/read", "/sdapi/v1/png-info", "/gradio/gradio_api/upload", "/workers/picture")
HANDED = ("/course/check", "/api/course/check", "/course/verify")
MORE: Mapping[str, int] = {  # but where a picture comes along, or a hand-in
    **dict.fromkeys(PICTURED, 48 * 2**20),
    **dict.fromkeys(HANDED, 200 * 2**20),
}
ALWAYS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """Around the whole application.  `hosts` are the names by which it may be called.

    A page elsewhere that makes a visitor's browser send something here says so in Origin, `null` included, or in
    Sec-Fetch-Site; one that gives its own name this machine's address says so in Host.  Programs send neither.
    """

    app: ASGIApp
    hosts: Collection[str]
    meter: Meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            if fault := refused(scope["method"], Headers(scope=scope), self.hosts, scope["path"]):
                await answer(scope, fault)(scope, receive, answered)
            else:
                await self.app(scope, limited(receive, MORE.get(scope["path"], MOST)), answered)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self.meter.requests.labels(scope["method"] if route != "none" else "none", route, status).inc()
            self.meter.seconds.labels(route).observe(time.monotonic() - started)


def refused(method: str, headers: Headers, hosts: Collection[str], path: str) -> LimnerError | None:
    """Why a request is not let in; None if it is."""
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in hosts:
        return LimnerError(f"this is not {host[:64]!r}", f"call it {' or '.join(sorted(hosts))}", 421)
    if method not in SAFE:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if foreign or site not in ("same-origin", "none"):
            return LimnerError("that was sent by another site's page", "use the studio's own", 403)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MORE.get(path, MOST):
        return _large(MORE.get(path, MOST))
    return None


def limited(receive: Receive, most: int) -> Receive:
    """What comes in, but no more than so many bytes, whatever its length was said to be."""
    had = 0

    async def measured() -> Message:
        nonlocal had
        message = await receive()
        had += len(message.get("body", b""))
        if had > most:
            raise HTTPException(413, str(_large(most)))
        return message

    return measured


def _large(most: int) -> LimnerError:
    return LimnerError(f"a request of more than {most // 2**20} MiB is not read", "send less", 413)
