"""A measurement is read faster as a picture: seconds as bars, waits as a curve, and the targets beside them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#2f4b7c"


def plots(source: Path, file: Path) -> None:
    """Draw what `limner bench` wrote, as far as it was measured."""
    from matplotlib.figure import Figure

    report = json.loads(source.read_text(encoding="utf-8"))
    details = report["details"]
    drawn = [(draw, details[part]) for part, draw in DRAWN.items() if part in details]
    if not drawn:
        return
    figure = Figure(figsize=(5 * len(drawn), 3.6), layout="constrained")
    for place, (draw, found) in enumerate(drawn):
        draw(figure.add_subplot(1, len(drawn), place + 1), found)
    figure.suptitle(
        f"{report['machine']['processor']}, {report['machine']['cores']} cores, {report['date']}", fontsize=9
    )
    figure.savefig(file, dpi=110)


def _bars(axes: "Axes", found: dict[str, Any], title: str) -> None:
    rows = {name: each for name, each in found.items() if isinstance(each, dict)}
    middle = [each["median"] for each in rows.values()]
    reach = [
        [each["median"] - each["least"] for each in rows.values()],
        [each["most"] - each["median"] for each in rows.values()],
    ]
    axes.barh(list(rows), middle, xerr=reach, color=INK, ecolor="#999", capsize=3)
    axes.invert_yaxis()
    for place, value in enumerate(middle):
        axes.annotate(
            f"{value:.2f} s", (0, place), xytext=(4, 0), textcoords="offset points", color="w", ha="left", va="center"
        )
    axes.set(title=title, xlabel="seconds, median with least and most")


def _lone(axes: "Axes", found: dict[str, Any]) -> None:
    _bars(axes, found, "One picture, 20 guided steps")


def _large(axes: "Axes", found: dict[str, Any]) -> None:
    _bars(axes, found, "One guided pass, Stable Diffusion 1.5's size")


def _large_sdxl(axes: "Axes", found: dict[str, Any]) -> None:
    _bars(axes, found, f"One guided pass, SDXL's size, {found['pixels']} pixels")


def _many(title: str) -> "Callable[[Axes, dict[str, Any]], None]":
    def draw(axes: "Axes", found: dict[str, Any]) -> None:
        """Jobs a second."""
        rates = {name.removesuffix(" jobs/s"): rate for name, rate in found.items() if name.endswith("jobs/s")}
        axes.bar_label(axes.barh(list(rates), list(rates.values()), color=INK), fmt="%.3g", padding=3)
        axes.invert_yaxis()
        axes.set(title=f"{found['jobs']} mixed jobs, {title}", xlabel="jobs a second")

    return draw


def _waits(axes: "Axes", found: dict[str, Any]) -> None:
    """The share of jobs that have their picture after so many seconds."""
    for (rule, waits), style in zip(found.items(), ("--", "-"), strict=False):
        seconds = sorted(each for _, each in waits)
        axes.step(
            seconds, [(k + 1) / len(seconds) for k in range(len(seconds))], style, color=INK, label=rule, where="post"
        )
    axes.set(
        title="Mixed load at 0.9: who waits how long", xlabel="seconds from asking to picture", ylabel="share of jobs"
    )
    axes.legend(loc="lower right")


DRAWN = {
    "lone": _lone,
    "large": _large,
    "large-sdxl": _large_sdxl,
    "many": _many("the model itself"),
    "many-sd15": _many("Stable Diffusion 1.5's size"),
    "many-sdxl": _many("SDXL's size"),
    "waits": _waits,
}
