"""A job of `limner measure`: do heat maps lie on their things, where masks are exact and where a model draws?"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, drawn
from limner.cli.progress import above_zero, told

if TYPE_CHECKING:
    from limner.engine.run import Picture
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.heat import Choice, Look, Score
    from limner.evaluation.seen import Eye

STEPS = 20
SHOWN = 12  # words on the sheet
IOU, POINTED, OTHER, LEAD, CHANCE = 0.6, 0.9, 0.25, 0.2, 0.01


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--steps", type=int, default=STEPS, metavar="N", help="a drawn picture takes (%(default)s)")
    job.add_argument("--out", type=Path, default=drawn.FOLDER, metavar="DIR", help="what is kept (%(default)s)")
    drawn.scene_flags(job)
    job.add_argument("--scenes", type=int, default=200, metavar="N", help="composed scenes (%(default)s)")
    job.add_argument("--drawn", type=int, default=200, metavar="N", help="pictures drawn (%(default)s)")
    job.add_argument("--choice", type=int, default=60, metavar="N", help="others of each to choose by (%(default)s)")


@dataclass(frozen=True, slots=True)
class Part:
    """Composed scenes or drawn pictures: what was seen in each, what was chosen on others, and some to show."""

    name: str
    pictures: "Sequence[Picture]"
    looks: "Sequence[Look]"
    choice: "Choice"
    middle: float


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Choose on some scenes, judge on others; then the same for pictures that the model draws."""
    from limner.evaluation.charts import bars
    from limner.evaluation.figures import record

    for name in ("scenes", "drawn", "choice"):
        above_zero(name, getattr(args, name))
    who, drawing = drawn.eye(), drawn.Drawing(args, "eager")
    parts = [part for part in (composed(args, drawing), generated(args, drawing, who)) if part]
    scores = {part.name: judged(part) for part in parts}
    taken = [figure for part in parts for figure in judgement(part, scores[part.name])]
    details: dict[str, Value] = {
        "oracle": who.identity,
        "steps": args.steps,
        "interval": "95%; over pictures, bootstrapped (2,000 resamples), shares Wilson's on what pictures are worth",
        **{part.name: described(part, scores[part.name]) for part in parts},
    }
    record(args.figures / "heat.json", taken, drawing.bundle.identity, details)
    panels = {name: {arm: each.iou for arm, each in found.items()} for name, found in scores.items()}
    bars(panels, "mean IoU", args.figures / "heat.png")
    for part in parts:
        page(part, args.figures / f"heat-{part.name}.png")
    return taken


def composed(args: argparse.Namespace, drawing: drawn.Drawing) -> Part:
    from limner.bundle.catalogue import home
    from limner.evaluation.heat import choose, middle_of
    from limner.evaluation.looks import composed, scenes
    from limner.pictures.sets import Corpus
    from limner.training.preset import PRESETS

    corpus, mix = Corpus(args.corpus or home() / "pictures"), PRESETS[args.preset].mix
    side = int(drawing.bundle.defaults["width"])

    def seen(count: int, purpose: str) -> "tuple[list[Picture], list[Look]]":
        pictures: list[Picture] = []
        looks: list[Look] = []
        for number, scene in enumerate(scenes(corpus, mix, side, count, purpose)):
            pictures.append(scene.image)
            looks += composed(scene, number, drawing.bundle)
            if (number + 1) % 20 == 0:
                told(f"heat, {purpose}: {number + 1} of {count} scenes")
        return pictures, looks

    _, others = seen(args.choice, "choice")
    choice = choose(others)
    return Part("scenes", *seen(args.scenes, "judged"), choice, middle_of(others))


def generated(args: argparse.Namespace, drawing: drawn.Drawing, who: "Eye") -> Part | None:
    """None where the oracle finds none of the things in what was drawn to choose by, or to be judged."""
    from limner.evaluation.heat import choose, middle_of

    _, others = looks_at(drawing, who, args.choice, "choice")
    pictures, looks = looks_at(drawing, who, args.drawn, "judged")
    if not others or not looks:
        told("heat: the oracle finds nothing in what was drawn, so that only scenes are judged")
        return None
    return Part("drawn", pictures, looks, choose(others, every_level=False), middle_of(others))


def looks_at(
    drawing: drawn.Drawing, who: "Eye", count: int, purpose: str
) -> "tuple[Sequence[Picture], Sequence[Look]]":
    from limner.evaluation.composition import vocabulary
    from limner.evaluation.looks import asked, generated, watched
    from limner.evaluation.reading import taught
    from limner.recipe import Wish

    words = vocabulary(*taught(drawing.bundle.folder), who)
    wanted = asked(words, count, purpose)
    recipes = [drawing.recipe(Wish(prompt=prompt.text, seed=seed)) for prompt, seed in wanted]
    pictures: list[Picture] = []
    looks: list[Look] = []
    drawings = watched(recipes, drawing.bundle, drawing.folder / "heat")
    for number, ((prompt, _), (picture, every)) in enumerate(zip(wanted, drawings, strict=True)):
        pictures.append(picture)
        looks += generated(prompt, who.see([picture])[0], every, number, drawing.bundle, who)
        if (number + 1) % 20 == 0:
            told(f"heat, {purpose}: {number + 1} of {count} pictures drawn")
    return pictures, looks


def judged(part: Part) -> "Mapping[str, Score]":
    from limner.evaluation.heat import judged

    return judged(part.looks, part.choice, part.middle)


def judgement(part: Part, scores: "Mapping[str, Score]") -> "Iterator[Figure]":
    from limner.evaluation.figures import Figure
    from limner.evaluation.heat import spread

    own = scores["own"]
    yield Figure(f"{part.name}_iou", round(own.iou.value, 4), IOU, "at least")
    yield Figure(f"{part.name}_pointed", round(own.pointed.value, 4), POINTED, "at least")
    if "other word" in scores:
        yield Figure(f"{part.name}_other_word_iou", round(scores["other word"].iou.value, 4), OTHER, "at most")
    lead = own.iou.value - scores["centred Gaussian"].iou.value
    yield Figure(f"{part.name}_above_gaussian", round(lead, 4), LEAD, "at least")
    if found := spread(part.looks, part.choice):
        yield Figure(f"{part.name}_adjectives_wider_p", round(found.p, 5), CHANCE, "at most")


def described(part: Part, scores: "Mapping[str, Score]") -> "dict[str, Value]":
    from limner.evaluation.heat import judged, kindred, spread

    kinds = {look.kind: [each for each in part.looks if each.kind == look.kind] for look in part.looks}
    contrasts = {"adjectives' area and nouns'": spread, "strangers' IoU and kindred's": kindred}
    found = {name: test(part.looks, part.choice) for name, test in contrasts.items()}
    low, high = part.choice.low, part.choice.high
    return {
        "pictures": len(part.pictures),
        "chosen on others": {
            "noise levels": "all of the steps" if part.name == "drawn" else [low, high],
            "heights of maps": list(part.choice.sides),
            "tau": part.choice.tau,
            "tau of the Gaussian": part.middle,
        },
        "all": told_of(scores),
        **{
            name: told_of(judged(some, part.choice, part.middle))
            for name, some in sorted(kinds.items())
            if any(not look.trait for look in some)
        },
        "ceiling": ceilings(part, scores["own"].iou.value),
        **{name: asdict(each) if each else None for name, each in found.items()},
    }


def ceilings(part: Part, reached: float) -> "dict[str, Value]":
    """What maps of these heights allow, and what share of it was reached."""
    from limner.evaluation.heat import ceiling

    best = [ceiling(look.mask, max(part.choice.sides)) for look in part.looks if not look.trait]
    mean = sum(best) / len(best)
    return {"iou": round(mean, 4), "share reached": round(reached / mean, 4)}


def told_of(scores: "Mapping[str, Score]") -> "dict[str, Value]":
    return {
        name: {
            "words": each.words,
            **{
                what: {"mean": round(share.value, 4), "interval": drawn.interval(share)}
                for what in ("iou", "pointed", "auroc", "energy")
                for share in [getattr(each, what)]
            },
        }
        for name, each in scores.items()
    }


def page(part: Part, file: Path) -> None:
    """A row a word: the picture, the word's map on it, the other thing's, and the mask."""
    from limner.evaluation.heat import beside, size_of
    from limner.evaluation.overlays import outlined
    from limner.evaluation.recognition import spread
    from limner.pictures.contact import sheet
    from limner.pictures.heat import overlay

    things = [look for look in part.looks if not look.trait]
    pictures: list[Picture] = []
    words: list[str] = []
    for k in spread(len(things), min(SHOWN, len(things))):
        look, other = things[k], beside(things, k)
        picture = part.pictures[look.picture]
        stranger = picture if other is None else overlay(picture, part.choice.heat(things[other].seen, size_of(look)))
        pictures += [picture, overlay(picture, part.choice.heat(look.seen, size_of(look))), stranger]
        pictures.append(outlined(picture, look.mask))
        beyond = "no other thing" if other is None else things[other].word
        words += [look.word, f"{look.word}: its map", f"{beyond}: not its map", "mask"]
    sheet(pictures, words, 4).save(file)
