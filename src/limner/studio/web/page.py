"""Pages are written on the server, from templates that escape whatever they are given."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(HERE / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
    undefined=StrictUndefined,
)  # fmt: skip
STATIC = {
    "studio.css": ("text/css", (HERE / "static" / "studio.css").read_bytes()),
    "studio.js": ("text/javascript", (HERE / "static" / "studio.js").read_bytes()),
}


def render(name: str, **values: object) -> str:
    """A page; what it says is text, whoever wrote it."""
    return _PAGES.get_template(name).render(values)
