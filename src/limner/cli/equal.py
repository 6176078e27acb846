"""A job of `limner measure`: how few steps draw what is recognised as often as what many steps draw?"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli import asked, drawn
from limner.cli.progress import above_zero, told
from limner.cli.recognition import known

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.evaluation.equal import Arm, Result
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.recognition import Asked
    from limner.evaluation.seen import Eye

LEAST = 800  # pairs without which nothing is said
POINTS = 100
SHOWN = 10  # pictures of each way, the first of the test


def flags(job: argparse.ArgumentParser) -> None:
    asked.bundle_flags(job)
    job.add_argument("--backend", metavar="NAME", help="for all ways of drawing; each its own if left out")
    job.add_argument(
        "--out", type=Path, default=Path("outputs/equal"), metavar="DIR", help="pictures, which are kept (%(default)s)"
    )
    job.add_argument("--selection", type=int, default=150, metavar="N", help="pictures to choose by (%(default)s)")
    job.add_argument("--test", type=int, default=1000, metavar="N", help="other pictures to judge by (%(default)s)")


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """Choose on one set of pictures, judge on another."""
    from limner.evaluation import equal
    from limner.evaluation.figures import record
    from limner.evaluation.plots import equality
    from limner.evaluation.reading import taught

    for name in ("selection", "test"):
        above_zero(name, getattr(args, name))
    bundle, who = asked.bundle(args), drawn.eye()
    words, styles = taught(bundle.folder)
    words, unknown = known(words, who)
    table = Table(bundle, args.out, who)
    (baseline,), theirs, ours = (by(args.backend, arms) for arms in ((equal.BASELINE,), equal.THEIRS, equal.OURS))
    choice = equal.questions(words, styles, args.selection, equal.SELECTION)
    tried = table.results(baseline, [*theirs, *ours], choice)
    families = {"theirs": tried[1 : 1 + len(theirs)], "ours": tried[1 + len(theirs) :]}
    picked = {family: equal.chosen(results) for family, results in families.items()}
    final = equal.questions(words, styles, args.test, equal.TEST)
    judged = table.results(baseline, [each.arm for each in picked.values()], final)
    verdicts = dict(zip(picked, judged[1:], strict=True))
    found = bounds(verdicts, len(final))
    details: dict[str, Value] = {
        "oracle": who.identity,
        "unknown to the oracle": unknown,
        "guidance": bundle.defaults["guidance"],
        "ours": wished(picked["ours"].arm),
        "theirs": {"steps": picked["theirs"].arm.wish.steps},
        "baseline": wished(baseline),
        "selection": {"seeds": [choice[0].seed, choice[-1].seed], "results": [described(each) for each in tried]},
        "test": {"seeds": [final[0].seed, final[-1].seed], "results": [described(each) for each in judged]},
    }
    record(args.figures / "equal.json", found, bundle.identity, details)
    equality(args.figures / "equal.json", args.figures / "equal.png")
    table.sheet([baseline, *(each.arm for each in picked.values())], final[:SHOWN], args.figures / "equal-pictures.png")
    return found


def by(backend: str | None, arms: "Sequence[Arm]") -> "list[Arm]":
    """All by one backend, if it is said which."""
    from dataclasses import replace

    return [replace(arm, backend=backend) if backend else arm for arm in arms]


class Table:
    """What every way of drawing is right in, drawn where it was not drawn before."""

    def __init__(self, bundle: "Bundle", folder: Path, who: "Eye") -> None:
        self.bundle, self.folder, self.who = bundle, folder, who

    def right(self, arm: "Arm", asked_for: "Sequence[Asked]") -> list[bool]:
        from limner.evaluation.equal import draw, right

        for done in draw(arm, asked_for, self.bundle, self.folder):
            if done % 50 == 0:
                told(f"{arm.name} by {arm.backend}: {done} of {len(asked_for)}")
        return right(arm, asked_for, self.bundle, self.folder, self.who)

    def results(self, baseline: "Arm", arms: "Sequence[Arm]", asked_for: "Sequence[Asked]") -> "list[Result]":
        """The baseline's first."""
        from limner.evaluation.equal import result

        first = self.right(baseline, asked_for)
        return [result(baseline, baseline.rows(self.bundle), first, first)] + [
            result(arm, arm.rows(self.bundle), self.right(arm, asked_for), first) for arm in arms
        ]

    def sheet(self, arms: "Sequence[Arm]", asked_for: "Sequence[Asked]", file: Path) -> None:
        """The same pictures by each way, a row a way, for whoever trusts their own eyes."""
        from limner.evaluation.drawn import opened
        from limner.evaluation.equal import place
        from limner.pictures.contact import sheet

        pairs = [(arm, question) for arm in arms for question in asked_for]
        pictures = [opened(place(self.folder, arm, question, self.bundle)) for arm, question in pairs]
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
