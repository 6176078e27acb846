"""A job of `limner measure`: the scale of guidance from 1 to 10, alignment against diversity."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import drawn
from limner.cli.progress import above_zero
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.guidance import Plain, Swept
    from limner.evaluation.seen import Eye
    from limner.recipe import Recipe

SHOWN = 8  # prompts in a row of the sheet


def flags(job: argparse.ArgumentParser) -> None:
    drawn.flags(job)
    job.add_argument("--prompts", type=int, default=28, metavar="N", help="nouns, no style named (%(default)s)")
    job.add_argument("--seeds", type=int, default=8, metavar="N", help="pictures of each at a scale (%(default)s)")


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """The same prompts and noises at every scale."""
    from limner.evaluation.charts import traded
    from limner.evaluation.figures import record
    from limner.evaluation.guidance import FIRST, SCALES, Swept, chance, questions
    from limner.evaluation.reading import taught

    above_zero("prompts", args.prompts)
    if args.seeds < 2:
        raise LimnerError(
            f"seeds {args.seeds} is out of range", "pictures of one prompt are compared: choose at least 2"
        )
    who, drawing = drawn.eye(), drawn.Drawing(args)
    words, styles = taught(drawing.bundle.folder)
    asked = questions([word for word in words if who.knows(word)], args.prompts, args.seeds)
    if not asked:
        raise LimnerError("the oracle knows none of this model's nouns", "train one that does")
    default = float(drawing.bundle.defaults["guidance"])
    scales = sorted({*SCALES, default})
    files, found = dict[float, list[Path]](), list[Swept]()
    for scale in scales:
        recipes = [recipe(drawing, plain, seed, scale) for plain in asked for seed in plain.seeds]
        files[scale] = drawing.files(recipes, f"guidance {scale:g}")
        found.append(looked(drawing, who, asked, files[scale], scale, len(styles)))
    told = expected(found, default)
    details: dict[str, Value] = {
        **drawing.described(recipe(drawing, asked[0], FIRST, default), who),
        "prompts": [plain.prompt for plain in asked],
        "seeds": [FIRST, asked[-1].seeds[-1]],
        "evenness by chance": round(chance(args.seeds, len(styles)), 4),
        "scales": {f"{each.scale:g}": described(each) for each in found},
    }
    record(args.figures / "guidance.json", told, drawing.bundle.identity, details)
    points = {each.scale: (each.recognised, each.diversity) for each in found}
    traded(points, "recognised share", "mean distance within a prompt, oracle features", args.figures / "guidance.png")
    page(asked, files, args.figures / "guidance-pictures.png")
    return told


def recipe(drawing: drawn.Drawing, plain: "Plain", seed: int, scale: float) -> "Recipe":
    from limner.recipe import Wish

    return drawing.recipe(Wish(prompt=plain.prompt, seed=seed, guidance=scale))


def looked(
    drawing: drawn.Drawing, who: "Eye", asked: "Sequence[Plain]", files: Sequence[Path], scale: float, styles: int
) -> "Swept":
    from limner.evaluation.drawn import opened
    from limner.evaluation.guidance import swept
    from limner.evaluation.recognition import named

    each = len(asked[0].seeds)
    seen = list(drawing.seen(files, who, f"guidance {scale:g}"))
    names = [named(one) for one in seen]
    right = [
        [not seen[n].broken and who.alike(names[n][0], plain.noun) for n in range(k * each, (k + 1) * each)]
        for k, plain in enumerate(asked)
    ]
    cut = [slice(k * each, (k + 1) * each) for k in range(len(asked))]
    features = [who.features([opened(file) for file in files[few]]).numpy() for few in cut]
    return swept(scale, right, features, [[style for _, style in names[few]] for few in cut], styles)


def expected(found: "Sequence[Swept]", default: float) -> "list[Figure]":
    """What the literature leads one to expect, fixed before the sweep.

    Recognition gains by guidance; diversity falls with the scale (rank correlation); the model's own scale is hardly
    behind the best one.
    """
    from scipy.stats import spearmanr

    from limner.evaluation.figures import Figure
    from limner.evaluation.guidance import BEHIND, GAIN, TURN

    shares = {each.scale: each.recognised.value for each in found}
    best = max(shares.values())
    falls = float(spearmanr([each.scale for each in found], [each.diversity.value for each in found]).statistic)
    return [
        Figure("guidance_gain", round(best - shares[1.0], 4), GAIN, "at least"),
        Figure("diversity_by_scale", round(falls, 3), TURN, "at most"),
        Figure("own_scale_behind", round(best - shares[default], 4), BEHIND, "at most"),
    ]


def described(each: "Swept") -> "dict[str, Value]":
    shares = {"recognised": each.recognised, "diversity": each.diversity, "evenness of styles": each.evenness}
    return {name: {"mean": round(share.value, 4), "interval": drawn.interval(share)} for name, share in shares.items()}


def page(asked: "Sequence[Plain]", files: "dict[float, list[Path]]", file: Path) -> None:
    """A row a scale, the same prompts and noises in its columns."""
    from limner.evaluation.drawn import opened
    from limner.evaluation.recognition import spread
    from limner.pictures.contact import sheet

    each, columns = len(asked[0].seeds), spread(len(asked), SHOWN)
    pictures = [opened(row[k * each]) for row in files.values() for k in columns]
    words = [f"{scale:g}: {asked[k].noun}" for scale in files for k in columns]
    sheet(pictures, words, len(columns)).save(file)
