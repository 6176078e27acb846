"""`limner read`: what pictures say about themselves, whoever made them."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError
from limner.recipe import digest, said

if TYPE_CHECKING:
    from limner.metadata import Reading

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG or WebP file, or a folder of them"
    )
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if a picture says nothing, or one of several cannot be read."""
    from limner.metadata import read

    paths = list(_paths(args.pictures))
    found = [(paths[0], read(paths[0]))] if len(paths) == 1 else [(path, _tried(path)) for path in paths]
    if args.json:
        asked.print_json([_report(*each) for each in found])
    for each in () if args.json else found:
        print("\n".join(map(asked.printable, _lines(*each))))
    return int(any(isinstance(reading, LimnerError) or not (reading.text or reading.recipe) for _, reading in found))


def _paths(given: Sequence[Path]) -> Iterator[Path]:
    """The pictures, those of a folder in order; LimnerError if a folder has none."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES)
        if not inside:
            raise LimnerError(f"no pictures in {path}", f"they end in {', '.join(SUFFIXES)}")
        yield from inside


def _tried(path: Path) -> "Reading | LimnerError":
    """Among several, one that cannot be read keeps nobody from the others."""
    from limner.metadata import read

    try:
        return read(path)
    except LimnerError as fault:
        return fault


def _lines(path: Path, reading: "Reading | LimnerError") -> Iterator[str]:
    if isinstance(reading, LimnerError):
        yield f"{path}: {reading}"
        return
    with_model = f" with {reading.model}" if reading.model else ""
    unsaid = "says nothing that limner understands" if reading.text else "says nothing about itself"
    yield f"{path}: made by {reading.maker}{with_model}" if reading.maker else f"{path}: {unsaid}"
    yield from (f"  {name:11} {value}" for name, value in said(reading.wish).items())
    yield from (f"  {'not done:' if not index else '':11} {each}" for index, each in enumerate(reading.unmet))
    if reading.text and not said(reading.wish):
        yield from (f"  {line}" for line in reading.text[:2000].splitlines())


def _report(path: Path, reading: "Reading | LimnerError") -> dict[str, object]:
    if isinstance(reading, LimnerError):
        return {"path": str(path), "fault": str(reading)}
    return {
        "path": str(path),
        "maker": reading.maker,
        "model": reading.model,
        "recipe": asdict(reading.recipe) if reading.recipe else None,
        "digest": digest(reading.recipe) if reading.recipe else None,
        "wish": said(reading.wish),
        "unmet": list(reading.unmet),
        "settings": dict(reading.settings),
        "text": reading.text,
    }
