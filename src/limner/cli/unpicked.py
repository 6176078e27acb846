"""A job of `limner measure`: a hundred pictures by a rule, on a sheet as they came, and nameless for a reader."""

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.recipe import Wish


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    asked.backend_flag(job)
    job.add_argument(
        "--out", type=Path, default=Path("outputs/unpicked"), metavar="DIR", help="for a reader's files (%(default)s)"
    )


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Every card is drawn once, and every picture that was drawn is shown."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.reading import taught
    from limner.evaluation.unpicked import cards
    from limner.pictures.contact import sheet
    from limner.recipe import Wish

    own(args.out)
    bundle = asked.bundle(args)
    asked_for = cards(*taught(bundle.folder))
    wishes = [Wish(prompt=card.prompt, seed=card.seed) for card in asked_for]
    files = drawings(args, bundle, wishes, args.out.with_name(f"{args.out.name}-drawn"), "unpicked")
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    for card, file in zip(asked_for, files, strict=True):
        shutil.copyfile(file, args.out / card.file)  # no recipe in it: the reader is not told
    key = {"model": bundle.identity, "figure": "unpicked-named", "cards": [asdict(card) for card in asked_for]}
    args.out.with_suffix(".json").write_text(json.dumps(key, indent=2))
    pictures = [opened(file) for file in files]
    drawn = [Figure("pictures", different(pictures), len(asked_for), "at least")]
    details: dict[str, Value] = {"seeds": [0, len(asked_for) - 1], "cards": [asdict(card) for card in asked_for]}
    record(args.figures / "unpicked.json", drawn, bundle.identity, details)
    words = [f"{card.prompt} ({card.seed})" for card in asked_for]
    sheet(pictures, words, columns=10).save(args.figures / "unpicked.png")
    told(f"the same without names are in {args.out}; which is which stands in {args.out.with_suffix('.json')}")
    return drawn


def own(folder: Path) -> None:
    """LimnerError if this is there, and is no folder that an earlier call made, which is emptied."""
    if folder.exists() and not (folder.is_dir() and folder.with_suffix(".json").exists()):
        raise LimnerError(f"{folder} is there already", "name a new folder with --out")


def different(pictures: "Sequence[Picture]") -> int:
    """How many of them are not another one over again, as a network draws that hears or sees nothing any more."""
    return len({picture.tobytes() for picture in pictures})


def drawings(
    args: argparse.Namespace, bundle: "Bundle", wishes: "Sequence[Wish]", folder: Path, name: str
) -> list[Path]:
    """Each wish drawn as this model draws by itself, kept by its recipe; what is there already is not drawn again."""
    from limner.cli.make import resolved
    from limner.evaluation.drawn import draw, place, shelf

    backend = asked.backend(args, bundle).name
    recipes, kept = [resolved(wish, bundle, None) for wish in wishes], folder / shelf(backend, bundle)
    for done in draw(recipes, bundle, backend, kept):
        if done % 20 == 0 or done == len(recipes):
            told(f"{name}: {done} of {len(recipes)} pictures")
    return [place(kept, recipe) for recipe in recipes]
