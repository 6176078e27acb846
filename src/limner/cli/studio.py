"""`limner studio`: a page on which pictures are asked for, and the workers that draw them."""

import argparse
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, moving, people, worker
from limner.cli.posts import manned, spoken, supervised
from limner.errors import LimnerError
from limner.home import home

if TYPE_CHECKING:
    from limner.studio.back import Back
    from limner.studio.house import House

HERE, PORT = "127.0.0.1", 7860
SHIPPED = "limner-mini"
NEEDED: Mapping[str, str] = {  # packages, and how Python calls them
    "fastapi": "fastapi",
    "jinja2": "jinja2",
    "prometheus-client": "prometheus_client",
    "python-multipart": "python_multipart",
    "uvicorn": "uvicorn",
}
FIRST = 1.5  # seconds by which the page comes before the workers, who import torch
BACKLOG = 128  # connections that wait while the web's process is started again


@dataclass(frozen=True, slots=True)
class Place:
    """A studio's database and pictures, for processes that are not there yet."""

    url: str = field(repr=False)
    pictures: Path

    def house(self) -> "House":
        from limner.studio.house import House

        return House(self.url, self.pictures)

    def back(self) -> "Back":
        return self.house().back()


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=HERE, metavar="ADDRESS", help="where it listens (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help="(%(default)s); 0 takes any that is free")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="what is kept: database and pictures; ~/.limner/studio if left out"
    )
    parser.add_argument(
        "--database", metavar="URL", help="postgresql://... or sqlite:///FILE; studio.db in the folder if left out"
    )
    parser.add_argument("--model", metavar="NAME|PATH", default=SHIPPED, help="what draws (%(default)s)")
    parser.add_argument(
        "--device", action="append", metavar="NAME", help="a worker on it, once for each; every GPU, else the CPU"
    )
    parser.add_argument("--dtype", help="float32, bfloat16 or float16; the device's own if left out")
    asked.backend_flag(parser)
    parser.add_argument("--no-worker", action="store_true", help="draw nothing here: limner studio worker does")
    parser.set_defaults(job=serve)
    others = parser.add_subparsers(metavar="people | worker | backup | restore")
    people.flags(others.add_parser("people", help="who is in the course"))
    worker.flags(others.add_parser("worker", help="draw for a studio that is served by another process or machine"))
    moving.backup_flags(others.add_parser("backup", help="write the whole studio into one file, while it goes on"))
    moving.restore_flags(others.add_parser("restore", help="make an empty studio the one that was backed up"))


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code


def serve(args: argparse.Namespace) -> int:
    if lacking := [name for name, module in NEEDED.items() if find_spec(module) is None]:
        raise LimnerError(f"{', '.join(lacking)} are not installed", "pip install 'limner[studio]'")
    from limner.studio.badge import badge
    from limner.studio.supervisor import Post

    if args.model != SHIPPED:
        asked.permit(args.model)  # a licence is accepted on a terminal, not in a worker
    listening = bound(args.host, args.port)
    folder = made(args.folder)
    place = Place(args.database or f"sqlite:///{folder / 'studio.db'}", folder / "pictures")
    host, port = listening.getsockname()[:2]
    badge(folder)
    posts = [Post("the web's process", web, (place, args.model, listening))]
    if not args.no_worker:
        posts += manned(args, place, FIRST)
    at = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return supervised(posts, f"limner studio: {at}  (Ctrl-C ends it)")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens, and goes on to do so while those who answer are replaced."""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError as fault:
        raise LimnerError(f"--host {host} is no address", f"{HERE} is this machine alone") from fault
    if not loopback:
        raise LimnerError(
            f"--host {host} would let anybody in, and there are no accounts yet",
            f"leave it out; from elsewhere, ssh -L {port}:{HERE}:{port} brings the page to you",
        )
    if not 0 <= port < 2**16:
        raise LimnerError(f"--port {port} is out of range", f"choose 0 to {2**16 - 1}")
    place = HERE if host == "localhost" else host
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((place, port))
        listening.listen(BACKLOG)
    except OSError as fault:
        listening.close()
        raise LimnerError(f"cannot listen on {host}:{port}: {fault.strerror}", "choose another --port") from fault
    return listening


def made(folder: Path | None) -> Path:
    """The folder, which nobody else may look into."""
    place = folder or home() / "studio"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place.absolute()


def web(place: Place, model: str, listening: socket.socket) -> None:
    """The web's process.  It says what can be drawn before a worker has read the weights, where their folder tells."""

    def serve() -> None:
        from limner.studio.staff import SHIPPED as FOLDER
        from limner.studio.staff import stated
        from limner.studio.web.serve import serve

        if card := stated(FOLDER if model == SHIPPED else Path(model)):
            place.house().staff().announce(card)
        serve(place.house(), listening)

    spoken(serve)
