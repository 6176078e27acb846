"""`limner studio`: a page on which pictures are asked for, and the workers that draw them."""

import argparse
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from limner.cli import asked, moving, people, worker
from limner.cli.posts import manned, spoken, supervised
from limner.errors import LimnerError
from limner.home import home

if TYPE_CHECKING:
    from limner.studio.back import Back
    from limner.studio.course import Course
    from limner.studio.house import House
    from limner.studio.supervisor import Post

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
    parser.add_argument(
        "--class", dest="course", type=Path, metavar="FILE", help="serve the class of this file, with accounts"
    )
    parser.add_argument("--host", default=HERE, metavar="ADDRESS", help="where it listens (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help="(%(default)s); 0 takes any that is free")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="what is kept: database and pictures; ~/.limner/studio if left out"
    )
    parser.add_argument(
        "--database", metavar="URL", help="postgresql://... or sqlite:///FILE; studio.db in the folder if left out"
    )
    parser.add_argument(
        "--proxy", action="append", metavar="ADDRESS",
        help="a proxy whose word is taken for who asks (X-Forwarded-For), once for each",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="NAME|PATH", help=f"what draws; {SHIPPED}, or each of the class's models, if left out"
    )
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
    from limner.studio.course import read

    course = read(args.course) if args.course else None
    models = drawn_with(args.model, course)
    for model in models:
        if model != SHIPPED:
            asked.permit(model)  # a licence is accepted on a terminal, not in a worker
    listening = bound(args.host, args.port, course is not None)
    folder = made(args.folder)
    place = Place(args.database or f"sqlite:///{folder / 'studio.db'}", folder / "pictures")
    for line in [*signing(place), *(beginning(place, course, args) if course else ())]:
        print("limner:", line, file=sys.stderr, flush=True)
    if course is None:
        badge(folder)
    host, port = listening.getsockname()[:2]
    at = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return supervised(list(posts(place, models, listening, course, args)), f"limner studio: {at}  (Ctrl-C ends it)")


def posts(
    place: Place, models: Sequence[str], listening: socket.socket, course: "Course | None", args: argparse.Namespace
) -> Iterator["Post"]:
    """Whatever has to be done all the time, each by a process."""
    from limner.studio.supervisor import Post

    yield Post("the web's process", web, (place, models, listening, course, args.proxy or []))
    if not args.no_worker:
        yield from manned(args, models, place, FIRST)
    if course:
        yield Post("the caretaker", tend, (place, course), later=2 * FIRST)


def drawn_with(model: str | None, course: "Course | None") -> list[str]:
    """The models that are opened: the one that was named, or each of the class's."""
    if course is None:
        return [model or SHIPPED]
    if model is None:
        return list(course.course.models)
    if model not in course.course.models:
        raise LimnerError(f"--model {model} is none of the class's", f"name it in course.models, beside {SHIPPED}")
    return [model]


def signing(place: Place) -> Iterator[str]:
    """The key that signs receipts, made now if there is none; what whoever starts the studio should know of it."""
    from limner.studio.notary import opening

    database = place.house().store().database
    if said := opening(database, place.house().notary()):
        yield said
    database.close()


def beginning(place: Place, course: "Course", args: argparse.Namespace) -> Iterator[str]:
    """What whoever starts a class should know: that passwords can be read on the way, and how anybody comes in."""
    from limner.studio.people.person import everybody
    from limner.studio.register import Role

    address = course.course.address
    if address.startswith("http://") and not local(urlsplit(address).hostname or ""):
        yield f"{address} is not encrypted: who listens on the way reads passwords; let a proxy speak https"
    database = place.house().staff().database
    if not any(each.role == Role.INSTRUCTOR for each in everybody(database)):
        where = "".join(f" --{name} {value}" for name in ("folder", "database") if (value := getattr(args, name)))
        yield "nobody instructs this course yet; this prints the link by which the first one comes in:"
        yield f"limner studio people begin NAME MAIL --class {args.course}{where}"
    database.close()


def local(host: str) -> bool:
    """Whether that is this machine and no other."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int, accounts: bool = False) -> socket.socket:
    """A socket that listens, and goes on to do so while those who answer are replaced."""
    try:
        ip_address(HERE if host == "localhost" else host)
    except ValueError as fault:
        raise LimnerError(f"--host {host} is no address", f"{HERE} is this machine alone") from fault
    if not (accounts or local(host)):
        raise LimnerError(
            f"--host {host} would let anybody in, as there are no accounts without --class",
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


def web(
    place: Place, models: Sequence[str], listening: socket.socket, course: "Course | None", proxies: Sequence[str]
) -> None:
    """The web's process.  It says what can be drawn before a worker has read the weights, where their folder tells."""

    def serve() -> None:
        from limner.studio.staff import SHIPPED as FOLDER
        from limner.studio.staff import stated
        from limner.studio.web.serve import serve

        staff = place.house().staff()
        for model in models:
            if card := stated(FOLDER if model == SHIPPED else Path(model)):
                staff.announce(card)
        staff.database.close()
        serve(place.house(), listening, course, proxies)

    spoken(serve)


def tend(place: Place, course: "Course") -> None:
    """The process that removes what is too old."""

    def serve() -> None:
        from limner.studio.people.care import serve

        serve(place.house(), course)

    spoken(serve)
