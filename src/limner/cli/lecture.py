"""A job of `limner measure`: the lecture's own sentences, each drawn once and all of them shown."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.unpicked import different, drawings

if TYPE_CHECKING:
    from limner.evaluation.figures import Figure

SEED = 42
COLUMNS, LINES = 5, 12


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    asked.backend_flag(job)
    job.add_argument(
        "--out",
        type=Path,
        default=Path("outputs/lecture"),
        metavar="DIR",
        help="pictures, which are kept (%(default)s)",
    )


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """One sheet: no picture is chosen, none is left out."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.figures import Figure, record
    from limner.pictures.contact import sheet
    from limner.pictures.lecture import lecture
    from limner.recipe import Wish

    bundle, shown = asked.bundle(args), lecture()
    files = drawings(args, bundle, [Wish(prompt=each.prompt, seed=SEED) for each in shown], args.out, "lecture")
    pictures = [opened(file) for file in files]
    drawn = [Figure("pictures", different(pictures), len(shown), "at least")]
    record(
        args.figures / "lecture.json", drawn, bundle.identity, {"seed": SEED, "shown": [asdict(each) for each in shown]}
    )
    words = [each.prompt for each in shown]
    sheet(pictures, words, COLUMNS, LINES).save(args.figures / "lecture.png")
    return drawn
