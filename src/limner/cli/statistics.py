"""A job of `limner measure`: whether intervals hold what they promise, tests are scipy's, and power is known."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.errors import LimnerError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from limner.audit.coverage import Coverage
    from limner.evaluation.figures import Figure, Value

TABLE: Mapping[tuple[float, float], tuple[int, int]] = {  # n for 80% power as simulated before: alone, and among 20
    (0.45, 0.25): (50, 100),
    (0.5, 0.7): (60, 100),
    (0.75, 0.9): (60, 100),
    (0.5, 0.6): (250, 400),
    (0.75, 0.85): (150, 250),
}
GRID = (20, 30, 40, 50, 60, 80, 100, 150, 200, 250, 300, 400)  # numbers that the simulation chose from
EXAMPLE = 5, 20  # the course's: 5 of 20 pictures, beside 40% to 50%
INK, LIGHT, PALE = "#2f4b7c", "#e28f41", "#999999"


def flags(job: argparse.ArgumentParser) -> None:
    job.add_argument("--most", type=int, default=100, metavar="N", help="pictures, from 1 to so many (%(default)s)")


def figures(args: argparse.Namespace) -> "list[Figure]":
    """Each figure has its target; the JSON has every n."""
    if not 1 <= args.most <= 1000:
        raise LimnerError(f"--most {args.most} is out of range", "choose 1 to 1000")
    from limner.audit.coverage import over, wald
    from limner.audit.shares import clopper_pearson, wilson
    from limner.evaluation.figures import Figure, record

    numbers = [*range(1, args.most + 1)]
    found = {name: over(method, numbers) for name, method in
             (("Wilson", wilson), ("Clopper-Pearson", clopper_pearson), ("Wald", wald))}  # fmt: skip
    powers, apart = list(_powers()), _apart()
    means = [each.mean for each in found["Wilson"]]
    taken = [
        Figure("clopper_pearson_coverage_least", _least(found["Clopper-Pearson"]), 0.95, "at least"),
        Figure("wilson_coverage_mean_least_n", round(min(means), 4), 0.94, "at least"),
        Figure("wilson_coverage_mean_most_n", round(max(means), 4), 0.96, "at most"),
        Figure("difference_from_scipy", apart, 1e-9, "at most"),
        Figure("power_at_the_tables_n_least", round(min(row[4] for row in powers), 4), 0.78, "at least"),
        Figure("power_at_the_n_before_most", round(max(row[5] for row in powers), 4), 0.82, "at most"),
    ]
    details: dict[str, Value] = {
        "least of all": {name: dict(zip(("coverage", "n", "share"), _worst(rows), strict=True))
                         for name, rows in found.items()},
        "coverage": {name: {str(each.n): [round(each.mean, 5), round(each.least, 5), round(each.where, 5)]
                            for each in rows} for name, rows in found.items()},
        "coverage columns": ["mean over shares", "least", "at the share"],
        "power": [list(row) for row in powers],
        "power columns": ["reference", "share", "level", "n of the table", "power there", "power at the n before",
                          "least round n"],
        "example": _example(),
    }  # fmt: skip
    record(args.figures / "statistics.json", taken, None, details)
    plot(found, args.figures / "statistics.png")
    return taken


def _least(rows: "Sequence[Coverage]") -> float:
    return min(each.least for each in rows)


def _worst(rows: "Sequence[Coverage]") -> tuple[float, int, float]:
    return min((round(each.least, 5), each.n, round(each.where, 5)) for each in rows)


def _powers() -> "list[tuple[float, float, float, int, float, float, int]]":
    from limner.audit.power import needed, power

    out = []
    for (reference, share), numbers in TABLE.items():
        for n, level in zip(numbers, (0.05, 0.05 / 20), strict=True):
            before = GRID[GRID.index(n) - 1]
            here, there = (round(power(each, reference, share, level), 4) for each in (n, before))
            out.append((reference, share, level, n, here, there, needed(reference, share, level) or 0))
    return out


def _apart() -> float:
    """The largest difference from scipy, of p and of both intervals' ends, over a grid."""
    from scipy.stats import binomtest

    from limner.audit.binomial import surprise
    from limner.audit.shares import clopper_pearson, wilson

    most = 0.0
    for n in (1, 2, 5, 20, 50, 100, 333):
        for k in range(0, n + 1, max(n // 20, 1)):
            for share in (0.01, 0.25, 0.4, 0.45, 0.5, 0.9):
                most = max(most, abs(surprise(k, n, share) - binomtest(k, n, share).pvalue))
            law = binomtest(k, n)
            for mine, other in (
                (wilson(k, n), law.proportion_ci(method="wilson")),
                (clopper_pearson(k, n), law.proportion_ci(method="exact")),
            ):
                most = max(most, abs(mine.low - other.low), abs(mine.high - other.high))
    return float(f"{most:.2g}")


def _example() -> "dict[str, Value]":
    from limner.audit.power import would_do
    from limner.audit.shares import Reference, against, wilson

    found, interval = against(*EXAMPLE, Reference(0.4, 0.5)), wilson(*EXAMPLE)
    return {
        "counted": list(EXAMPLE),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "p": {f"{place:g}": round(p, 4) for place, p in found.at},
        "would do": would_do(*EXAMPLE, 0.4, 0.5),
    }


def plot(found: "Mapping[str, Sequence[Coverage]]", file: Path) -> None:
    """Coverage along the shares at n = 20, its mean and its least along n, and power along n."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.4), layout="constrained")
    _coverage(figure.add_subplot(1, 3, 1))
    axes = figure.add_subplot(1, 3, 2)
    for (name, rows), colour in zip(found.items(), (INK, LIGHT, PALE), strict=True):
        numbers = [each.n for each in rows]
        axes.plot(numbers, [each.mean for each in rows], color=colour, label=f"{name}, mean over shares")
        axes.plot(numbers, [each.least for each in rows], color=colour, ls=":", label=f"{name}, least")
    axes.axhline(0.95, color="k", lw=0.8)
    axes.set(title="over all shares", xlabel="pictures", ylabel="coverage", ylim=(0.7, 1))
    axes.legend(fontsize=8, loc="lower right")
    _power(figure.add_subplot(1, 3, 3))
    figure.savefig(file, dpi=110)


def _coverage(axes: "Axes") -> None:
    import numpy as np

    from limner.audit.coverage import along, wald
    from limner.audit.shares import clopper_pearson, wilson

    places = np.linspace(0.001, 0.999, 999)
    for method, name, colour in (
        (wald, "Wald", PALE),
        (clopper_pearson, "Clopper-Pearson", LIGHT),
        (wilson, "Wilson", INK),
    ):
        axes.plot(places, along(method, 20, places), color=colour, label=name, lw=1)
    axes.axhline(0.95, color="k", lw=0.8)
    axes.set(title="20 pictures: how often a 95% interval holds", xlabel="true share", ylabel="coverage", ylim=(0.7, 1))
    axes.legend(fontsize=8, loc="lower center")


def _power(axes: "Axes") -> None:
    from limner.audit.power import power

    numbers = [*range(10, 100, 2), *range(100, 301, 5)]
    for (reference, share), (n, _) in TABLE.items():
        line = axes.plot(
            numbers, [power(each, reference, share) for each in numbers], lw=1, label=f"{share:g} beside {reference:g}"
        )[0]
        axes.plot([n], [power(n, reference, share)], "o", ms=5, color=line.get_color())
    axes.axhline(0.8, color="k", lw=0.8)
    axes.set(
        title="power of the exact test at .05; dots: the table's n", xlabel="pictures", ylabel="power", ylim=(0, 1)
    )
    axes.legend(fontsize=8, loc="lower right")
