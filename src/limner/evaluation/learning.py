"""Two networks side by side: the error at each noise level, and how it fell while they learnt."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#2f4b7c", "#d45087", "#999999")


def learning(source: Path, file: Path) -> None:
    """Draw what `limner measure twin` or `measure peer` wrote: `levels` and, where there is one, `curve`."""
    from matplotlib.figure import Figure

    report = json.loads(source.read_text(encoding="utf-8"))
    details = report["details"]
    parts = 2 if "curve" in details else 1
    figure = Figure(figsize=(5.5 * parts, 4), layout="constrained")
    axes = figure.subplots(1, parts, squeeze=False)[0]
    _levels(axes[0], details["levels"])
    if "curve" in details:
        _curve(axes[1], details["curve"])
    figure.suptitle(f"{details['steps']} steps of {details['rows']} pictures, {details['pictures']} unseen", fontsize=9)
    figure.savefig(file, dpi=110)


def _levels(axes: "Axes", levels: list[dict[str, Any]]) -> None:
    """By how much the first one's error is lower, at every noise level, with its interval."""
    sigma = [each["sigma"] for each in levels]
    for name, colour in zip(levels[0]["lower"], COLOURS, strict=False):
        found = [each["lower"][name] for each in levels]
        middle = [each["percent"] for each in found]
        below = [each["percent"] - each["interval"][0] for each in found]
        above = [each["interval"][1] - each["percent"] for each in found]
        axes.errorbar(
            sigma, middle, yerr=[below, above], marker="o", ms=4, capsize=2, color=colour, label=f"than {name}"
        )
    axes.axhline(0, color="#999", lw=0.8)
    axes.legend(fontsize=8)
    axes.set(
        xscale="log", xlabel="noise level sigma", ylabel="error lower by, %", title="Unseen pictures, 95% intervals"
    )


def _curve(axes: "Axes", points: list[dict[str, float]]) -> None:
    later = [point for point in points if point["step"] > 0]
    for name, colour in zip([name for name in points[0] if name != "step"], COLOURS, strict=False):
        axes.plot([p["step"] for p in later], [p[name] for p in later], marker="o", ms=3, color=colour, label=name)
    axes.set(xlabel="step", ylabel="squared error of the velocity", title="While they learnt")
    axes.legend(fontsize=8)
