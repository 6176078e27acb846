"""`limner models`: what can be drawn with: listed, added, fetched, looked at, passed on and certified."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import arrivals, asked, selftest
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle.published import Published
    from limner.bundle.shelve import Listed

JOBS = "add | list | show | verify | remove | fetch | accept | export | selftest"


def flags(parser: argparse.ArgumentParser) -> None:
    asked.json_flag(parser)
    parser.set_defaults(job=_list)
    jobs = parser.add_subparsers(metavar=JOBS)
    arrivals.add_flags(jobs.add_parser("add", help="give a model on a disk, or on a hub, a name"))
    listing = jobs.add_parser("list", help="list what is here")
    listing.set_defaults(job=_list)
    show = _named(jobs.add_parser("show", help="tell everything known of a model: sources, licence, files, defaults"))
    show.set_defaults(job=_show)
    verify = _named(jobs.add_parser("verify", help="read all of a model's files, and say what is wrong"))
    verify.set_defaults(job=arrivals.verify)
    remove = _named(jobs.add_parser("remove", help="forget a model, and delete its files if limner brought them"))
    remove.add_argument("--yes", action="store_true", help="delete without asking")
    remove.set_defaults(job=_remove)
    arrivals.fetch_flags(jobs.add_parser("fetch", help="download a model: nothing else of limner's ever does"))
    accept = _named(jobs.add_parser("accept", help="show a model's licence and accept it, once"))
    accept.add_argument("--yes", action="store_true", help="accept without being asked again")
    accept.set_defaults(job=_accept)
    export = _named(jobs.add_parser("export", help="write a model out for others, its licence with it"))
    export.add_argument("to", type=Path, metavar="PATH", help="a new folder, or a new file that ends in .safetensors")
    export.set_defaults(job=_export)
    selftest.flags(
        _named(jobs.add_parser("selftest", help="draw with limner and diffusers, and say how far they differ"))
    )
    for job in jobs.choices.values():
        job.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code


def _named(job: argparse.ArgumentParser) -> argparse.ArgumentParser:
    job.add_argument("name", metavar="NAME", help="a model's name, its label or its path")
    return job


def _list(args: argparse.Namespace) -> int:
    """1 if one of them is damaged or gone."""
    from limner.bundle.catalogue import shelf
    from limner.bundle.shelve import listed

    found = [_strange(each) if each.fault else each for each in listed()]
    if args.json:
        asked.print_json([asdict(each) for each in found])
        return int(any(each.fault for each in found))
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        looks = f"{each.label or each.family or '-':7}  {each.size or '-':>9}  {each.licence or 'licence unknown'}"
        about = f"{each.identity[:10] or '-':10}  {looks}  {each.folder}"
        about = each.foreign or (f"!! {each.fault}" if each.fault else about)
        print(f"{each.name:{width}}  {each.megabytes:8.1f} MB  {about}")
    if not found:
        print(f"no models here; limner models fetch SDv1.5 brings one, and so does a diffusers folder in {shelf()}")
    return int(any(each.fault for each in found))


def _strange(each: "Listed") -> "Listed":
    """A model that limner's networks do not read, but diffusers does: who draws with it, and what cannot be done."""
    from limner.engine.border import stranger
    from limner.engine.foreign import CANNOT
    from limner.engine.untapped import strange_unet

    folder = Path(each.folder)
    try:
        kind = stranger(folder) if folder.is_dir() else None
    except LimnerError:
        return each
    if kind is None:
        return each
    if strange_unet(folder):
        return replace(each, fault="", foreign="U-Net by diffusers, without heat maps and controls")
    return replace(each, fault="", foreign=f"{kind}, by diffusers, without {', '.join(CANNOT)}")


def _show(args: argparse.Namespace) -> int:
    told = _told(args.name)
    asked.print_json(told) if args.json else _print(told)
    return 0


def _told(name: str) -> dict[str, object]:
    """What is known of a model that is here, or that is published and could be."""
    from limner.bundle import acceptance, catalogue, shelve
    from limner.bundle.catalogue import Entry
    from limner.bundle.published import published

    told: dict[str, object] = {"name": name, "here": True}
    try:
        path = catalogue.find(name)
    except LimnerError as fault:
        if name not in published() or catalogue.readable(name):
            raise
        about, told = Entry(name, "", name), {"name": name, "here": False, "remedy": fault.remedy}
    else:
        about = catalogue.readable(name) or shelve.described(catalogue.title(name, path), path)
        told |= {"megabytes": round(shelve.bytes_in(path) / 1e6, 1)}
    model, terms = published().get(about.label or about.name), acceptance.licence(name)
    told |= _facts(model) if model else {}
    told |= {key: value for key, value in asdict(about).items() if value not in ("", {}, 0)}
    told |= {"recognised": known} if (known := list(shelve.matches(about.sha256))) else {}
    return told | ({"licence": asdict(terms), "accepted": acceptance.accepted(terms)} if terms else {})


def _facts(model: "Published") -> dict[str, object]:
    sums = {file: asdict(each) for file, each in model.files.items()}
    facts = {"about": model.about, "family": model.family, "prediction": model.prediction, "size": model.size}
    more = {"defaults": dict(model.defaults), "sources": [asdict(each) for each in model.sources]}
    return {key: value for key, value in {**facts, **more, "published sha256": sums or "unknown"}.items() if value}


def _print(told: object, depth: int = 0) -> None:
    """Nested facts, a line each."""
    pairs = told.items() if isinstance(told, dict) else enumerate(told, 1) if isinstance(told, list | tuple) else ()
    for key, value in pairs:
        if value in ("", (), [], {}):
            continue
        if isinstance(value, dict | list | tuple):
            print(f"{'  ' * depth}{key}:")
            _print(value, depth + 1)
        else:
            print(f"{'  ' * depth}{f'{key}: ' if isinstance(key, str) else '- '}{value}")


def _remove(args: argparse.Namespace) -> int:
    from limner.bundle import catalogue, shelve

    about = catalogue.readable(args.name)
    if about and about.own and Path(about.path).exists() and not args.yes:
        size = f"{shelve.bytes_in(Path(about.path)) / 1e6:.1f} MB"
        if not sys.stdin.isatty():
            raise LimnerError(f"{about.path} ({size}) would be deleted", f"limner models remove {args.name} --yes")
        if not asked.agreed(f"Delete {about.path} ({size})?"):
            return 1
    gone = shelve.removed(args.name)
    told = (
        f"{gone.path} is deleted"
        if gone.own
        else f"its files stay at {gone.path}"
        if gone.path
        else "its note was damaged"
    )
    asked.print_json(asdict(gone)) if args.json else print(f"{args.name} is forgotten; {told}")
    return 0


def _accept(args: argparse.Namespace) -> int:
    from limner.bundle import acceptance, catalogue

    terms = acceptance.licence(args.name)
    if terms is None:
        catalogue.find(args.name)
        raise LimnerError(f"the licence of {args.name} is unknown", "there is nothing to accept")
    if not args.json:
        print(terms.text())
    if terms.asks and sys.stdin.isatty() and not args.yes and not asked.agreed("Do you accept this licence?"):
        return 1
    acceptance.accept(terms, args.name)
    asked.print_json({"licence": terms.key, "accepted": True}) if args.json else print(f"{terms.name} is accepted")
    return 0


def _export(args: argparse.Namespace) -> int:
    from limner.bundle.export import export

    written = export(args.name, args.to)
    asked.print_json({"path": str(written)}) if args.json else print(written)
    return 0
