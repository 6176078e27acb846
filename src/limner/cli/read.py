"""`limner read`: what pictures say about themselves, whoever made them."""

import argparse
from dataclasses import asdict
from pathlib import Path

from limner.cli import asked
from limner.recipe import Recipe, digest, said


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG or WebP file")
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if a picture says nothing."""
    from limner.metadata import read

    found = [(path, *read(path)) for path in args.pictures]
    if args.json:
        asked.print_json([_report(*each) for each in found])
    for each in () if args.json else found:
        print("\n".join(map(_printable, _lines(*each))))
    return int(any(not text and not recipe for _, recipe, text in found))


def _lines(path: Path, recipe: Recipe | None, text: str) -> list[str]:
    if recipe:
        return [str(path), *(f"  {name:9} {value}" for name, value in asdict(recipe).items())]
    if text:
        return [f"{path}: not limner's", *(f"  {line}" for line in text.splitlines())]
    return [f"{path}: says nothing about itself"]


def _printable(line: str) -> str:
    """A picture's text is anybody's: no control sequence of it reaches the terminal."""
    return "".join(each if each.isprintable() else " " for each in line)


def _report(path: Path, recipe: Recipe | None, text: str) -> dict[str, object]:
    from limner.metadata import parse

    parsed = parse(text)
    return {
        "path": str(path),
        "recipe": asdict(recipe) if recipe else None,
        "digest": digest(recipe) if recipe else None,
        "wish": said(parsed.wish()),
        "settings": dict(parsed.settings),
        "text": text,
    }
