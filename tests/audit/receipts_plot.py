"""The verdicts as bars, and how far apart pictures are that are one, akin and strangers."""

from collections.abc import Mapping
from pathlib import Path

SHADES = {
    "made here by you": "#2f7d4f", "re-made from its recipe and equal within tolerance": "#8bbf8f",
    "made here, not by you": "#2f4b7c", "altered": "#c0504d", "unknown": "#cccccc",
}  # fmt: skip
THERE = {"originals kept": "the original is kept", "originals gone": "it is gone",
         "originals gone, re-made": "it is gone, and drawn again"}  # fmt: skip


def plot(report: Mapping[str, object], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.7, 1))
    rows = list(report["verdicts"])
    for place, (there, title) in enumerate(THERE.items()):
        axes = left.add_subplot(1, 3, place + 1)
        for row, how in enumerate(rows):
            counts, at = report["verdicts"][how][there], 0
            for verdict, shade in SHADES.items():
                count = counts.get(verdict, 0)
                axes.barh(row, count, left=at, color=shade)
                at += count
        axes.set_yticks(range(len(rows)), rows if place == 0 else [""] * len(rows))
        axes.invert_yaxis()
        axes.set(title=title, xlabel="pictures", xticks=(0, 20, 40))
    handles = [axes.barh(0, 0, color=shade, label=verdict) for verdict, shade in SHADES.items()]
    left.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    axes = right.subplots()
    _distances(axes, report)
    figure.suptitle(
        f"{report['re-made equal to the last bit']} re-made equal to the last bit; limner-mini, {report['date']}"
    )
    figure.savefig(file, dpi=100)


def _distances(axes: object, report: Mapping[str, object]) -> None:
    """Shares of pairs by bits that differ."""
    alike = next(iter(report["thresholds"].values()))
    kinds = {
        "a picture saved anew or scaled": [b for how in report["surviving"] for b in report["survivors"][how]],
        "one prompt, two seeds": _spelt(report["same prompt, other seed"]["distances"]),
        "two prompts": _spelt(report["unrelated"]["distances"]),
    }
    for (name, bits), shade in zip(kinds.items(), ("#2f7d4f", "#d08a2e", "#2f4b7c"), strict=True):
        weights = [100 / len(bits)] * len(bits)
        axes.hist(bits, bins=range(0, 180, 4), weights=weights, alpha=0.6, color=shade, label=f"{name} ({len(bits)})")
    axes.axvline(alike, color="k", linestyle=":")
    axes.annotate(f"shown to a person:\nat most {alike} bits", (alike, 0.6), xycoords=("data", "axes fraction"),
                  xytext=(6, 0), textcoords="offset points")  # fmt: skip
    axes.set(xlabel="bits of 256 in which the perceptual hashes differ", ylabel="% of pairs")
    axes.legend(frameon=False)


def _spelt(distances: Mapping[str, int]) -> list[int]:
    return [int(bits) for bits, count in distances.items() for _ in range(count)]
