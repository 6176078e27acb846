"""`limner keys`: the key that signs receipts here, those that did, and those of others that are trusted here."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.audit.keys import Public
    from limner.studio.house import House

JOBS = "list | rotate | export | trust | forget"


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(metavar=JOBS, required=True)
    listing = jobs.add_parser("list", help="list the keys, and the pseudonym that receipts bear")
    asked.json_flag(listing)
    listing.set_defaults(job=_list)
    rotate = jobs.add_parser("rotate", help="sign by a new key from here on; what the old one signed stays valid")
    rotate.set_defaults(job=_rotate)
    export = jobs.add_parser("export", help="print the public keys, for others to trust")
    export.set_defaults(job=_export)
    trust = jobs.add_parser("trust", help="let receipts of another setup count here")
    trust.add_argument("file", metavar="FILE", help="what its limner keys export printed; - reads what is piped in")
    trust.add_argument("--name", metavar="WHO", default="", help="whose it is; a person's id makes its pictures theirs")
    trust.set_defaults(job=_trust)
    forget = jobs.add_parser("forget", help="let them count no longer")
    forget.add_argument("key", metavar="KEY", help="its id, as list says it")
    forget.set_defaults(job=_forget)
    for job in jobs.choices.values():
        job.add_argument("--studio", type=Path, metavar="DIR", help="the keys of the studio in this folder, not yours")
        job.add_argument("--database", metavar="URL", help="its database; studio.db in the folder if left out")


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code


def house(folder: Path, database: str | None) -> "House":
    """The studio in this folder; LimnerError where there is none."""
    from limner.studio.house import House

    if not folder.is_dir():
        raise LimnerError(f"there is no studio in {folder}", "give its folder")
    place = folder.absolute()
    return House(database or f"sqlite:///{place / 'studio.db'}", place / "pictures")


def _known(args: argparse.Namespace) -> "tuple[list[Public], str]":
    """The keys, and the pseudonym of whoever draws without a studio."""
    if args.studio:
        from limner.studio import notary

        here = house(args.studio, args.database)
        database = here.store().database
        said = notary.opening(database, here.notary())
        found = list(database.read(notary.keys).values())
        database.close()
        _say(said)
        return found, ""
    from limner.audit.keyring import own

    ring = own()
    ring.key(time.time(), _say)
    return list(ring.known().values()), ring.owner


def _list(args: argparse.Namespace) -> int:
    found, owner = _known(args)
    if args.json:
        asked.print_json({"owner": owner, "keys": [each.jwk() for each in found]})
        return 0
    for each in found:
        print(asked.printable(f"{each.id}  {each.standing:8} {each.made}  {each.name}").rstrip())
    if owner:
        print(f"receipts that you sign call you {owner}")
    return 0


def _rotate(args: argparse.Namespace) -> int:
    if args.studio:
        from limner.studio.people.person import OPERATOR
        from limner.studio.receipts import rotate

        here = house(args.studio, args.database)
        database = here.store().database
        new = rotate(database, OPERATOR.id, here.notary())
        database.close()
    else:
        from limner.audit.keyring import own

        new = own().rotate(time.time()).id
    print(f"{new} signs from here on; what the old key signed stays valid")
    return 0


def _export(args: argparse.Namespace) -> int:
    from limner.audit.keys import published

    asked.print_json(published(_known(args)[0]))
    return 0


def _trust(args: argparse.Namespace) -> int:
    from limner.audit.keys import unpublished
    from limner.audit.receipt import moment

    more = unpublished(_text(args.file), moment(time.time()), args.name)
    if args.studio:
        from limner.studio.people.person import OPERATOR
        from limner.studio.receipts import trust

        database = house(args.studio, args.database).store().database
        new: Sequence[Public] = trust(database, OPERATOR.id, more)
        database.close()
    else:
        from limner.audit.keyring import own

        new = own().trust(more)
    for each in new:
        print(asked.printable(f"{each.id} is trusted from here on{f', as {each.name}' if each.name else ''}"))
    if not new:
        print("all of them were known already")
    return 0


def _forget(args: argparse.Namespace) -> int:
    if args.studio:
        from limner.studio.people.person import OPERATOR
        from limner.studio.receipts import forget

        database = house(args.studio, args.database).store().database
        forget(database, OPERATOR.id, args.key)
        database.close()
    else:
        from limner.audit.keyring import own

        own().forget(args.key)
    print(f"{args.key} is trusted no longer")
    return 0


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        raise LimnerError(f"cannot read {name}: {why}", "give what limner keys export printed") from fault


def _say(line: str) -> None:
    if line:
        print("limner:", line, file=sys.stderr)
