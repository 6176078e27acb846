"""What goes wrong is one clear line with its remedy: JSON for programs, a page for people, never a traceback."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from limner.errors import LimnerError
from limner.recipe import FIELDS, checked
from limner.studio.web.page import render

PROGRAMS = ("/api", "/v1/", "/sdapi/", "/workers/", "/healthz", "/readyz", "/metrics", "/openapi.json")
LATER = {429: "10", 503: "2"}  # seconds after which the same question may be answered


def answer(scope: Scope, fault: LimnerError) -> Response:
    """The fault in the asker's form.  Programs of OpenAI's kind read `error`, of AUTOMATIC1111's `detail`."""
    later = {"retry-after": str(fault.after) if fault.after else LATER[fault.status]} if fault.status in LATER else {}
    line = " ".join(str(fault).split())
    if fault.status == HTTPStatus.UNAUTHORIZED:
        later = {"www-authenticate": "Bearer"}  # Basic would make a browser ask by a window of its own
    if seen(scope):
        if fault.status == HTTPStatus.UNAUTHORIZED:
            return RedirectResponse(f"/sign-in?next={quote(_back(scope))}", HTTPStatus.SEE_OTHER)
        page = render("fault.html", {"what": fault.what, "remedy": fault.remedy})
        return HTMLResponse(page, fault.status, headers=later)
    kind = "server_error" if fault.status >= 500 else "invalid_request_error"
    error = {"message": line, "what": fault.what, "remedy": fault.remedy, "type": kind, "param": None, "code": None}
    return JSONResponse({"error": error, "detail": line}, fault.status, headers=later)


def seen(scope: Scope) -> bool:
    """Whether the answer will be a page before somebody's eyes."""
    headers = Headers(scope=scope)
    whole = headers.get("sec-fetch-mode", "navigate") == "navigate"  # a script that fetches a piece of a page says so
    return not scope["path"].startswith(PROGRAMS) and "text/html" in headers.get("accept", "") and whole


def _back(scope: Scope) -> str:
    """Where somebody goes on who has signed in: a form that was sent is not sent again."""
    query = scope["query_string"].decode("ascii", "replace")
    return f"{scope['path']}{'?' if query else ''}{query}" if scope["method"] == "GET" else "/"


def limner_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, LimnerError)
    return answer(request.scope, fault)


def http_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    what, _, remedy = str(fault.detail).partition("; ")
    if fault.status_code == 404:
        what, remedy = f"there is nothing at {request.url.path[:100]}", "begin at /"
    elif fault.status_code == 400:
        what, remedy = "the request's body cannot be read", "send JSON, or a form's fields"
    elif fault.status_code == 405:
        what, remedy = f"{request.method} is not for {request.url.path[:100]}", "see /api"
    return answer(request.scope, LimnerError(what, remedy, fault.status_code))


def unread(request: Request, fault: Exception) -> Response:
    """The first thing that is wrong with a request, in limner's own words where a recipe's field is meant."""
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    place = [str(each) for each in first["loc"] if each not in ("body", "query", "path", "header")]
    name = place[-1] if place else "the request"
    if first["type"] == "extra_forbidden":
        return answer(request.scope, LimnerError(f"there is no field {name[:64]!r}", "see /api"))
    if name in FIELDS:
        try:
            checked(name, first["input"])
        except LimnerError as ours:
            return answer(request.scope, ours)
    message = first["msg"].removeprefix("Value error, ")
    return answer(request.scope, LimnerError(f"{name[:64]}: {message[:1].lower()}{message[1:]}", "see /api"))


def gone(request: Request, fault: Exception) -> Response:
    """Whoever sent it went away in the middle: nobody reads this."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def crash(request: Request, fault: Exception) -> Response:
    """limner is at fault; the server's log says where."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return answer(request.scope, LimnerError("limner is at fault", "the server's log says more", status))
