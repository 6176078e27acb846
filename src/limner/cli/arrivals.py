"""How models come in: added from a disk, fetched from a hub, and looked through file by file."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle.catalogue import Entry
    from limner.bundle.published import Origin


def add_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "what",
        metavar="PATH|HUB_ID",
        help="a diffusers folder, a safetensors file, another program's folder, or OWNER/NAME",
    )
    job.add_argument("--name", metavar="NAME", help="what it shall be called; after its folder or file if left out")
    job.add_argument("--copy", action="store_true", help="copy it into the models folder instead of noting where it is")
    _hub_flags(job)
    job.set_defaults(job=add)


def fetch_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("name", metavar="NAME", help="a label, such as SDv1.5; limner models show NAME tells its sources")
    job.add_argument("--as", dest="called", metavar="NAME", help="what it shall be called; its label if left out")
    _hub_flags(job)
    job.set_defaults(job=fetch)


def _hub_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "--variant", default="", metavar="NAME", help="of the weights on a hub, such as fp16 for half the size"
    )
    job.add_argument(
        "--file", default="", metavar="NAME", help="of a hub's repository, where that is no diffusers folder"
    )


def add(args: argparse.Namespace) -> int:
    from limner.bundle import shelve
    from limner.bundle.fetch import HUB_ID
    from limner.bundle.place import typed
    from limner.bundle.published import Origin

    path = typed(args.what)
    if not path.exists() and HUB_ID.fullmatch(args.what) and not args.what.startswith("."):
        return _arrived(args, [_fetched([Origin(args.what, file=args.file)], args.name or path.name, args.variant)])
    if path.is_dir() and not (path / "model_index.json").exists() and (found := shelve.checkpoints(path)):
        return _several(args, found)
    return _arrived(args, [shelve.add(path, args.name, args.copy)])


def _several(args: argparse.Namespace, found: Sequence[Path]) -> int:
    """Another program's folder: each model that opens gets a name, the others their reason; 1 if there are such."""
    from limner.bundle import shelve

    if args.name:
        raise LimnerError(f"{args.what} holds {len(found)} models", "leave out --name, or give one model's path")
    entries, faults = [], []
    for path in found:
        try:
            entries.append(shelve.add(path, None, args.copy))
        except LimnerError as fault:
            faults.append(str(fault))
            print("limner:", " ".join(str(fault).split()), file=sys.stderr)
    _arrived(args, entries)
    return int(bool(faults))


def fetch(args: argparse.Namespace) -> int:
    from difflib import get_close_matches

    from limner.bundle.published import Origin, published

    models = {label: each for label, each in published().items() if each.sources}
    if args.name not in models:
        near = get_close_matches(args.name, models, n=1, cutoff=0.4)
        meant = f"did you mean {near[0]}? " if near else ""
        raise LimnerError(
            f"nothing is known of where {args.name!r} is",
            f"{meant}known are {', '.join(models)}; limner models add HUB_ID",
        )
    origins = models[args.name].sources
    if args.file:
        origins = tuple(Origin(each.hub, each.told, args.file) for each in origins)
    return _arrived(args, [_fetched(origins, args.called or args.name, args.variant)])


def _fetched(origins: "Sequence[Origin]", name: str, variant: str) -> "Entry":
    """Fetch with a bar where somebody watches, and say the sources as they are tried."""
    from tqdm import tqdm

    from limner.bundle.fetch import fetch as fetching

    coming, hub = fetching(origins, name, variant), ""
    with tqdm(total=0, disable=not sys.stderr.isatty(), leave=False, unit="B", unit_scale=True) as bar:
        while True:
            try:
                came = next(coming)
            except StopIteration as end:
                entry: Entry = end.value
                return entry
            if came.hub != hub:
                hub = came.hub
                print(f"limner: from {hub}, {came.total / 1e6:.1f} MB", file=sys.stderr)
            bar.set_description(came.file)
            bar.total, bar.n = came.total, came.done
            bar.refresh()


def _arrived(args: argparse.Namespace, entries: "Sequence[Entry]") -> int:
    from limner.bundle import acceptance
    from limner.bundle.published import published

    if args.json:
        asked.print_json([asdict(each) for each in entries])
        return 0
    for each in entries:
        like = f", built like {each.label}" if each.label else ""
        print(f"{each.name}: {each.identity[:10]}{like}, at {each.path}")
        if each.name in published() and each.label != each.name:
            print(f"limner: this is not built like {each.name}: see limner models show {each.name}", file=sys.stderr)
        terms = acceptance.licence(each.name)
        if terms is not None and not acceptance.accepted(terms):
            print(
                f"limner: {terms.name}: limner models accept {each.name} shows it and accepts it, once", file=sys.stderr
            )
    return 0


def verify(args: argparse.Namespace) -> int:
    """1 if something is wrong."""
    from tqdm import tqdm

    from limner.bundle.verify import Check
    from limner.bundle.verify import verify as looking

    checks = []
    with tqdm(total=0, disable=not sys.stderr.isatty(), leave=False, unit="B", unit_scale=True) as bar:
        for each in looking(args.name):
            if isinstance(each, Check):
                checks.append(each)
                if not args.json:
                    bar.clear()
                    print(f"{'ok' if each.ok else '!!'}  {each.what}: {each.found}")
            else:
                bar.set_description(each.file)
                bar.total, bar.n = each.total, each.done
                bar.refresh()
    wrong = [each for each in checks if not each.ok]
    if args.json:
        asked.print_json({"ok": not wrong, "checks": [asdict(each) for each in checks]})
    else:
        print(f"\n{len(wrong)} wrong" if wrong else "\nnothing is wrong")
    return int(bool(wrong))
