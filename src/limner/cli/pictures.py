"""`limner pictures`: the pictures that limner-mini is trained on, fetched, looked at and described."""

import argparse
import io
import sys
from pathlib import Path

from limner.cli import asked
from limner.errors import LimnerError


def flags(parser: argparse.ArgumentParser) -> None:
    jobs = parser.add_subparsers(required=True, metavar="build | show | datasheet")
    build = jobs.add_parser("build", help="fetch the pinned packages and render them; continues where it stopped")
    build.add_argument("--sets", nargs="+", metavar="SET", help="picture sets; all if left out")
    build.add_argument("--side", type=int, default=128, help="width and height in pixels, 128 or 256 (%(default)s)")
    build.add_argument("--limit", type=int, metavar="N", help="at most so many drawings of each set")
    build.add_argument("--seed", type=int, default=0, metavar="N", help="chooses which (%(default)s)")
    asked.workers_flag(build, "render")
    build.set_defaults(job=_build)
    show = jobs.add_parser("show", help="draw a contact sheet of some of them")
    show.add_argument("--count", type=int, default=48, metavar="N", help="pictures on the sheet (%(default)s)")
    show.add_argument("--seed", type=int, default=0, metavar="N", help="chooses which (%(default)s)")
    asked.folder_flag(show)
    show.set_defaults(job=_show)
    datasheet = jobs.add_parser("datasheet", help="print what one must know of them before training, as Markdown")
    datasheet.set_defaults(job=_datasheet)
    for job in (build, show, datasheet):
        job.add_argument(
            "--corpus", type=Path, metavar="DIR", help="where the pictures are; ~/.limner/pictures if left out"
        )
    for job in (build, show, datasheet):
        asked.json_flag(job)


def run(args: argparse.Namespace) -> int:
    code: int = args.job(args)
    return code


def _corpus(args: argparse.Namespace) -> Path:
    folder: Path | None = args.corpus
    if folder is None:
        from limner.bundle.catalogue import home

        folder = home() / "pictures"
    return folder


def _build(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from limner.pictures.build import build

    folder, kept = _corpus(args), dict[str, int]()
    with tqdm(total=0, disable=not sys.stderr.isatty(), leave=False, unit="picture") as bar:
        for progress in build(folder, args.sets, args.side, args.limit, args.seed, workers=args.workers):
            bar.set_description(progress.set)
            bar.total, bar.n = progress.total, progress.done
            bar.refresh()
            kept[progress.set] = progress.kept
    if args.json:
        asked.print_json({"folder": str(folder), "pictures": kept})
    else:
        print("\n".join([*(f"{name:12} {count:6} pictures" for name, count in kept.items()), str(folder)]))
    return 0


def _show(args: argparse.Namespace) -> int:
    from random import Random

    from limner.metadata import deposit, prepare
    from limner.pictures.contact import sheet
    from limner.pictures.sets import Corpus

    if args.count < 1:
        raise LimnerError(f"count {args.count} is out of range", "choose at least 1")
    corpus = Corpus(_corpus(args))
    prepare(args.out)
    chosen = sorted(Random(args.seed).sample(range(len(corpus)), min(args.count, len(corpus))))
    pictures = [corpus.image(i, corpus.manifest.size) for i in chosen]
    file = io.BytesIO()
    sheet(pictures, [corpus.records[i].label for i in chosen]).save(file, "PNG")
    path = deposit(file.getvalue(), args.out, "-pictures.png")
    if args.json:
        asked.print_json({"path": str(path), "pictures": [corpus.records[i].key for i in chosen]})
    else:
        print(path)
    return 0


def _datasheet(args: argparse.Namespace) -> int:
    from limner.pictures.datasheet import counted, datasheet
    from limner.pictures.sets import read_manifest

    counts = counted(read_manifest(_corpus(args)))
    if args.json:
        asked.print_json(counts.described())
    else:
        print(datasheet(counts), end="")
    return 0
