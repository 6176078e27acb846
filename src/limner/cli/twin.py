"""A job of `limner measure`: whether a network that is told what it draws learns sooner than one that is not."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.progress import above_zero, some_minutes, told
from limner.errors import LimnerError
from limner.recipe import checked

if TYPE_CHECKING:
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.twin import Curve, Ground, Twin
    from limner.evaluation.unseen import Difference, Errors
    from limner.training.preset import Preset
    from limner.training.workshop import Workshop

POINTS = 12  # of the curve
SHOWN = 16  # pictures of each
GUIDANCE = 3.0


def shared_flags(job: argparse.ArgumentParser, folder: str) -> None:
    job.add_argument(
        "--preset",
        choices=("short", "pairs", "mini", "base"),
        default="short",
        help="short: 29 things, pairs: coloured shapes, both with a narrow U-Net; else limner train's (%(default)s)",
    )
    job.add_argument(
        "--model",
        metavar="NAME|PATH",
        default="limner-mini",
        help="whose autoencoder and text tower serve (%(default)s)",
    )
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument(
        "--out", type=Path, metavar="DIR", help=f"checkpoints and what is kept; ~/.limner/{folder} if left out"
    )
    job.add_argument("--steps", type=int, metavar="N", help="of training; the preset's if left out")
    job.add_argument("--rows", type=int, metavar="N", help="pictures a step; the preset's if left out")
    job.add_argument("--minutes", type=float, metavar="X", help="stop training after so long; a second call goes on")
    job.add_argument("--chunks", type=int, metavar="N", help="times 64 pictures composed; the preset's if left out")
    job.add_argument("--held", type=int, default=4, metavar="N", help="times 64 pictures held out (%(default)s)")
    job.add_argument("--seed", type=int, default=0, metavar="N", help="of everything random (%(default)s)")
    job.add_argument("--device", help="cpu, cuda or mps; the best there is if left out")


def flags(job: argparse.ArgumentParser) -> None:
    shared_flags(job, "twin")


def workshop(args: argparse.Namespace, folder: str) -> "Workshop":
    """A folder of this model's, in which nothing is trained but U-Nets; all else is the model's."""
    from limner.bundle import open_bundle
    from limner.bundle.catalogue import home
    from limner.engine.device import choose
    from limner.pictures.sets import Corpus
    from limner.training.precision import half_pays
    from limner.training.workshop import Workshop

    checked("seed", args.seed)
    if args.minutes is not None:
        some_minutes("minutes", args.minutes)
    place, chosen, warm = choose(args.device, None), preset(args), open_bundle(args.model)
    config = warm.unet_config
    wanted = chosen.sizes.unet
    if (config.context_dim, config.in_channels) != (wanted.context_dim, wanted.in_channels):
        raise LimnerError(f"{args.model}: its text tower or autoencoder is not of this preset", "choose limner-mini")
    return Workshop(
        folder=(args.out or home() / folder) / warm.identity[:12],
        corpus=Corpus(args.corpus or home() / "pictures"),
        preset=chosen,
        device=place.device,
        seed=args.seed,
        half=half_pays(place.device),
        warm=warm,
    )


def preset(args: argparse.Namespace) -> "Preset":
    from dataclasses import replace

    from limner.training.preset import PAIRS, PRESETS, SHORT

    chosen = {"short": SHORT, "pairs": PAIRS, **PRESETS}[args.preset]
    stage = chosen.diffusion
    for name in ("steps", "rows", "chunks", "held"):
        if getattr(args, name) is not None:
            above_zero(name, getattr(args, name))
    plan = stage.plan if args.steps is None else replace(stage.plan, steps=args.steps)
    stage = replace(stage, plan=plan, rows=args.rows or stage.rows)
    return replace(chosen, diffusion=stage, chunks=args.chunks or chosen.chunks)


def prepared(shop: "Workshop", chunks: int) -> "Ground":
    """Composed, as far as it was not yet."""
    from limner.evaluation.twin import ground, outside

    for each, count, what in (
        (shop, shop.preset.chunks, "to learn from"),
        (outside(shop, chunks), chunks, "held out"),
    ):
        for done in each.prepare():
            if done == count or done % 16 == 0:
                told(f"{done} of {count} times 64 pictures {what}")
    return ground(shop, chunks)


def twin(args: argparse.Namespace) -> "Sequence[Figure]":
    """Train both, as far as they are not yet; then look at both on pictures that neither saw."""
    from limner.evaluation import unseen
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.learning import learning
    from limner.evaluation.twin import TOLD, UNTOLD, Curve, denoiser, mark
    from limner.evaluation.twin import twin as one
    from limner.pictures.contact import sheet

    shop = workshop(args, "twin")
    of = prepared(shop, args.held)
    twins = [one(shop, of.taught, TOLD), one(shop, of.taught, UNTOLD, dropped=1.0)]
    curve = Curve(shop.folder / f"curve-{mark(shop)}-{args.held}.json")
    learnt(twins, shop, of, curve, args.minutes)
    with_words, without = (denoiser(shop, each.grown()) for each in twins)
    levels = (*unseen.LEVELS, 100.0, shop.bundle(twins[0].grown()).schedule.sigmas[-1])
    found = {
        TOLD: unseen.errors(with_words, of.held, of.rows, levels, shop.seed, told=True),
        UNTOLD: unseen.errors(without, of.held, of.rows, levels, shop.seed, told=False),
        "conditional, told nothing": unseen.errors(with_words, of.held, of.rows, levels, shop.seed, told=False),
    }
    found = {name: unseen.velocity(each, levels) for name, each in found.items()}
    overall = unseen.difference(found[TOLD].mean(0), found[UNTOLD].mean(0))
    figures = [
        Figure("told_error_lower", round(overall.low, 2), 0, "at least", " %"),
        Figure("steps_of_both", twins[0].run.number, shop.preset.diffusion.plan.steps, "at least"),
    ]
    details: dict[str, Value] = {
        "what": "squared error of the velocity of unseen pictures, mean over noise levels; the low end of the interval",
        "error": {name: round(float(each.mean()), 5) for name, each in found.items()},
        "lower": described(overall),
        "levels": by_level(found, levels),
        "curve": [dict(point) for point in curve.points],
        "pictures": len(of.rows),
        "left out": f"{args.held * 64 - len(of.rows)} compositions that were taught too",
        **both(shop, twins[0]),
    }
    args.figures.mkdir(parents=True, exist_ok=True)
    record(args.figures / "twin.json", figures, shop.warm.identity if shop.warm else None, details)
    learning(args.figures / "twin.json", args.figures / "twin.png")
    sheet(*shown(twins, shop, of), columns=9).save(args.figures / "twin-pictures.png")
    return figures


def learnt(twins: "Sequence[Twin]", shop: "Workshop", of: "Ground", curve: "Curve", minutes: float | None) -> None:
    """To the plan's end, or for so many minutes; both have taken as many steps then."""
    from limner.evaluation.twin import together

    began, steps = time.monotonic(), shop.preset.diffusion.plan.steps
    every = max(steps // POINTS, 1)
    training = together(twins)
    for number in training:
        if number % every == 0 or number == steps:
            curve.measure(number, twins, shop, of)
            point = next(each for each in curve.points if each["step"] == number)
            told(f"step {number} of {steps}: " + ", ".join(f"{each.name} {point[each.name]:.4f}" for each in twins))
        if minutes is not None and time.monotonic() - began > 60 * minutes:
            training.close()
    curve.measure(twins[0].run.number, twins, shop, of)


def described(found: "Difference") -> "dict[str, Value]":
    interval = [round(found.low, 2), round(found.high, 2)]
    return {"percent": round(found.lower, 2), "interval": interval}


def by_level(found: "dict[str, Errors]", levels: Sequence[float]) -> "list[Value]":
    """The errors at each noise level, and how much lower the first one's is than each other's."""
    from limner.evaluation.unseen import difference

    first, *others = found
    return [
        {
            "sigma": level,
            "error": {name: round(float(each[k].mean()), 5) for name, each in found.items()},
            "lower": {name: described(difference(found[first][k], found[name][k])) for name in others},
        }
        for k, level in enumerate(levels)
    ]


def both(shop: "Workshop", one: "Twin") -> "dict[str, Value]":
    from limner.pictures.shapes import SHAPES

    return {
        "steps": one.run.number,
        "rows": shop.preset.diffusion.rows,
        "composed": 64 * shop.preset.chunks,
        "things": len(shop.nouns()) if shop.preset.mix.single else len(SHAPES),
        "parameters": sum(weights.numel() for weights in one.run.net.parameters()),
        "seed": shop.seed,
        "bfloat16": shop.half,
    }


def shown(twins: "Sequence[Twin]", shop: "Workshop", of: "Ground") -> "tuple[list[Picture], list[str]]":
    """Three of each caption from the same noise: told nothing, told, and told and guided."""
    from limner.evaluation.twin import drawn

    captions = [of.captions[row] for row in of.rows[:SHOWN].tolist()]
    with_words, without = (shop.bundle(each.grown()) for each in twins)
    ways = {
        "nothing": drawn(without, [""] * len(captions), 1.0),
        "": drawn(with_words, captions, 1.0),
        f", guidance {GUIDANCE:g}": drawn(with_words, captions, GUIDANCE),
    }
    pictures = [picture for k in range(len(captions)) for picture in (each[k] for each in ways.values())]
    return pictures, [way if way == "nothing" else f"{caption}{way}" for caption in captions for way in ways]
