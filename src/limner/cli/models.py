"""`limner models`: what can be drawn with, each opened to see that it is whole."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

from limner.cli import asked
from limner.errors import LimnerError


@dataclass(frozen=True, slots=True)
class Listed:
    """A model of the catalogue; `fault` says what is wrong with it, `foreign` who draws with it and what he cannot."""

    name: str
    folder: str
    megabytes: float
    identity: str = ""
    licence: str = ""
    size: str = ""
    foreign: str = ""
    fault: str = ""


def flags(parser: argparse.ArgumentParser) -> None:
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if one of them is damaged."""
    from limner.bundle.catalogue import home, known

    found = [_listed(name, folder) for name, folder in known().items()]
    if args.json:
        asked.print_json([asdict(each) for each in found])
        return int(any(each.fault for each in found))
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        about = each.fault or each.foreign or f"{each.identity[:10]}  {each.size:>9}  {each.licence}"
        print(f"{each.name:{width}}  {each.megabytes:7.1f} MB  {about}")
    if not found:
        print(f"no models here; put diffusers folders into {home() / 'models'}")
    return int(any(each.fault for each in found))


def _listed(name: str, folder: Path) -> Listed:
    from limner.bundle import open_bundle
    from limner.bundle.layout import read_json
    from limner.engine.border import stranger
    from limner.engine.foreign import CANNOT
    from limner.engine.untapped import strange_unet

    megabytes = round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6, 1)
    try:
        if strange_unet(folder) and stranger(folder):
            return Listed(name, str(folder), megabytes, foreign="U-Net by diffusers, without heat maps and controls")
        if kind := stranger(folder):
            return Listed(name, str(folder), megabytes, foreign=f"{kind}, by diffusers, without {', '.join(CANNOT)}")
        bundle = open_bundle(folder)
        about = read_json(folder / "limner.json") if (folder / "limner.json").exists() else {}
    except LimnerError as fault:
        return Listed(name, str(folder), megabytes, fault=str(fault))
    size = f"{bundle.defaults['width']}x{bundle.defaults['height']}"
    licence = str(about.get("licence", "licence unknown"))
    return Listed(name, str(folder), megabytes, bundle.identity, licence, size)
