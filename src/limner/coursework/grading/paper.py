"""Sheets are pages without scripts, which stand in a folder and are read without any server."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from limner.coursework.grading.view import View

PAGES = "limner.coursework.grading"


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader(PAGES, "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip


def page(name: str, values: Mapping[str, object]) -> str:
    """A whole page; what it says is text, whoever wrote it."""
    return _pages().get_template(name).render(values)


def side_by_side(view: View) -> Markup:
    """A hand-in's middle part, for a sheet and for the studio's page alike."""
    return Markup(page("handin.html", {"view": view}))


def style() -> bytes:
    pages = files(PAGES).joinpath("pages")
    return pages.joinpath("sheet.css").read_bytes() + pages.joinpath("side.css").read_bytes()


def stood(text: str) -> Markup:
    """A part of a page that was written here before."""
    return Markup(text)
