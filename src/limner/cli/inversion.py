"""A job of `limner measure`: how near a given picture is to what its noise makes of it again, by each inversion."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, drawn
from limner.cli.heat import STEPS
from limner.cli.progress import above_zero, told

if TYPE_CHECKING:
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.pictures.scenes import Scene

LOUD = 7.5  # the scale that null-text inversion was made for
NEAR, FAR = 1.0, 6.0  # dB below the autoencoder's that null-text may be, and plain DDIM has to be
SHOWN = 8
Found = Mapping[tuple[str, float], Sequence[float]]
"""Decibels of each picture, by inversion and scale."""


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--steps", type=int, default=STEPS, metavar="N", help="there, and back (%(default)s)")
    job.add_argument("--out", type=Path, default=drawn.FOLDER, metavar="DIR", help="pictures, which are kept")
    drawn.scene_flags(job)
    job.add_argument("--pictures", type=int, default=24, metavar="N", help="composed ones (%(default)s)")


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Each picture there and back by every inversion, at the model's own scale and at 7.5, told its own caption.

    What comes back is the edit that changes no word.  Direct inversion's source row is the autoencoder's round trip by
    construction, its edit is not.
    """
    from limner.bundle.catalogue import home
    from limner.engine.given import INVERSIONS
    from limner.evaluation.fidelity import psnr, round_trip
    from limner.evaluation.figures import record
    from limner.evaluation.looks import scenes
    from limner.pictures.sets import Corpus
    from limner.training.preset import PRESETS

    above_zero("pictures", args.pictures)
    drawing = drawn.Drawing(args, "eager")
    defaults, mix = drawing.bundle.defaults, PRESETS[args.preset].mix
    corpus, side = Corpus(args.corpus or home() / "pictures"), int(defaults["width"])
    given = list(scenes(corpus, mix, side, args.pictures, "inversion"))
    own = [psnr(scene.image, round_trip(scene.image, drawing.bundle)) for scene in given]
    scales = sorted({float(defaults["guidance"]), LOUD})
    found = {(kind, scale): returned(drawing, given, kind, scale) for kind in INVERSIONS for scale in scales}
    taken = judgement(found, own)
    details: dict[str, Value] = {
        "steps": args.steps,
        "sampler": "euler",
        "captions": [scene.caption for scene in given],
        "interval": "95%, bootstrapped over pictures",
        "autoencoder": drawn.decibels(own),
        "inversions": {
            f"{kind} at {scale:g}": {
                "psnr": drawn.decibels(each),
                "below the autoencoder's": drawn.decibels([top - one for top, one in zip(own, each, strict=True)]),
            }
            for (kind, scale), each in found.items()
        },
    }
    record(args.figures / "inversion.json", taken, drawing.bundle.identity, details)
    page(drawing, given[:SHOWN], list(INVERSIONS), args.figures / "inversion.png")
    return taken


def back(drawing: drawn.Drawing, scene: "Scene", kind: str, scale: float) -> Path:
    """The picture as it comes back, drawn if it was not before."""
    from limner.engine.given import name_of
    from limner.recipe import Wish

    wish = Wish(
        prompt=scene.caption,
        edit_of=scene.caption,
        edit_picture=name_of(scene.image),
        edit_inversion=kind,
        guidance=scale,
        sampler="euler",  # whose steps are DDIM's
        seed=0,
    )
    (file,) = drawing.files([drawing.recipe(wish)], "", scene.image)
    return file


def returned(drawing: drawn.Drawing, given: "Sequence[Scene]", kind: str, scale: float) -> list[float]:
    from limner.evaluation.drawn import opened
    from limner.evaluation.fidelity import psnr

    out = list[float]()
    for number, scene in enumerate(given, 1):
        out.append(psnr(scene.image, opened(back(drawing, scene, kind, scale))))
        told(f"inversion: {kind} at {scale:g}: {number} of {len(given)}, {out[-1]:.1f} dB")
    return out


def judgement(found: Found, own: Sequence[float]) -> "list[Figure]":
    from statistics import mean

    from limner.evaluation.figures import Figure

    below = {name: mean(top - each for top, each in zip(own, row, strict=True)) for name, row in found.items()}
    return [
        Figure("null_text_below_autoencoder", round(below["null-text", LOUD], 2), NEAR, "at most", " dB"),
        Figure("ddim_below_autoencoder", round(below["ddim", LOUD], 2), FAR, "at least", " dB"),
    ]


def page(drawing: drawn.Drawing, given: "Sequence[Scene]", kinds: Sequence[str], file: Path) -> None:
    """A row a picture: as it was given, through the autoencoder, and back by every inversion at 7.5."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.fidelity import psnr, round_trip
    from limner.pictures.contact import sheet

    def cells() -> "Iterator[tuple[Picture, str]]":
        for scene in given:
            yield scene.image, scene.caption
            others = [("autoencoder alone", round_trip(scene.image, drawing.bundle))]
            others += [(kind, opened(back(drawing, scene, kind, LOUD))) for kind in kinds]
            for name, picture in others:
                yield picture, f"{name}: {psnr(scene.image, picture):.1f} dB"

    shown = list(cells())
    sheet([picture for picture, _ in shown], [words for _, words in shown], 2 + len(kinds)).save(file)
