"""Two jobs of `limner measure`: pictures for a reader who is told nothing, and how often the oracle agrees."""

import argparse
import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure

PERCENT = 100
SHEET, COLUMNS = 20, 5  # pictures of a sheet


def label_flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    asked.backend_flag(job)
    job.add_argument("--out", type=Path, default=Path("outputs/labels"), metavar="DIR", help="new folder (%(default)s)")


def labelled_flags(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "names",
        type=Path,
        nargs="+",
        metavar="NAMES.csv",
        help="lines file,word as a reader wrote them; of several readers' the word of more than half counts",
    )
    job.add_argument("--key", type=Path, required=True, metavar="KEY.json", help="what measure label wrote")
    job.add_argument("--reader", required=True, metavar="TEXT", help="who or what looked")


def label(args: argparse.Namespace) -> int:
    """Draw 300 pictures as shuffled files and sheets, and the words to choose from; which is which is written apart."""
    import numpy as np
    from PIL import Image

    from limner.cli.make import resolved
    from limner.engine import run as draw
    from limner.evaluation.labels import BROKEN, asked_for
    from limner.evaluation.oracle import opened
    from limner.evaluation.reading import taught
    from limner.metadata import prepare
    from limner.pictures.contact import sheet

    bundle, oracle, key = asked.bundle(args), opened(), args.out.with_suffix(".json")
    if args.out.exists() or key.exists():
        raise LimnerError(f"{args.out} is there already", "name a new folder with --out")
    cards = asked_for(*taught(bundle.folder))
    prepare(args.out)
    recipes = [resolved(card.wish, bundle, None) for card in cards]
    drawn = {
        cards[index].file: picture for index, picture in draw(recipes, bundle, backend=asked.backend(args, bundle))
    }
    for file, picture in drawn.items():
        Image.fromarray(picture).save(args.out / file)
    files = sorted(drawn)
    for start in range(0, len(files), SHEET):
        few = files[start : start + SHEET]
        larger = [np.asarray(Image.fromarray(drawn[file]).resize((256, 256), Image.Resampling.LANCZOS)) for file in few]
        sheet(larger, few, COLUMNS).save(args.out / f"sheet-{start // SHEET:02}.png")
    (args.out / "words.txt").write_text("\n".join([*oracle.known.words, BROKEN]) + "\n", encoding="utf-8")
    about = {"model": bundle.identity}
    cards_said = [
        {"file": card.file, "kind": card.kind, "prompt": card.wish.prompt, "seed": card.wish.seed} for card in cards
    ]
    key.write_text(json.dumps(about | {"cards": cards_said}, indent=2), encoding="utf-8")
    print(
        f"{len(cards)} pictures without names are in {args.out}, the words in words.txt; which is which stands in {key}"
    )
    return 0


def labelled(args: argparse.Namespace) -> "Sequence[Figure]":
    """Count where the oracle and the readers agree."""
    from scipy.stats import binomtest

    from limner.evaluation.figures import Figure, record
    from limner.evaluation.labels import compared, said
    from limner.evaluation.oracle import opened
    from limner.pictures.contact import sheet

    oracle = opened()
    text = written(args.key, "label")
    try:
        key = json.loads(text)
        model, cards = str(key["model"]), {str(card["file"]): card for card in key["cards"]}
    except (ValueError, KeyError, TypeError) as error:
        raise LimnerError(f"{args.key} is not what measure label wrote", "see measure --help") from error
    if not cards:
        raise LimnerError(f"{args.key} is not what measure label wrote: it has no cards", "see measure --help")
    readings = [reading(names, cards) for names in args.names]
    files = sorted(cards)
    answers = {file: [each[file] for each in readings] for file in files}
    pictures = shown(args.key, files, "label")
    seen = dict(zip(files, oracle.see(pictures), strict=True))
    found = compared(oracle, seen, answers)
    figures = [
        Figure("agreed", round(PERCENT * found.agreed / max(1, found.given), 1), 97, "at least", " %"),
        Figure("alpha", round(found.alpha, 4), 0.8, "at least"),
    ]
    low, high = binomtest(found.agreed, max(1, found.given)).proportion_ci(method="wilson")
    details = {
        "reader": args.reader,
        "interval": [round(low, 3), round(high, 3)],
        "model": model,
        **asdict(found),
        "cards": [cards[file] | {"answers": answers[file], "oracle": said(seen[file]) or "no word"} for file in files],
    }
    record(args.figures / "labels.json", figures, oracle.identity, details)
    words = [" | ".join([said(seen[file]) or "-", *dict.fromkeys(answers[file])]) for file in files]
    sheet(pictures, words, 15).save(args.figures / "labels.png")
    return figures


def reading(names: Path, cards: Mapping[str, object]) -> dict[str, str]:
    """One reader's word for each file; LimnerError where there is none."""
    try:
        lines = csv.reader(names.read_text(encoding="utf-8").splitlines())
        words = {row[0].strip(): row[1].strip() for row in lines if len(row) > 1 and row[0].strip() in cards}
    except (OSError, ValueError, csv.Error) as error:
        raise LimnerError(f"{names} cannot be read as lines file,word", "see measure --help") from error
    if missing := sorted(set(cards) - set(words)):
        raise LimnerError(f"{names}: no word was given to {', '.join(missing[:5])}", "write broken for what is nothing")
    return words


def written(key: Path, job: str) -> str:
    """What `limner measure JOB` wrote beside a reader's pictures; LimnerError where it cannot be read."""
    try:
        return key.read_text(encoding="utf-8")
    except OSError as error:
        raise LimnerError(f"{key} cannot be read: {error.strerror}", f"limner measure {job} writes it") from error
    except UnicodeError as error:
        raise LimnerError(f"{key} is not what measure {job} wrote", "see measure --help") from error


def shown(key: Path, files: Sequence[str], job: str) -> "list[Picture]":
    """The pictures that a reader was shown, beside their key; LimnerError where one is not there any more."""
    from limner.evaluation.album import itself

    folder = key.with_suffix("")
    if not folder.is_dir():
        raise LimnerError(f"{folder} is no folder", f"limner measure {job} draws its pictures beside {key}")
    return [itself(folder / file) for file in files]
