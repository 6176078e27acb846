"""A job of `limner measure`: the nouns that their outline alone tells, which measure composition may then ask for."""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, drawn
from limner.cli.progress import told

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.seen import Eye

LOOKS = 2  # by which nouns are chosen
SHOWN = 60
FEW = 64
TARGET = 0.9


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    drawn.scene_flags(job)
    job.add_argument("--words", type=Path, metavar="FILE", help="where the nouns go, for the package")


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Chosen by two looks at every drawing's silhouette, examined by a third at other sizes, colours and places."""
    from limner.bundle.catalogue import home
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.outlines import silhouettes, telling
    from limner.pictures.contact import sheet
    from limner.pictures.sets import Corpus
    from limner.training.preset import PRESETS

    bundle, who, mix = asked.bundle(args), drawn.eye(), PRESETS[args.preset].mix
    corpus, side = Corpus(args.corpus or home() / "pictures"), int(bundle.defaults["width"])
    looks = [looked(decoded(silhouettes(corpus, mix, side, turn), bundle), who) for turn in range(LOOKS)]
    words = telling(looks)
    shown = decoded(silhouettes(corpus, mix, side, LOOKS), bundle)
    again = looked(shown, who)
    kept = [right for word in words for right in again[word]]
    everything = [right for each in again.values() for right in each]
    details: dict[str, Value] = {
        "oracle": who.identity,
        "nouns": len(again),
        "nouns that their outline tells": len(words),
        "named rightly, all nouns": drawn.share(everything),
        "named rightly, those that their outline tells": drawn.share(kept),
        "words": words,
    }
    found = [Figure("outlines_named_again", round(sum(kept) / max(1, len(kept)), 4), TARGET, "at least")]
    record(args.figures / "outlines.json", found, bundle.identity, details)
    if args.words:
        args.words.write_text(json.dumps({"oracle": who.identity, "words": words}, indent=0) + "\n", encoding="utf-8")
    few = shown[:: -(-len(shown) // SHOWN)]
    said = [f"{'told' if word in words else 'not told'}: {word}" for word, _ in few]
    sheet([picture for _, picture in few], said, 10).save(args.figures / "outlines.png")
    return found


def decoded(pictures: "Iterable[tuple[str, Picture]]", bundle: "Bundle") -> "list[tuple[str, Picture]]":
    """As pictures are that come out of the autoencoder."""
    from limner.evaluation.fidelity import round_trip

    return [(word, round_trip(picture, bundle)) for word, picture in pictures]


def looked(pictures: "Sequence[tuple[str, Picture]]", who: "Eye") -> "Mapping[str, Sequence[bool]]":
    """Of each noun whether each of its outlines was named rightly."""
    from limner.evaluation.outlines import named

    right = defaultdict[str, list[bool]](list)
    for start in range(0, len(pictures), FEW):
        few = pictures[start : start + FEW]
        told(f"outlines: looked at {start + len(few)} of {len(pictures)}")
        for (word, _), seen in zip(few, who.see([picture for _, picture in few]), strict=True):
            right[word].append(named(word, seen, who))
    return right
