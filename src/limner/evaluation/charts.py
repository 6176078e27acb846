"""Shares are read with their intervals, or not at all: bars for what was asked, and a curve for what is traded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limner.evaluation.prevalence import Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from limner.evaluation.figures import Figure

INK, LIGHT = "#2f4b7c", "#e28f41"


def bars(panels: Mapping[str, Mapping[str, Share]], label: str, file: Path) -> None:
    """One panel of horizontal bars after another, each bar with its interval; best size by the number of bars."""
    from matplotlib.figure import Figure

    most = max(len(panel) for panel in panels.values())
    figure = Figure(figsize=(5.2 * len(panels), 1.2 + 0.28 * most), layout="constrained")
    for place, (title, panel) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), place + 1)
        values, reach = spans(list(panel.values()))
        axes.barh(list(panel), values, xerr=reach, color=INK, ecolor="#999", capsize=2)
        axes.invert_yaxis()
        highest = max(share.high for share in panel.values())
        axes.set(title=title, xlabel=label, xlim=(0, 1.0 if highest <= 1 else 1.04 * highest))
    figure.savefig(file, dpi=110)


def grouped(rows: Mapping[str, Mapping[str, Share]], targets: Mapping[str, Mapping[str, float]], file: Path) -> None:
    """For each row a bar for each group that it has, and a mark where that group's target is."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    groups = list(dict.fromkeys(group for row in rows.values() for group in row))
    for number, (group, colour) in enumerate(zip(groups, (INK, LIGHT, "#777"), strict=False)):
        have = [(place, row[group]) for place, row in enumerate(rows.values()) if group in row]
        at = [place + (number - (len(groups) - 1) / 2) * 0.4 for place, _ in have]
        values, reach = spans([share for _, share in have])
        axes.bar(at, values, 0.36, yerr=reach, color=colour, ecolor="#999", capsize=2, label=group)
        for place, name in enumerate(rows):
            if group in targets.get(name, {}):
                middle = place + (number - (len(groups) - 1) / 2) * 0.4
                axes.hlines(targets[name][group], middle - 0.2, middle + 0.2, color="k", lw=1.5)
    axes.set(ylim=(0, 1), ylabel="share of pictures that are right", title="lines: targets; whiskers: 95% intervals")
    axes.set_xticks(range(len(rows)), list(rows))
    axes.legend(loc="upper right", fontsize=8)
    figure.savefig(file, dpi=110)


def traded(points: Mapping[float, tuple[Share, Share]], label: str, other: str, file: Path) -> None:
    """What is gained against what is lost, a point a setting, its number beside it and its intervals around it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    across, along = ([pair[k] for pair in points.values()] for k in (1, 0))
    x, x_reach = spans(across)
    y, y_reach = spans(along)
    axes.errorbar(x, y, xerr=x_reach, yerr=y_reach, color=INK, ecolor="#bbb", marker="o", ms=5, capsize=2)
    name(axes, x, y, [f"{setting:g}" for setting in points])
    axes.set(xlabel=other, ylabel=label)
    figure.savefig(file, dpi=110)


def name(axes: "Axes", x: Sequence[float], y: Sequence[float], words: Sequence[str]) -> None:
    for each in zip(words, zip(x, y, strict=True), strict=True):
        axes.annotate(*each, xytext=(5, 5), textcoords="offset points", fontsize=9)


def spans(shares: Sequence[Share]) -> tuple[list[float], list[list[float]]]:
    """The values, and how far down and up their intervals reach."""
    values = [share.value for share in shares]
    down = [max(share.value - share.low, 0.0) for share in shares]
    return values, [down, [max(share.high - share.value, 0.0) for share in shares]]


def summary(figures: "Sequence[Figure]", file: Path) -> None:
    """Every figure as a share of its target, the way that more is better: at or beyond the line it is reached."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(8.5, 1.2 + 0.28 * len(figures)), layout="constrained")
    axes = canvas.add_subplot(1, 1, 1)
    reached = [min(reach(figure), 2.0) for figure in figures]
    axes.barh([figure.name for figure in figures], reached, color=[INK if figure.ok else LIGHT for figure in figures])
    for place, figure in enumerate(figures):
        words = f"{figure.value:g} ({figure.bound} {figure.target:g})"
        axes.annotate(words, (reached[place], place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.axvline(1, color="k", lw=1, zorder=0)
    axes.set_xlim(0, 2.9)  # room for the words
    axes.invert_yaxis()
    axes.set(title="figures by their targets; the line is the target", xlabel="share of the target, two at most")
    canvas.savefig(file, dpi=110)


def reach(figure: "Figure") -> float:
    """1 at the target, more beyond it, 0 where there is nothing of it; of a target of nought or less no share is to be
    had, and 1.5 or 0.5 says on which side of it the figure is."""
    more, less = (figure.value, figure.target) if figure.bound == "at least" else (figure.target, figure.value)
    if more > 0 and less > 0:
        return more / less
    if figure.target > 0 and figure.bound == "at least":
        return 0.0
    return 1.5 if figure.ok else 0.5


def descents(traces: Mapping[str, Sequence[Mapping[float, tuple[float, float]]]], label: str, file: Path) -> None:
    """The median of many traces by noise level, with the middle half of them, a colour a way."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(1, 1, 1)
    for (way, rows), colour in zip(traces.items(), (INK, LIGHT, "#777"), strict=False):
        levels = sorted({sigma for row in rows for sigma in row}, reverse=True)
        quarters = [np.quantile([row[sigma][1] for row in rows if sigma in row], (0.25, 0.5, 0.75)) for sigma in levels]
        low, middle, high = zip(*quarters, strict=True) if quarters else ((), (), ())
        places = range(len(levels))
        axes.plot(places, middle, color=colour, marker="o", ms=4, label=way)
        axes.fill_between(places, low, high, color=colour, alpha=0.15, lw=0)
        axes.set_xticks(places, [f"{sigma:.3g}" for sigma in levels])
    axes.set(xlabel="noise level (sigma)", ylabel=label, title="medians, with the middle half")
    axes.legend(fontsize=8)
    figure.savefig(file, dpi=110)
