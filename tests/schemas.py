"""The studio's own description of its interface, hidden doors and all, and requests that schemathesis makes of it."""

import json
from dataclasses import dataclass
from functools import cache

import requests
import schemathesis.openapi
from campus import Campus, Way
from doorways import filled, odd, request, valued
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from hypothesis import strategies as st
from knocking import Request
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema

HERE = "http://127.0.0.1"
OURS = ("host", "cookie", "authorization", "x-csrf-token", "user-agent", "accept-encoding", "connection", "accept")


@dataclass(frozen=True, repr=False)
class Interface:
    """One application's, for somebody."""

    campus: Campus
    who: str
    schema: BaseSchema

    @staticmethod
    def of(campus: Campus, who: str) -> "Interface":
        return Interface(campus, who, described(campus.study if who == "alone" else campus.classroom))

    @st.composite
    @staticmethod
    def _through(draw: st.DrawFn, self: "Interface", door: Way) -> Request:
        mode = draw(st.sampled_from((GenerationMode.POSITIVE, GenerationMode.NEGATIVE)))
        case: Case = draw(self.schema[door.path.replace(":path}", "}")][door.method].as_strategy(generation_mode=mode))
        kind, body, query, said = spelt(case)
        path = draw(filled(self.campus, door.path))
        for name, value in (case.path_parameters or {}).items():  # its own instead of what is there, now and then
            if not draw(st.integers(0, 4)) and isinstance(value, str):
                path = draw(st.just(door.path.replace(f"{{{name}}}", requests.utils.quote(value, safe=""))))
        more = {name: value for name, value in said.items() if name.decode("latin-1").lower() not in OURS}
        if not draw(st.integers(0, 5)):
            more |= draw(odd())
        return request(self.campus, self.who, door, path, query, kind, known(draw, self.campus, kind, body), more)

    def through(self, door: Way) -> st.SearchStrategy[Request]:
        """Positive and negative cases in equal parts, whose paths mostly lead somewhere."""
        return Interface._through(self, door)


@cache
def described(app: FastAPI) -> BaseSchema:
    """The whole of it: what is hidden from programs is not hidden from those who mean no good."""
    kept = [(route, route.include_in_schema) for route in app.routes]
    for route, _ in kept:
        route.include_in_schema = True
    try:
        told = get_openapi(title=app.title, version=app.version, routes=app.routes)
    finally:
        for route, shown in kept:
            route.include_in_schema = shown
    return schemathesis.openapi.from_dict(json.loads(json.dumps(told)))


def spelt(case: Case) -> tuple[bytes, bytes, bytes, dict[bytes, bytes]]:
    """Content type, body, query and headers as they go over the line; nothing of what could not."""
    said = case.as_transport_kwargs(base_url=HERE)
    said["url"] = HERE
    headers = {str(name): value for name, value in (said.pop("headers", None) or {}).items()}
    said.pop("cookies", None)
    try:
        made = requests.Request(**said).prepare()
    except (ValueError, UnicodeError, TypeError):  # requests sends no such thing
        return b"application/json", b"", b"", {}
    body = made.body.encode("utf-8", "surrogatepass") if isinstance(made.body, str) else made.body or b""
    kind = made.headers.get("content-type") or headers.get("content-type") or headers.get("Content-Type") or ""
    query = (made.path_url.partition("?")[2]).encode("ascii", "replace")
    lines = {
        name.encode("latin-1", "replace"): str(value).encode("latin-1", "replace") for name, value in headers.items()
    }
    ours = {name for name in lines if name.lower() in (b"content-type", b"content-length")}
    plain = {
        name: value for name, value in lines.items() if name not in ours and b"\n" not in value and b"\r" not in value
    }
    return (kind if isinstance(kind, bytes) else kind.encode("latin-1", "replace")), bytes(body), query, plain


def known(draw: st.DrawFn, campus: Campus, kind: bytes, body: bytes) -> bytes:
    """The same, in which what is called as something that is there is it, mostly."""
    if not kind.startswith(b"application/json"):
        return body
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(said, dict):
        return body
    for name in said:
        if name in ("model", "job", "lease", "picture", "assignment", "sha256") and draw(st.integers(0, 3)):
            said[name] = draw(valued(campus, name))
    return json.dumps(said).encode()
