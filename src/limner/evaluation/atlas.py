"""Maps of CLIP's space, and bars of what it gets right beside what chance would."""

import io
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from torch import Tensor

from limner.engine.run import Picture
from limner.evaluation.alignment import Count
from limner.evaluation.space import Projection, projected

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, OTHER, PALE = "#2f4b7c", "#d45087", "#999"
WHITE = 250  # from which on all three channels are paper
MOST = 200  # pictures that a map shows as such


def pictured(features: Float[Tensor, "n p"], shown: Mapping[int, Picture], title: str) -> bytes:
    """A PNG file: every vector a dot in the plane of most variance, some with their picture."""
    from matplotlib.figure import Figure
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    found = projected(features)
    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.add_subplot()
    x, y = found.points.T.tolist()
    axes.scatter(x, y, s=4, color=PALE)
    for k, picture in shown.items():
        clear = np.dstack([picture, 255 * (picture.min(-1) < WHITE).astype(np.uint8)])  # else it hides its neighbours
        axes.add_artist(AnnotationBbox(OffsetImage(clear, zoom=0.6), (x[k], y[k]), frameon=False))
    _named(axes, found, title)
    return _file(figure)


def both(pictures: Float[Tensor, "n p"], captions: Float[Tensor, "n p"], title: str) -> bytes:
    """A PNG file: pictures and captions in one plane, a line from each picture to its caption."""
    import torch
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    found, n = projected(torch.cat([pictures, captions])), len(pictures)
    seen, said = found.points[:n], found.points[n:]
    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.add_subplot()
    lines = torch.stack([seen, said], 1).tolist()
    axes.add_collection(LineCollection(lines, colors=PALE, linewidths=0.4, alpha=0.3))
    for points, colour, name in ((seen, INK, "pictures"), (said, OTHER, "their captions")):
        x, y = points.T.tolist()
        axes.scatter(x, y, s=6, color=colour, alpha=0.7, label=name)
        axes.scatter(mean(x), mean(y), s=120, marker="X", color=colour, edgecolor="white")
    axes.legend(loc="upper right", fontsize=8)
    _named(axes, found, title)
    return _file(figure)


def bars(counts: Mapping[str, Count], file: Path) -> None:
    """Shares with their 95% intervals, and what chance gets."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.36 * len(counts) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    middle = [each.share for each in counts.values()]
    reach = [[each.share - each.interval[0] for each in counts.values()]]
    reach.append([each.interval[1] - each.share for each in counts.values()])
    axes.barh(list(counts), middle, xerr=reach, color=INK, ecolor=PALE, capsize=2)
    axes.plot([each.chance for each in counts.values()], list(counts), "|", color=OTHER, ms=14, mew=2, label="chance")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share right, with its 95% interval (Wilson)")
    axes.tick_params(axis="y", labelsize=8)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(file, dpi=110)


def _named(axes: "Axes", found: Projection, title: str) -> None:
    one, other = (f"{share:.0%} of the variance" for share in found.shares)
    axes.set(title=title, xlabel=one, ylabel=other)
    axes.title.set_fontsize(10)


def _file(figure: "Figure") -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
