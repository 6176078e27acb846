"""`limner studio worker`: draw for a studio whose page another process serves, on this machine or on another."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.posts import manned, supervised
from limner.errors import LimnerError
from limner.home import home

if TYPE_CHECKING:
    from limner.studio.back import Employer

SHIPPED = "limner-mini"


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", metavar="URL", help="https://STUDIO; left out, the studio of this machine")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token, for a studio at a URL")
    parser.add_argument("--allow-http", action="store_true", help="http to another machine: all on the way can read it")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="this machine's studio; ~/.limner/studio if left out"
    )
    parser.add_argument("--database", metavar="URL", help="postgresql://... or sqlite:///FILE; studio.db in the folder")
    parser.add_argument("--model", metavar="NAME|PATH", default=SHIPPED, help="what draws (%(default)s)")
    parser.add_argument(
        "--device", action="append", metavar="NAME", help="a worker on it, once for each; every GPU, else the CPU"
    )
    parser.add_argument("--dtype", help="float32, bfloat16 or float16; the device's own if left out")
    asked.backend_flag(parser)
    parser.set_defaults(job=draw)


def draw(args: argparse.Namespace) -> int:
    employer = there(args) if args.url else here(args)
    if args.model != SHIPPED:
        asked.permit(args.model)  # a licence is accepted on a terminal, not in a worker
    return supervised(
        list(manned(args, [args.model], employer)),
        f"limner studio worker: for {args.url or 'this machine'}  (Ctrl-C ends it)",
    )


def there(args: argparse.Namespace) -> "Employer":
    """The studio at the URL, which is asked nothing yet."""
    from limner.studio.away import Away

    if args.folder or args.database:
        raise LimnerError("a URL is a studio elsewhere", "say one of them: it, or a folder and database")
    if args.token_file is None:
        raise LimnerError("a studio elsewhere asks for a token", "give --token-file FILE")
    away = Away(args.url, args.token_file.absolute(), args.allow_http)
    away.client().close()  # LimnerError for an address or a token that is none
    return away


def here(args: argparse.Namespace) -> "Employer":
    from limner.studio.house import House

    if args.token_file or args.allow_http:
        raise LimnerError("a token is for a studio elsewhere", "give its URL")
    folder: Path = (args.folder or home() / "studio").absolute()
    if not folder.is_dir():
        raise LimnerError(f"there is no studio in {folder}", "limner studio makes one; or give --folder")
    return House(args.database or f"sqlite:///{folder / 'studio.db'}", folder / "pictures")
