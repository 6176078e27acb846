"""`limner measure costs`: what heat maps, an edit and excitement cost, in plain pictures."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.progress import above_zero

if TYPE_CHECKING:
    from limner.evaluation.figures import Figure

TARGETS = {"heat": 1.35, "edit": 2.3, "excite": 2.6}


def flags(parser: argparse.ArgumentParser) -> None:
    asked.bundle_flags(parser)
    parser.add_argument("--steps", type=int, default=50, metavar="N", help="of each picture (%(default)s)")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="of which the median counts (%(default)s)")


def figures(args: argparse.Namespace) -> "Sequence[Figure]":
    """The ratios, each with its ceiling; the seconds of every round are in costs.json."""
    from limner.evaluation.costs import ratios, rounds
    from limner.evaluation.figures import Figure, record

    above_zero("rounds", args.rounds)
    bundle, taken = asked.bundle(args), []
    for each in rounds(bundle, args.steps, args.rounds):
        taken.append(each)
        told = ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in each.seconds.items())
        print(f"limner: {each.prompt}: {told}", file=sys.stderr)
    costs = ratios(taken)
    found = [Figure(f"{kind}_cost", round(costs[kind], 2), most, "at most", " x") for kind, most in TARGETS.items()]
    details = {"steps": args.steps, "rounds": [{"prompt": each.prompt, **each.seconds} for each in taken]}
    record(args.figures / "costs.json", found, bundle.identity, details)
    return found
