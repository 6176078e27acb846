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
    columns = min(len(drawn), 3)
    rows = -(-len(drawn) // columns)
    figure = Figure(figsize=(5.5 * columns, 3.6 * rows), layout="constrained")
    for place, (draw, found) in enumerate(drawn):
        draw(figure.add_subplot(rows, columns, place + 1), found)
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
    longest = max((each["most"] for each in rows.values()), default=0)
    for place, each in enumerate(rows.values()):
        within = each["median"] > longest / 5  # else its bar is shorter than the words: they stand behind its reach
        begin, color = (0, "w") if within else (each["most"], INK)
        axes.annotate(
            f"{each['median']:.2f} s", (begin, place), xytext=(4 if within else 8, 0), textcoords="offset points",
            color=color, ha="left", va="center",
        )  # fmt: skip
    axes.set(title=title, xlabel="seconds, median with least and most")


def _lone(axes: "Axes", found: dict[str, Any]) -> None:
    _bars(axes, found, "One picture, 20 guided steps")


def _equal(axes: "Axes", found: dict[str, Any]) -> None:
    _bars(axes, found, "One picture of equal quality")


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


def _make(axes: "Axes", found: dict[str, Any]) -> None:
    """From the return key to the file, one piece after another."""
    begun = 0.0
    for name, seconds in found.get("pieces", {}).items():
        axes.barh(name, seconds, left=begun, color=INK)
        begun += seconds
    axes.invert_yaxis()
    whole = sorted(found["seconds"])[len(found["seconds"]) // 2]
    axes.axvline(whole, color="#999", label="whole command, exit included")
    axes.legend(loc="upper right", fontsize=8)
    axes.set(title="limner make, 20 steps", xlabel="seconds")


DRAWN = {
    "lone": _lone,
    "equal": _equal,
    "large": _large,
    "large-sdxl": _large_sdxl,
    "many": _many("the model itself"),
    "many-sd15": _many("Stable Diffusion 1.5's size"),
    "many-sdxl": _many("SDXL's size"),
    "waits": _waits,
    "make": _make,
}


def equality(source: Path, file: Path) -> None:
    """Draw what `limner measure equal` wrote: recognition against steps, and the baseline as a line."""
    from matplotlib.figure import Figure

    report = json.loads(source.read_text(encoding="utf-8"))
    figure = Figure(figsize=(10, 4), layout="constrained")
    for place, part in enumerate(("selection", "test")):
        axes = figure.add_subplot(1, 2, place + 1, sharey=figure.axes[0] if place else None)
        _recognised(axes, report["details"][part]["results"])
        axes.set(title=f"{part}, {report['details'][part]['results'][0]['of']} pictures each", xlabel="steps")
    figure.axes[0].set(ylabel="share the oracle names as asked")
    figure.axes[0].legend(loc="lower right", fontsize=8)
    figure.suptitle("95% intervals (Wilson); what counts is the paired difference, in the JSON", fontsize=9)
    figure.savefig(file, dpi=110)


def _recognised(axes: "Axes", results: list[dict[str, Any]]) -> None:
    baseline, *others = results
    axes.axhline(baseline["right"] / baseline["of"], color="#666", label=f"{baseline['name']}, {baseline['backend']}")
    axes.axhspan(*baseline["interval"], color="#666", alpha=0.12, lw=0)
    ways = dict[str, list[dict[str, Any]]]()
    for each in others:
        ways.setdefault(each["name"].replace(f" {each['wish']['steps']}", "", 1), []).append(each)
    for number, (name, found) in enumerate(ways.items()):
        steps = [each["wish"]["steps"] + 0.12 * number for each in found]
        middle = [each["right"] / each["of"] for each in found]
        reach = [
            [value - each["interval"][0] for value, each in zip(middle, found, strict=True)],
            [each["interval"][1] - value for value, each in zip(middle, found, strict=True)],
        ]
        axes.errorbar(steps, middle, yerr=reach, marker="o", ms=4, capsize=2, label=f"{name}, {found[0]['backend']}")
