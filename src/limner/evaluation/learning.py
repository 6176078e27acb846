"""Two networks side by side: the error at each noise level, and how it fell while they learnt."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#2f4b7c", "#d45087", "#999999")


def learning(source: Path, file: Path) -> None:
    """Draw what `limner measure twin` or `measure peer` wrote: `levels` and `curve` of its details."""
    from matplotlib.figure import Figure

    report = json.loads(source.read_text(encoding="utf-8"))
    details = report["details"]
    figure = Figure(figsize=(11, 4), layout="constrained")
    first, second = figure.subplots(1, 2)
    _levels(first, details["levels"])
    _curve(second, details["curve"])
    first.legend(fontsize=8)
    figure.suptitle(f"{details['steps']} steps of {details['rows']} pictures, {details['pictures']} unseen", fontsize=9)
    figure.savefig(file, dpi=110)


def _levels(axes: "Axes", levels: list[dict[str, Any]]) -> None:
    """By how much the first one's error is lower, at every noise level, with its interval."""
    sigma = [each["sigma"] for each in levels]
    for (name, found), colour in zip(levels[0]["lower"].items(), COLOURS, strict=False):
        del found
        all_of = [each["lower"][name] for each in levels]
        middle = [each["percent"] for each in all_of]
        reach = [[m - each["interval"][0] for m, each in zip(middle, all_of, strict=True)],
                 [each["interval"][1] - m for m, each in zip(middle, all_of, strict=True)]]  # fmt: skip
        axes.errorbar(sigma, middle, yerr=reach, marker="o", ms=4, capsize=2, color=colour, label=f"than {name}")
    axes.axhline(0, color="#999", lw=0.8)
    axes.set(
        xscale="log", xlabel="noise level sigma", ylabel="error lower by, %", title="Unseen pictures, 95% intervals"
    )


def _curve(axes: "Axes", points: list[dict[str, float]]) -> None:
    later = [point for point in points if point["step"] > 0]
    for name, colour in zip([name for name in points[0] if name != "step"], COLOURS, strict=False):
        axes.plot([p["step"] for p in later], [p[name] for p in later], marker="o", ms=3, color=colour, label=name)
    axes.set(xlabel="step", ylabel="squared error of the velocity", title="While they learnt")
    axes.legend(fontsize=8)
