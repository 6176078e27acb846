"""`limner studio backup` and `restore`: a whole studio into one file, and out of it into another place."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from limner.errors import LimnerError
from limner.home import home

if TYPE_CHECKING:
    from limner.studio.house import House


def backup_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a new file, which only you can read")
    _placed(parser)
    parser.set_defaults(job=backup)


def restore_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="that limner studio backup wrote")
    _placed(parser)
    parser.set_defaults(job=restore)


def backup(args: argparse.Namespace) -> int:
    """1 where a picture or a hand-in could not be read: the rest is in the file."""
    from limner.studio import archive

    here = _house(args)
    database = here.store().database
    content = archive.backup(database, here.vault(), args.file)
    database.close()
    size = args.file.stat().st_size / 1e6
    print(f"{args.file}: {sum(content.rows.values())} rows, {len(content.pictures)} pictures, {size:.1f} MB")
    vault = here.vault()
    for name in content.lost:
        path = vault.handins.path(Path(name).stem) if "/" in name else vault.path(name)
        print(f"!! {path} is lost or damaged, and is not in it", file=sys.stderr)
    return int(bool(content.lost))


def restore(args: argparse.Namespace) -> int:
    """1 where the studio is not as it should be, though as it was."""
    from limner.studio import archive
    from limner.studio.budgets import unbalanced
    from limner.studio.check import check, handed
    from limner.studio.people import log

    here = _house(args)
    here.pictures.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = here.store().database
    content = archive.restore(database, here.vault(), args.file)
    damaged = *check(database, here.vault()).damaged, *handed(database, here.vault())
    faults = [*damaged, log.check(database).fault, *database.snapshot(unbalanced)]
    database.close()
    print(f"restored {sum(content.rows.values())} rows and {len(content.pictures)} pictures of {content.made}")
    for fault in filter(None, faults):
        print(f"!! {fault}", file=sys.stderr)
    return int(any(faults))


def _placed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the studio's folder; ~/.limner/studio if left out")
    parser.add_argument("--database", metavar="URL", help="postgresql://... or sqlite:///FILE; studio.db in the folder")


def _house(args: argparse.Namespace) -> "House":
    from limner.studio.house import House

    folder: Path = (args.folder or home() / "studio").absolute()
    if args.job is backup and not folder.is_dir():
        raise LimnerError(f"there is no studio in {folder}", "give --folder")
    return House(args.database or f"sqlite:///{folder / 'studio.db'}", folder / "pictures")
