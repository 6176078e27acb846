"""Pages are written on the server, from templates that escape whatever they are given."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from limner.errors import LimnerError
from limner.studio.budgets import said
from limner.studio.people.letters import day

HERE = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(HERE / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
    undefined=StrictUndefined,
)  # fmt: skip
_KINDS = {
    "studio.css": "text/css",
    "marking.css": "text/css",
    "studio.js": "text/javascript",
    "maps.js": "text/javascript",
    "drop.js": "text/javascript",
    "hall.js": "text/javascript",
    "words.js": "text/javascript",
    "limner.svg": "image/svg+xml",
}
SIDE = files("limner.coursework.grading").joinpath("pages/side.css")  # a sheet's, on the page for marking
STATIC = {"side.css": ("text/css", SIDE.read_bytes())} | {
    name: (kind, (HERE / "static" / name).read_bytes()) for name, kind in _KINDS.items()
}


_PAGES.filters["day"] = day
_PAGES.filters["said"] = said


def render(name: str, values: Mapping[str, object]) -> str:
    """A page; what it says is text, whoever wrote it."""
    return _PAGES.get_template(name).render(values)


def paper(name: str, values: Mapping[str, object], fault: LimnerError | None = None) -> HTMLResponse:
    """A page as an answer, which is kept nowhere; what went wrong stands on top of it, and what was typed, below."""
    headers = {"cache-control": "no-store"}
    if fault and fault.after:
        headers["retry-after"] = str(fault.after)
    return HTMLResponse(render(name, {**values, "fault": fault}), fault.status if fault else 200, headers)
