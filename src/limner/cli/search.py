"""`limner search`: the pictures of a folder that are most like a sentence, or like another picture."""

import argparse
import io
import sys
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limner.bundle.clip import Clip
    from limner.engine.run import Picture
    from limner.evaluation.album import Album

THUMBNAIL, LARGE = 48, 128  # pixels, on a map and on a sheet
LEAST = 3  # pictures of a map


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of pictures, those in its folders included")
    parser.add_argument("words", nargs="?", metavar="TEXT", help="what to find, such as 'a red apple'")
    parser.add_argument("--like", type=Path, metavar="PICTURE", help="find what looks like this picture")
    parser.add_argument("--count", type=int, default=5, metavar="N", help="how many to name (%(default)s)")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="draw what is found, as a new PNG file")
    parser.add_argument(
        "--map", type=Path, metavar="FILE", help="draw where the folder's pictures lie, as a new PNG file"
    )
    asked.bundle_flags(parser)
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """1 if a file of the folder was no picture, or its pictures make no map."""
    sensible(args)
    from limner.bundle.clip import open_clip
    from limner.evaluation.album import opened

    clip = open_clip(asked.bundle(args))
    like = opened(args.like, clip.side) if args.like else None  # before the folder, which may take long
    if args.words:
        cut(clip, "text", [args.words])
    album = looked_at(args.folder, clip)
    found = answers(args, album, clip, like)
    if args.sheet:
        draw_sheet(found, args.sheet)
    shape, faults = dict[str, float](), bool(album.bad)
    try:
        shape = draw_map(album, args.map) if args.map else {}
    except LimnerError as fault:
        if not found:
            raise
        faults = True
        print(asked.printable(f"limner: no map is drawn: {fault}"), file=sys.stderr)
    if args.json:
        asked.print_json(
            {
                "folder": str(args.folder),
                "pictures": len(album.leaves),
                "new": album.new,
                "bad": dict(album.bad),
                "answers": [{"path": str(path), "similarity": round(cosine, 4)} for path, cosine in found],
                **shape,
            }
        )
    else:
        lines = [f"{cosine:6.3f}  {path}" for path, cosine in found]
        lines += [f"{name.replace('_', ' ')} {value:.3f}" for name, value in shape.items()]
        print("\n".join(map(asked.printable, lines)))
    return int(faults)


def sensible(args: argparse.Namespace) -> None:
    """LimnerError where the flags ask for nothing, for two things at once, or for a file that is there."""
    if args.words is not None and args.like:
        raise LimnerError("a text and --like are two questions", "ask one at a time")
    question = args.like or (args.words or "").strip()
    if not question and (args.sheet or args.words is not None or not args.map):
        raise LimnerError("nothing to look for", 'say what: limner search FOLDER "a red apple", or --like PICTURE')
    if args.count < 1:
        raise LimnerError(f"count {args.count} is out of range", "choose at least 1")
    if args.sheet and args.sheet == args.map:
        raise LimnerError("--sheet and --map are one file", "name two")
    for file in filter(None, (args.sheet, args.map)):
        free(file)


def free(file: Path) -> None:
    """LimnerError unless this may become a new PNG file."""
    if file.suffix.lower() != ".png":
        raise LimnerError(f"{file} does not end in .png", "what is drawn is a PNG file")
    if file.exists():
        raise LimnerError(f"{file} exists", "nothing is overwritten: choose another name")
    if not file.parent.is_dir():
        raise LimnerError(f"{file.parent} is no folder", "make it first, or choose another")


def cut(clip: "Clip", name: str, texts: "Sequence[str]") -> None:
    """A note on stderr if one of these is longer than CLIP reads: unlike a prompt it is not read in parts."""
    if unread := next(filter(None, map(clip.tokenizer.unread, texts)), ""):
        line = f"limner: the {name} is longer than the model reads at once: this is not read: {shorten(unread, 80)}"
        print(asked.printable(line), file=sys.stderr)


def looked_at(folder: Path, clip: "Clip") -> "Album":
    """The folder, looked at as far as it was not before; what is no picture is named on stderr."""
    from tqdm import tqdm

    from limner.evaluation.album import index

    pieces = index(folder, clip)
    with tqdm(total=0, disable=not sys.stderr.isatty(), leave=False, unit="picture") as bar:
        while True:
            try:
                bar.n, bar.total = next(pieces)
                bar.refresh()
            except StopIteration as done:
                album: Album = done.value
                break
    for name, why in album.bad.items():
        print(asked.printable(f"limner: {folder / name} {why}"), file=sys.stderr)
    return album


def answers(args: argparse.Namespace, album: "Album", clip: "Clip", like: "Picture | None") -> list[tuple[Path, float]]:
    from limner.evaluation.alignment import floats

    if like is not None:
        return album.nearest(clip.pictures(floats([like]))[0], args.count, besides=args.like)
    return album.nearest(clip.captions([args.words])[0], args.count) if args.words else []


def draw_sheet(found: list[tuple[Path, float]], file: Path) -> None:
    from limner.evaluation.album import opened
    from limner.metadata import place
    from limner.pictures.contact import sheet

    if not found:
        raise LimnerError("nothing was found to draw", "search a folder with other pictures")
    drawn = io.BytesIO()
    words = [f"{cosine:.2f} {path.name}" for path, cosine in found]
    sheet([opened(path, LARGE) for path, _ in found], words).save(drawn, "PNG")
    place(drawn.getvalue(), file)


def draw_map(album: "Album", file: Path) -> dict[str, float]:
    """The map, and the numbers that go with it."""
    from limner.evaluation.album import opened
    from limner.evaluation.atlas import MOST, pictured
    from limner.evaluation.space import isoscore, mean_cosine
    from limner.metadata import place

    different = len({leaf.sha256 for leaf in album.leaves})
    if different < LEAST:
        raise LimnerError(f"a map needs {LEAST} different pictures, not {different}", "give the folder more")
    step = -(-len(album.leaves) // MOST)
    shape = {"mean_cosine": round(mean_cosine(album.features), 4), "isoscore": round(isoscore(album.features), 4)}
    shown = {k: opened(album.paths[k], THUMBNAIL) for k in range(0, len(album.leaves), step)}
    title = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in shape.items())
    place(pictured(album.features, shown, f"{len(album.leaves)} pictures: {title}"), file)
    return shape
