"""A job of `limner measure`: which pictures that the model draws are copies of one of its training pictures?"""

import argparse
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.progress import above_zero, told
from limner.cli.unpicked import drawings
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.engine.run import Picture
    from limner.evaluation.copies import Calibration
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.nearest import Index, Match

SHOWN = 10  # pairs
FIRST = 3_000_000  # seed of the pictures beside the unpicked hundred
MOST = 50  # percent of pictures that may be copies: a model of few drawings a noun that is not mostly a copying machine
FOUND, FALSE = 70, 3  # percent of copies that the threshold must find, and of others that it may find
POINTS = 100
UNTAUGHT = "not in the styles that limner.json names: an earlier training that it began with may have seen some of them"


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    asked.backend_flag(job)
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument(
        "--out",
        type=Path,
        default=Path("outputs/unpicked"),
        metavar="DIR",
        help="that of measure unpicked (%(default)s)",
    )
    job.add_argument("--count", type=int, default=300, metavar="N", help="nouns beside that hundred (%(default)s)")
    job.add_argument(
        "--renders", type=int, default=400, metavar="N", help="drawings to choose the threshold by (%(default)s)"
    )


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """First what a copy is, then how much the model copies, and as a null how near other sets' drawings are."""
    from limner.evaluation.copies import calibrated, divided, highest, plot, shown
    from limner.evaluation.drawn import opened
    from limner.evaluation.figures import record
    from limner.evaluation.reading import taught
    from limner.recipe import Wish

    above_zero("count", args.count)
    if args.renders < 2:
        raise LimnerError(f"renders {args.renders} is out of range", "choose at least 2: half of them are the test")
    bundle = asked.bundle(args)
    words, styles = taught(bundle.folder)
    index = indexed(args.corpus, styles)
    side, (learnt, other) = int(bundle.defaults["width"]), divided(index.corpus, styles)
    found = calibrated(index, list(shown(index.corpus, learnt, bundle, side, args.renders, 0)), looked("shown again"))
    unseen = shown(index.corpus, other, bundle, side, args.renders, 1) if other else ()
    null = [highest(index.nearest(each.picture)) for each in unseen]
    asked_for = everything(words, styles, args.count)
    wishes = [Wish(prompt=prompt, seed=seed) for prompt, seed in asked_for]
    folder = args.out.with_name(f"{args.out.name}-drawn")
    pictures = [opened(file) for file in drawings(args, bundle, wishes, folder, "nearest")]
    matches, told_so = list["list[Match]"](), looked("drawn pictures")
    for picture in pictures:
        matches.append(index.nearest(picture))
        told_so(len(matches))
    drawn = [highest(each) for each in matches]
    rated = rates(found, drawn)
    pairs = [k for k in sorted(range(len(drawn)), key=lambda k: -drawn[k])[:SHOWN] if matches[k]]
    details: dict[str, Value] = {
        **described(found, drawn, null),
        "training pictures": len(index.places),
        "sets": list(learnt),
        "never trained on": list(other),
        "never trained on means": UNTAUGHT,
        "seeds": {"unpicked": [0, len(asked_for) - args.count - 1], "further": [FIRST, FIRST + args.count - 1]},
        "nearest": [paired(*asked_for[k], matches[k][0], index) for k in pairs],
    }
    record(args.figures / "nearest.json", rated, bundle.identity, details)
    plot(drawn, null, found, found.threshold, args.figures / "nearest-distribution.png")
    if pairs:
        page(index, [(asked_for[k], pictures[k], matches[k][0]) for k in pairs], args.figures / "nearest.png")
    return rated


def indexed(folder: Path | None, styles: "Collection[str]") -> "Index":
    """The training pictures of these styles, all if none is named, to be looked up; LimnerError where there are none.

    What is looked up by is made where it is not there.
    """
    from limner.bundle.catalogue import home
    from limner.evaluation.nearest import Index, build, learnt
    from limner.pictures.sets import Corpus

    corpus, kept = Corpus(folder or home() / "pictures"), home() / "nearest"
    places = learnt(corpus, styles) if styles else range(len(corpus))
    if not places:
        raise LimnerError(f"{corpus.folder} has no picture in {', '.join(styles)}", "run `limner pictures build`")
    for done in build(corpus, kept):
        told(f"{done} of {len(corpus)} training pictures can be looked up")
    return Index(corpus, kept, places)


def looked(what: str) -> "Callable[[int], None]":
    return lambda done: told(f"{what}: {done} looked up") if done % 50 == 0 else None


def everything(words: "Sequence[str]", styles: "Sequence[str]", count: int) -> list[tuple[str, int]]:
    """Prompts and seeds: the unpicked hundred, and nouns in all styles."""
    from limner.evaluation.equal import questions
    from limner.evaluation.unpicked import cards

    hundred = [(card.prompt, card.seed) for card in cards(words, styles)]
    return [*hundred, *((each.prompt, each.seed) for each in questions(words, styles, count, FIRST))]


def rates(found: "Calibration", drawn: "Sequence[float]") -> "list[Figure]":
    from limner.evaluation.figures import Figure

    others, copies = found.others[1::2], [value >= found.threshold for value in drawn]
    again = [value >= found.threshold for value in found.again]
    false = [value >= found.threshold for value in others]

    def percent(right: "Sequence[bool]") -> float:
        return round(POINTS * sum(right) / len(right), 1)

    return [
        Figure("copies_found", percent(again), FOUND, "at least", " %"),
        Figure("others_called_copies", percent(false), FALSE, "at most", " %"),
        Figure("copy_rate", percent(copies), MOST, "at most", " %"),
    ]


def described(found: "Calibration", drawn: "Sequence[float]", null: "Sequence[float]") -> "dict[str, Value]":
    """How the threshold came about, and all that was compared with it."""
    from limner.evaluation.copies import FALSE as CHOSEN
    from limner.evaluation.copies import by_ground, counted, spread

    least = found.threshold
    return {
        "threshold": round(least, 3),
        "chosen so that of others are called copies": CHOSEN,
        "ROC area": round(found.area, 4),
        "ROC": [[round(value, 4) for value in point] for point in found.curve()],
        "drawn": counted(drawn, least),
        "training drawings shown again": counted(found.again, least) | {"by ground": by_ground(found)},
        "drawings looked up without their own": counted(found.others[1::2], least),
        "drawings never trained on": counted(null, least) if null else None,
        "spread is": "least, 10 %, 25 %, 50 %, 75 %, 90 %, most",
        "spread": {
            "drawn": spread(drawn),
            "shown again": spread(found.again),
            "without their own": spread(found.others),
            "never trained on": spread(null) if null else None,
        },
    }


def paired(prompt: str, seed: int, match: "Match", index: "Index") -> "dict[str, Value]":
    record = index.corpus.records[match.place]
    return {
        "prompt": prompt,
        "seed": seed,
        "likeness": round(match.likeness, 3),
        "key": record.key,
        "label": record.label,
        "author": record.author,
        "licence": record.licence,
        "source": record.source,
    }


def page(index: "Index", pairs: "Sequence[tuple[tuple[str, int], Picture, Match]]", file: Path) -> None:
    """What was drawn, each beside the training drawing that it is most like."""
    import numpy as np

    from limner.pictures.contact import sheet

    pictures, words = list[np.ndarray](), list[str]()
    for (prompt, seed), picture, match in pairs:
        record = index.corpus.records[match.place]
        pictures += [picture, index.corpus.image(match.place, len(picture))]
        words += [
            f"drawn: {prompt} ({seed})",
            f"{match.likeness:.2f}: {record.key}, {record.author}, {record.licence}",
        ]
    sheet(pictures, words, columns=4, lines=4).save(file)
