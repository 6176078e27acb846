"""What the jobs of `limner measure` that draw have in common: their flags, the eye, and pictures kept as they come."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.progress import above_zero, told

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.run import Picture
    from limner.evaluation.figures import Value
    from limner.evaluation.prevalence import Share
    from limner.evaluation.seen import Eye, Seen
    from limner.recipe import Recipe, Wish

FOLDER = Path("outputs/measure")
STEPS = 8  # of the model's own sampler; `measure equal` found five to be enough


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    asked.backend_flag(job)
    job.add_argument("--steps", type=int, default=STEPS, metavar="N", help="a picture takes (%(default)s)")
    job.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="pictures, which are kept (%(default)s)")


def scene_flags(job: argparse.ArgumentParser) -> None:
    """Of what scenes are composed."""
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument("--preset", choices=("mini", "base"), default="mini", help="whose scenes (%(default)s)")


def eye() -> "Eye":
    """The oracle that ships; LimnerError where there is none."""
    from limner.evaluation.oracle import opened

    return opened()


class Drawing:
    """One model and one backend, by which recipes become files: that of the flags, if none is named here."""

    def __init__(self, args: argparse.Namespace, backend: str | None = None) -> None:
        from limner.evaluation.drawn import shelf

        above_zero("steps", args.steps)
        self.bundle: Bundle = asked.bundle(args)
        self.backend = backend or asked.backend(args, self.bundle).name
        self.steps: int = args.steps
        self.folder: Path = args.out / shelf(self.backend, self.bundle)

    def recipe(self, wish: "Wish") -> "Recipe":
        """What the wish leaves open is as this model draws by itself, but for the number of steps."""
        from dataclasses import replace

        from limner.recipe import resolve

        return resolve(replace(wish, model=self.bundle.identity, steps=self.steps), self.bundle.defaults)

    def files(self, recipes: "Sequence[Recipe]", name: str, given: "Picture | None" = None) -> list[Path]:
        """Each recipe's picture, drawn if it was not before; without a name nothing is told.

        `given` is the picture that they edit, if they do.
        """
        from limner.evaluation.drawn import draw, place

        for done in draw(recipes, self.bundle, self.backend, self.folder, given):
            if name and (done % 50 == 0 or done == len(recipes)):
                told(f"{name}: {done} of {len(recipes)} pictures")
        return [place(self.folder, recipe) for recipe in recipes]

    def seen(self, files: Sequence[Path], who: "Eye", name: str) -> "Iterator[Seen]":
        from limner.evaluation.drawn import looked

        for number, seen in enumerate(looked(files, who)):
            if (number + 1) % 500 == 0:
                told(f"{name}: looked at {number + 1} of {len(files)}")
            yield seen

    def described(self, recipe: "Recipe", who: "Eye") -> "dict[str, Value]":
        """How every picture was drawn and who looked, for the JSON."""
        how = ("sampler", "ladder", "steps", "guidance", "width", "height")
        drawn: dict[str, Value] = {name: getattr(recipe, name) for name in how}
        return {"drawn": {**drawn, "backend": self.backend}, "oracle": who.identity}


def interval(share: "Share") -> "Value":
    return [round(share.low, 4), round(share.high, 4)]


def share(right: Sequence[bool]) -> "Value":
    from limner.evaluation.prevalence import Count, wilson

    if not right:
        return None
    found = wilson(Count(sum(right), len(right)))
    return {"right": sum(right), "of": len(right), "interval": interval(found)}


def decibels(values: Sequence[float]) -> "Value":
    from limner.evaluation.guidance import over

    if not values:
        return None
    found = over(values)
    return {"mean": round(found.value, 2), "of": len(values), "interval": [round(found.low, 2), round(found.high, 2)]}
