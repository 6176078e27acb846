"""Pages are written on the server, from templates that escape whatever they are given."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(HERE / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
    undefined=StrictUndefined,
)  # fmt: skip
_KINDS = {
    "studio.css": "text/css",
    "studio.js": "text/javascript",
    "maps.js": "text/javascript",
    "drop.js": "text/javascript",
    "hall.js": "text/javascript",
    "limner.svg": "image/svg+xml",
}
STATIC = {name: (kind, (HERE / "static" / name).read_bytes()) for name, kind in _KINDS.items()}


def render(name: str, values: Mapping[str, object]) -> str:
    """A page; what it says is text, whoever wrote it."""
    return _PAGES.get_template(name).render(values)
