"""`limner space`: the studio as a folder that Hugging Face's Spaces build and serve."""

import argparse
import shutil
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from re import match, search, sub

import limner
from limner.errors import LimnerError

PACKAGE = Path(limner.__path__[0])
PARTS = PACKAGE / "studio" / "space"
CUDA = ("cuda", "nvidia", "triton")  # what torch's build for GPUs brings along, and a Space's processor cannot use
LEGAL = ("LICENSE", "NOTICE")


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(metavar="export", required=True)
    export = jobs.add_parser("export", help="write a folder that is ready to push")
    export.add_argument("to", type=Path, metavar="DIR", help="a new folder")


def run(args: argparse.Namespace) -> int:
    from limner.bundle.whole import scratch

    to: Path = args.to
    if to.exists():
        raise LimnerError(f"{to} is there already", "choose a new folder: nothing is overwritten")
    here = installed("limner")
    if here is None:
        raise LimnerError("limner is not installed, so its packages are not known", "pip install it")
    with scratch(to.absolute().parent) as place:
        whole = place / to.name
        try:
            written(whole, here)
        except shutil.Error as faults:
            where, _, why = faults.args[0][0]
            raise LimnerError(f"{where} cannot be copied: {why}", "free some space or mind rights") from None
        whole.rename(to)
    size = sum(file.stat().st_size for file in to.rglob("*") if file.is_file()) / 1e6
    print(f"{to}: a Space of {size:.0f} MB; docs/deploy.md says how it is pushed")
    return 0


def written(to: Path, here: Distribution) -> None:
    """The studio with what it asks for, in a new folder."""
    shutil.copytree(PARTS, to)
    (to / "gitattributes").rename(to / ".gitattributes")
    shutil.copytree(PACKAGE, to / "limner", ignore=shutil.ignore_patterns("__pycache__"))
    direct = sorted(wanted(here, "studio"))
    (to / "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in direct), encoding="utf-8")
    pins = sorted({*direct, *closure(direct)})
    (to / "constraints.txt").write_text("".join(f"{name}=={version(name)}\n" for name in pins), encoding="utf-8")
    for name in LEGAL:
        if text := here.read_text(f"licenses/{name}"):
            (to / name).write_text(text, encoding="utf-8")


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def version(name: str) -> str:
    """Without the mark of a build: a Space chooses its own."""
    return distribution(name).version.partition("+")[0]


def wanted(of: Distribution, extra: str = "") -> Iterator[str]:
    """What it asks for and is there; what it asks for an extra alone is left out, but for this one."""
    for line in of.requires or []:
        found = match(r"([A-Za-z0-9._-]+)", line)
        name = sub(r"[-_.]+", "-", found[1]).lower() if found else ""
        of_extra = search(r"""\bextra\s*==\s*["']([^"']+)""", line)
        meant = of_extra is None or of_extra[1] == extra
        if meant and not name.startswith(CUDA) and installed(name):
            yield name


def closure(names: list[str]) -> set[str]:
    """Those, what they ask for, and so on."""
    found, left = set[str](), list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += wanted(distribution(name))
    return found
