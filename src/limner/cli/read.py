"""`limner read`: what pictures say about themselves, whoever made them."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, vouching
from limner.errors import LimnerError
from limner.recipe import digest, said

if TYPE_CHECKING:
    from limner.evaluation.nearest import Index
    from limner.metadata import Reading

NEAREST = 3  # drawings that are told of
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="PNG, JPEG or WebP file, or a folder of them"
    )
    parser.add_argument(
        "--credit", action="store_true", help="also whose training picture each is most like; needs the pictures"
    )
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if a picture says nothing, or one of several cannot be read or looked at."""
    from limner.metadata import read

    paths = list(_paths(args.pictures))
    found = [(paths[0], read(paths[0]))] if len(paths) == 1 else [(path, _tried(path)) for path in paths]
    owed = _owed(found, args.corpus) if args.credit else {}
    vouched = {path: vouching.vouched(path, reading) for path, reading in found if not isinstance(reading, LimnerError)}
    if args.json:
        seals = {path: {"signed": seal.report()} for path, seal in vouched.items()}
        asked.print_json([_report(*each) | seals.get(each[0], {}) | owed.get(each[0], {}) for each in found])
    for path, reading in () if args.json else found:
        signed = vouched[path].lines() if path in vouched else ()
        print("\n".join(map(asked.printable, (*_lines(path, reading), *signed, *_credit(owed.get(path, {}))))))
    unsaid = any(isinstance(reading, LimnerError) or not (reading.text or reading.recipe) for _, reading in found)
    return int(unsaid or any("fault" in each for each in owed.values()))


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


def _owed(
    found: "Sequence[tuple[Path, Reading | LimnerError]]", corpus: Path | None
) -> "dict[Path, dict[str, object]]":
    """For each picture that can be read what training picture it is most like, and the credit it owes.

    Among several, one that cannot be looked at keeps nobody from the others.
    """
    from limner.cli.nearest import indexed
    from limner.evaluation.album import itself
    from limner.evaluation.nearest import COPY, credit, credited

    owed, indices = dict[Path, dict[str, object]](), dict[tuple[str, ...], "Index"]()
    for path, reading in found:
        if isinstance(reading, LimnerError):
            continue
        styles = tuple(_styles(reading))
        index = indices.get(styles) or indices.setdefault(styles, indexed(corpus, styles))
        try:
            matches = index.nearest(itself(path))
        except LimnerError as fault:
            if len(found) == 1:
                raise
            owed[path] = {"fault": str(fault)}
            continue
        nearest = [
            {"likeness": round(match.likeness, 3), "drawing": credit(index.corpus.records[match.place])}
            for match in matches[:NEAREST]
        ]
        owed[path] = {"nearest": nearest, "copy_from": COPY, "credit": credited(index.corpus, matches)}
    return owed


def _styles(reading: "Reading") -> list[str]:
    """The styles that the picture's model was taught, if it says which one, and that is here and says so; else none."""
    from limner.bundle.catalogue import find
    from limner.evaluation.reading import taught

    try:
        return taught(find(reading.model))[1] if reading.model else []
    except LimnerError:
        return []


def _credit(owed: Mapping[str, object]) -> Iterator[str]:
    """Lines of the nearest drawings, and of whom to name."""
    if fault := owed.get("fault"):
        yield f"  credit      {fault}"
        return
    nearest, credit = owed.get("nearest", []), owed.get("credit", [])
    assert isinstance(nearest, list)
    assert isinstance(credit, list)
    if owed and not nearest:
        yield "  nearest     nothing stands out from its ground"
    for number, each in enumerate(nearest):
        yield f"  {'' if number else 'nearest':11} {each['likeness']:.2f} like {each['drawing']}"
    for line in credit:
        yield f"  credit      after {line}"
    if nearest and not credit:
        yield f"  credit      none owed: a copy is {owed['copy_from']} like its drawing, or more"
