"""`limner course verify`: who made the pictures of a hand-in, by the receipts of a studio or of whoever drew alone."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.checking import spec, spec_flag
from limner.errors import LimnerError

if TYPE_CHECKING:
    from PIL.Image import Image

    from limner.bundle import Bundle
    from limner.coursework.verify import Book, Judged
    from limner.recipe import Recipe

SHIPPED = "limner-mini"


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="zip, folder or pictures of one hand-in")
    job.add_argument(
        "--as", dest="who", action="append", default=[], metavar="WHO",
        help="whose hand-in it is: a mail address or id of the studio's, or a pseudonym; again for more",
    )  # fmt: skip
    where = job.add_mutually_exclusive_group()
    where.add_argument("--studio", type=Path, metavar="DIR", help="by the receipts of the studio in this folder")
    where.add_argument(
        "--ledger", type=Path, action="append", metavar="FILE.jsonl", help="by these receipts; your own if left out"
    )
    job.add_argument("--database", metavar="URL", help="the studio's; studio.db in its folder if left out")
    job.add_argument("--remake", action="store_true", help="draw again what nothing else decides")
    job.add_argument(
        "--model", action="append", metavar="NAME|PATH", help=f"what --remake draws with; again for more ({SHIPPED})"
    )
    spec_flag(job)
    asked.json_flag(job)
    job.set_defaults(job=verify)


def verify(args: argparse.Namespace) -> int:
    """0: each picture was made here by its author, or re-made; 1: something is to be looked at by a person."""
    import warnings

    from limner.coursework.claims import handed, judged
    from limner.coursework.handin import gathered, opened

    book, you = _studio(args) if args.studio else _own(args)
    redraw = Redrawing(args.model or [SHIPPED]) if args.remake else None
    rules, found = spec(args), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd metadata
        for name, sources in gathered(args.paths):
            with opened(name, sources, rules.limits) as handin:
                pictures = handed(handin, rules)
                if not pictures:
                    raise LimnerError(f"{name} has no picture", "give a zip, a folder or pictures")
                found += [judged(each, book, you, redraw) for each in pictures]
    if args.json:
        asked.print_json({"pictures": [_report(each) for each in found]})
    else:
        print("\n".join(map(asked.printable, lines(found))))
    return int(any(each.look or not each.good for each in found))


def lines(found: "Sequence[Judged]") -> Iterator[str]:
    from limner.coursework.verify import LIKENESS

    for each in found:
        yield f"{each.name}: {each.words}"
        yield from (f"  {line}" for line in each.why)
        yield from (f"  ! {line}" for line in each.look)
    counts = Counter(each.verdict.value for each in found)
    yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    if any("looks like" in line for each in found for line in each.look):
        yield f"a likeness is no verdict: {LIKENESS}"


def _report(each: "Judged") -> dict[str, object]:
    said = asdict(each)
    return {**said, "verdict": each.verdict.value, "words": each.words, "recipe": said["recipe"]}


def _own(args: argparse.Namespace) -> "tuple[Book, Sequence[str]]":
    """The receipts of ledgers' files, by the keys that are known on this machine."""
    from limner.audit import keyring, ledger
    from limner.audit.ledger import Ledger
    from limner.coursework.books import FileBook

    ring, entries = keyring.own(), []
    paths = args.ledger or [ledger.own().path]
    for path in paths:
        if args.ledger is None and not path.exists():
            continue  # nothing was drawn here yet
        read = Ledger(path).read()
        entries += read.entries
        if read.damaged:
            print(f"limner: {path}: line {', '.join(map(str, read.damaged))} is no receipt", file=sys.stderr)
    if args.ledger and not args.who:
        raise LimnerError("whose hand-in is it?", "say --as and the pseudonym that their receipts bear")
    return FileBook(entries, ring.known()), args.who or [ring.owner]


def _studio(args: argparse.Namespace) -> "tuple[Book, Sequence[str]]":
    from limner.cli.keys import house
    from limner.studio.receipts import StudioBook, called

    if not args.who:
        raise LimnerError("whose hand-in is it?", "say --as and their mail address, id or pseudonym")
    here = house(args.studio, args.database)
    database = here.store().database
    return StudioBook(database, here.vault()), [name for who in args.who for name in called(database, who)]


@dataclass(slots=True)
class Redrawing:
    """Draws recipes again by the models of these names, each opened when the first recipe wants it."""

    models: Sequence[str]
    bundles: "dict[str, Bundle]" = field(default_factory=dict)

    def __call__(self, recipe: "Recipe") -> "Image | None":
        """None where none of them is the recipe's, or the recipe needs a picture that was given."""
        from PIL import Image

        from limner.bundle import open_bundle
        from limner.engine import run

        if not self.bundles:
            opened = [open_bundle(name) for name in self.models]
            self.bundles = {bundle.identity: bundle for bundle in opened}
        bundle = self.bundles.get(recipe.model)
        if bundle is None or recipe.edit_picture:
            return None
        ((_, picture),) = run([recipe], bundle)
        return Image.fromarray(picture)
