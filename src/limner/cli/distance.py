"""A job of `limner measure`: how far drawn pictures are, as a crowd, from composed scenes of the same captions."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import drawn
from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    import numpy as np

    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.frechet import Apart
    from limner.evaluation.seen import Eye
    from limner.pictures.scenes import Mix, Scene
    from limner.pictures.sets import Corpus

FIRST = 7_000_000  # seed of the first picture
HALFWAY = 0.5  # from the floor to the nearest planted-bad crowd: what drawn pictures may be at most
BLIND = 2.0  # how many times the floor a planted-bad crowd has to be, or the features see nothing
SOFT = 1 / 32  # of a side: the blur that is planted


def flags(job: argparse.ArgumentParser) -> None:
    drawn.flags(job)
    drawn.scene_flags(job)
    job.add_argument("--count", type=int, default=1600, metavar="N", help="pictures of each crowd (%(default)s)")


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Captions of one half of the scenes are drawn, and compared with the other half."""
    from limner.bundle.catalogue import home
    from limner.evaluation.charts import bars
    from limner.evaluation.figures import record
    from limner.evaluation.frechet import Apart, apart
    from limner.pictures.sets import Corpus
    from limner.recipe import Wish
    from limner.training.preset import PRESETS

    if args.count < 3:
        raise LimnerError(f"count {args.count} is out of range", "crowds are compared: choose some hundreds")
    who, drawing = drawn.eye(), drawn.Drawing(args)
    corpus, mix = Corpus(args.corpus or home() / "pictures"), PRESETS[args.preset].mix
    side = int(drawing.bundle.defaults["width"])
    captions, real = halves(corpus, mix, side, args.count, who)
    recipes = [drawing.recipe(Wish(prompt=caption, seed=FIRST + k)) for k, caption in enumerate(captions)]
    files = drawing.files(recipes, "distance")
    crowds = {"other scenes": real[0], "drawn": features((opened(file) for file in files), who)}
    crowds |= planted(corpus, mix, side, args.count, who)
    found = dict[str, Apart]()
    for name, crowd in crowds.items():
        told(f"distance: {name}")
        found[name] = apart(crowd, real[1])
    taken = judged(found)
    details: dict[str, Value] = {
        **drawing.described(recipes[0], who),
        "pictures of each crowd": args.count,
        "features": int(real[0].shape[1]),
        "scenes": args.preset,
        "interval": "95%, normal, on 100 bootstrapped distances; the pictures are resampled",
        "from held-apart scenes": {name: described(each) for name, each in found.items()},
    }
    record(args.figures / "distance.json", taken, drawing.bundle.identity, details)
    panels = {
        "Frechet distance": {name: each.frechet for name, each in found.items()},
        "kernel distance (cubic MMD^2)": {name: each.kernel for name, each in found.items()},
    }
    bars(panels, "in oracle features, from held-apart scenes", args.figures / "distance.png")
    return taken


def opened(file: Path) -> "Picture":
    from limner.evaluation.drawn import opened

    return opened(file)


def scenes(corpus: "Corpus", mix: "Mix", side: int, count: int, purpose: str) -> "Iterator[Scene]":
    from random import Random

    from limner.pictures.scenes import compose
    from limner.process.noise import key

    for number in range(count):
        yield compose(corpus, Random(key(0, f"distance {purpose}", number)), side, mix)


def halves(
    corpus: "Corpus", mix: "Mix", side: int, count: int, who: "Eye"
) -> "tuple[list[str], tuple[np.ndarray, np.ndarray]]":
    """The captions of one half, and the features of both."""
    captions = list[str]()

    def first() -> "Iterator[Picture]":
        for scene in scenes(corpus, mix, side, count, "asked"):
            captions.append(scene.caption)
            yield scene.image

    one = features(first(), who)
    return captions, (one, features((scene.image for scene in scenes(corpus, mix, side, count, "compared")), who))


def planted(corpus: "Corpus", mix: "Mix", side: int, count: int, who: "Eye") -> "dict[str, np.ndarray]":
    """What has to be far off: the asked scenes blurred, and scenes of sets not in the mix, or of one set if all are."""
    from dataclasses import replace

    import numpy as np
    from PIL import Image, ImageFilter

    def blurred(picture: "Picture") -> "Picture":
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(side * SOFT)))

    crowds = {"blurred": features((blurred(scene.image) for scene in scenes(corpus, mix, side, count, "asked")), who)}
    sets = sorted({record.set for record in corpus.records if record.group != "faces"})
    others = tuple(each for each in sets if each not in mix.sets) if mix.sets else tuple(sets[:1])
    foreign = replace(mix, sets=others or mix.sets[:1], people=0.0, faces=0.0, shapes=0.0, tinted=0.0)
    try:
        pictures = (scene.image for scene in scenes(corpus, foreign, side, count, "other"))
        return crowds | {"other styles": features(pictures, who)}
    except LimnerError as fault:  # the corpus has too little of them
        told(f"distance: no scenes in other styles: {fault}")
        return crowds


def features(pictures: "Iterator[Picture]", who: "Eye") -> "np.ndarray":
    """Of all of them, few of which are in memory at a time."""
    from itertools import islice

    import numpy as np

    from limner.evaluation.drawn import AT_ONCE

    found = list[np.ndarray]()
    while few := list(islice(pictures, AT_ONCE)):
        found.append(who.features(few).numpy())
    return np.concatenate(found)


def judged(found: "Mapping[str, Apart]") -> "list[Figure]":
    """Where between the floor (other scenes) and the nearest planted-bad crowd the drawn pictures stand."""
    from limner.evaluation.figures import Figure

    taken = list[Figure]()
    for name in ("frechet", "kernel"):
        value = {crowd: getattr(each, name).value for crowd, each in found.items()}
        floor, drawn_ones = value.pop("other scenes"), value.pop("drawn")
        ceiling = min(value.values())
        part = (drawn_ones - floor) / (ceiling - floor) if ceiling > floor else 1.0
        taken.append(
            Figure(f"{name}_above_floor", round(part, 3), HALFWAY, "at most", " of the way to the nearest planted")
        )
        if name == "frechet":
            taken.append(Figure("planted_over_floor", round(ceiling / floor, 2), BLIND, "at least", " x"))
    return taken


def described(each: "Apart") -> "dict[str, Value]":
    return {
        name: {"distance": round(share.value, 6), "interval": [round(share.low, 6), round(share.high, 6)]}
        for name, share in (("frechet", each.frechet), ("kernel", each.kernel))
    }
