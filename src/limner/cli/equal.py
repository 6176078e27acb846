"""Two jobs of `limner measure`: a recogniser is trained, and says how few steps draw as well as many."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.evaluation.equal import Arm, Question, Result
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.recogniser import Recogniser

FILE = "recogniser.safetensors"
LEAST = 800  # pairs without which nothing is said
POINTS = 100
SHOWN = 10  # pictures of each way, the first of the test


def recogniser_flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures; ~/.limner/pictures if left out")
    job.add_argument("--out", type=Path, metavar="DIR", help="its folder; ~/.limner/recogniser if left out")
    job.add_argument("--chunks", type=int, default=48, metavar="N", help="of 192 renders to learn from (%(default)s)")
    job.add_argument("--steps", type=int, metavar="N", help="of training; as the docs have it if left out")


def equal_flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--backend", metavar="NAME", help="for all ways of drawing; each its own if left out")
    job.add_argument("--recogniser", type=Path, metavar="DIR", help="its folder; ~/.limner/recogniser if left out")
    job.add_argument(
        "--out", type=Path, default=Path("outputs/equal"), metavar="DIR", help="pictures, which are kept (%(default)s)"
    )
    job.add_argument("--selection", type=int, default=300, metavar="N", help="pictures to choose by (%(default)s)")
    job.add_argument("--test", type=int, default=1000, metavar="N", help="other pictures to judge by (%(default)s)")


def recogniser(args: argparse.Namespace) -> "Sequence[Figure]":
    """Train it, as far as it is not yet; then examine it on renders that it never saw."""
    from dataclasses import replace

    import torch

    from limner.bundle.catalogue import home
    from limner.evaluation import recogniser, renders
    from limner.evaluation.figures import Figure, record
    from limner.evaluation.reading import taught
    from limner.pictures.sets import Corpus
    from limner.training.precision import half_pays

    plan = recogniser.PLAN if args.steps is None else replace(recogniser.PLAN, steps=above_zero("steps", args.steps))
    chunks = above_zero("chunks", args.chunks)
    bundle, folder = asked.bundle(args), args.out or home() / "recogniser"
    words, _ = taught(bundle.folder)
    corpus, side = Corpus(args.corpus or home() / "pictures"), int(bundle.defaults["width"])
    kept = folder / f"renders-{bundle.identity[:12]}"
    for done in renders.prepare(corpus, renders.SINGLE, bundle, words, side, kept, chunks, 0):
        told(f"{done} of {chunks} chunks of renders")
    learnt, count = renders.gathered(kept, chunks), len(words)
    run, half = recogniser.study(count, folder / "training.safetensors", 0, plan), half_pays(torch.device("cpu"))
    for step in run.train(lambda net, number: recogniser.lesson(learnt, count, net, 0, number, half)):
        if step.number % 100 == 0:
            told(f"step {step.number} of {plan.steps}, loss {step.loss:.3f}")
    unseen, other = (
        renders.several(corpus, mix, bundle, words, side, renders.UNSEEN) for mix in (renders.SINGLE, renders.OTHER_SET)
    )
    made = recogniser.examined(recogniser.trained(folder / "training.safetensors", count), words, unseen, other)
    recogniser.write(made, folder / FILE)
    found = {name: round(POINTS * value, 1) for name, value in made.about.items()}
    figures = [
        Figure("renders_named", found["plain"], 95, "at least", " %"),
        Figure("decoded_named", found["decoded"], 95, "at least", " %"),
        Figure(
            "broken_rejected", min(value for name, value in found.items() if "nothing" in name), 80, "at least", " %"
        ),
    ]
    details: dict[str, Value] = {"found": found, "steps": run.number, "renders": len(learnt.plain)}
    details["parameters"] = sum(weights.numel() for weights in made.net.parameters())
    record(args.figures / "recogniser.json", figures, bundle.identity, details)
    return figures


def equal(args: argparse.Namespace) -> "Sequence[Figure]":
    """Choose on one set of pictures, judge on another."""
    from dataclasses import replace

    from limner.bundle.catalogue import home
    from limner.evaluation import equal
    from limner.evaluation.figures import record
    from limner.evaluation.plots import equality
    from limner.evaluation.reading import taught
    from limner.evaluation.recogniser import read

    for name in ("selection", "test"):
        above_zero(name, getattr(args, name))
    who = read((args.recogniser or home() / "recogniser") / FILE)
    bundle = asked.bundle(args)
    words, styles = taught(bundle.folder)
    if unknown := set(words) - set(who.nouns):
        raise LimnerError(f"the recogniser does not know {min(unknown)!r}", "train one: limner measure recogniser")

    def drawn_by(arms: "Sequence[Arm]") -> "list[Arm]":
        return [replace(arm, backend=args.backend) if args.backend else arm for arm in arms]

    table = Table(bundle, args.out, who)
    (baseline,), theirs, ours = (drawn_by(arms) for arms in ((equal.BASELINE,), equal.THEIRS, equal.OURS))
    choice = equal.questions(words, styles, args.selection, equal.SELECTION)
    tried = table.results(baseline, [*theirs, *ours], choice)
    families = {"theirs": tried[1 : 1 + len(theirs)], "ours": tried[1 + len(theirs) :]}
    picked = {family: equal.chosen(results) for family, results in families.items()}
    final = equal.questions(words, styles, args.test, equal.TEST)
    judged = table.results(baseline, [each.arm for each in picked.values()], final)
    verdicts = dict(zip(picked, judged[1:], strict=True))
    figures = bounds(verdicts, len(final))
    details: dict[str, Value] = {
        "judge": "a classifier trained on renders held apart from the pictures it judges: figures/recogniser.json",
        "recogniser": {name: value for name, value in who.about.items()},
        "ours": wished(picked["ours"].arm),
        "theirs": {"steps": picked["theirs"].arm.wish.steps},
        "baseline": wished(baseline),
        "selection": {"seeds": [choice[0].seed, choice[-1].seed], "results": [described(each) for each in tried]},
        "test": {"seeds": [final[0].seed, final[-1].seed], "results": [described(each) for each in judged]},
    }
    record(args.figures / "equal.json", figures, bundle.identity, details)
    equality(args.figures / "equal.json", args.figures / "equal.png")
    table.sheet([baseline, *(each.arm for each in picked.values())], final[:SHOWN], args.figures / "equal-pictures.png")
    return figures


class Table:
    """What every way of drawing is right in, drawn where it was not drawn before."""

    def __init__(self, bundle: "Bundle", folder: Path, who: "Recogniser") -> None:
        self.bundle, self.folder, self.who = bundle, folder, who

    def right(self, arm: "Arm", asked_for: "Sequence[Question]") -> list[bool]:
        from limner.evaluation.equal import draw, named

        for done in draw(arm, asked_for, self.bundle, self.folder):
            if done % 50 == 0:
                told(f"{arm.name} by {arm.backend}: {done} of {len(asked_for)}")
        return named(arm, asked_for, self.bundle, self.folder, self.who)

    def results(self, baseline: "Arm", arms: "Sequence[Arm]", asked_for: "Sequence[Question]") -> "list[Result]":
        """The baseline's first."""
        from limner.evaluation.equal import result

        first = self.right(baseline, asked_for)
        return [result(baseline, baseline.rows(self.bundle), first, first)] + [
            result(arm, arm.rows(self.bundle), self.right(arm, asked_for), first) for arm in arms
        ]

    def sheet(self, arms: "Sequence[Arm]", asked_for: "Sequence[Question]", file: Path) -> None:
        """The same pictures by each way, a row a way, for whoever trusts their own eyes."""
        from limner.evaluation.drawn import opened
        from limner.evaluation.equal import place
        from limner.pictures.contact import sheet

        pairs = [(arm, question) for arm in arms for question in asked_for]
        pictures = [opened(place(self.folder, arm, arm.recipe(question, self.bundle))) for arm, question in pairs]
        words = [f"{question.noun}: {arm.name}" for arm, question in pairs]
        sheet(pictures, words, len(asked_for)).save(file)


def bounds(verdicts: "dict[str, Result]", count: int) -> "list[Figure]":
    from limner.evaluation.figures import Figure
    from limner.evaluation.paired import MARGIN

    target = POINTS * MARGIN
    lows = {family: round(POINTS * each.compared.low, 2) for family, each in verdicts.items()}
    figures = [Figure(f"{family}_no_worse", low, target, "at least", " points") for family, low in lows.items()]
    return [*figures, Figure("pairs", count, LEAST, "at least")]


def described(result: "Result") -> "dict[str, Value]":
    compared = result.compared
    return {
        "name": result.arm.name,
        "backend": result.arm.backend,
        "wish": wished(result.arm),
        "rows": result.rows,
        "right": result.right,
        "of": compared.count,
        "interval": [round(result.low, 4), round(result.high, 4)],
        "difference": round(compared.difference, 4),
        "difference interval": [round(compared.low, 4), round(compared.high, 4)],
        "only this": compared.only_one,
        "only baseline": compared.only_other,
    }


def wished(arm: "Arm") -> "dict[str, Value]":
    from limner.recipe import said

    return dict(said(arm.wish))


def above_zero(name: str, value: int) -> int:
    if value < 1:
        raise LimnerError(f"{name} {value} is out of range", "choose at least 1")
    return value


def told(line: str) -> None:
    print(f"limner: {line}", file=sys.stderr, flush=True)
