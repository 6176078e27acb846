"""`limner classify`: which of some words a picture is, told by a model that was trained for none of them."""

import argparse
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.search import cut
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.run import Picture

Likely = list[tuple[str, float]]


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="a picture file")
    parser.add_argument(
        "--words", metavar="TEXT", help="between commas, such as cat,dog,apple; what was taught if left out"
    )
    parser.add_argument("--words-file", type=Path, metavar="FILE", help="of words, one a line")
    parser.add_argument("--count", type=int, default=3, metavar="N", help="how many words to name (%(default)s)")
    asked.bundle_flags(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if one of several pictures cannot be opened."""
    if args.count < 1:
        raise LimnerError(f"count {args.count} is out of range", "choose at least 1")
    given = listed(args)
    from limner.bundle.clip import open_clip
    from limner.evaluation.alignment import centres, floats, probabilities, sayings

    bundle = asked.bundle(args)
    clip, words = open_clip(bundle), given or taught(bundle)
    seen = {path: tried(path, clip.side, alone=len(args.pictures) == 1) for path in args.pictures}
    said = [sayings(word) for word in words]
    for word, ways in zip(words, said, strict=True):
        cut(clip, f"word {shorten(word, 40)!r}", ways)
    classes, told = centres(clip, said), dict[Path, Likely | LimnerError]()
    for path, picture in seen.items():
        if isinstance(picture, LimnerError):
            told[path] = picture
            continue
        (chances,) = probabilities(clip, clip.pictures(floats([picture])), classes).tolist()
        told[path] = sorted(zip(words, chances, strict=True), key=lambda each: -each[1])[: args.count]
    if args.json:
        asked.print_json([report(*each) for each in told.items()])
    else:
        print("\n".join(asked.printable(line(*each)) for each in told.items()))
    return int(any(isinstance(each, LimnerError) for each in told.values()))


def listed(args: argparse.Namespace) -> list[str]:
    """The words that were given, each once; LimnerError unless there are two or more, or none were given."""
    if args.words is not None and args.words_file is not None:
        raise LimnerError("--words and --words-file are two lists", "give one")
    if args.words is None and args.words_file is None:
        return []
    try:
        said = args.words.split(",") if args.words is not None else args.words_file.read_text("utf-8-sig").splitlines()
    except UnicodeError as fault:
        raise LimnerError(f"{args.words_file} is no text", "write a word a line, in UTF-8") from fault
    words = list(dict.fromkeys(" ".join(each.split()) for each in said if each.strip()))
    if len(words) < 2:
        raise LimnerError(f"{len(words)} words are no choice", "give two or more")
    return words


def taught(bundle: "Bundle") -> list[str]:
    """The nouns that the model was taught; LimnerError where it does not say."""
    from limner.evaluation.reading import taught

    try:
        return taught(bundle.folder)[0]
    except LimnerError as fault:
        raise LimnerError(fault.what, "give --words") from fault


def tried(path: Path, side: int, alone: bool) -> "Picture | LimnerError":
    """Among several, one that cannot be opened keeps nobody from the others."""
    from limner.evaluation.album import opened

    try:
        return opened(path, side)
    except LimnerError as fault:
        if alone:
            raise
        return fault


def line(path: Path, told: Likely | LimnerError) -> str:
    if isinstance(told, LimnerError):
        return str(told)
    return f"{path}: {', '.join(f'{word} {chance:.1%}' for word, chance in told)}"


def report(path: Path, told: Likely | LimnerError) -> dict[str, object]:
    if isinstance(told, LimnerError):
        return {"path": str(path), "fault": str(told)}
    return {"path": str(path), "words": [{"word": word, "probability": round(chance, 5)} for word, chance in told]}
