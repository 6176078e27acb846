"""A loss curve is read on two logarithmic axes, smoothed: the noise of single steps hides what is learnt."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def curve(losses: Sequence[float], file: Path, title: str) -> None:
    """Draw each step's loss, faint, and its mean over the last tenth of the steps so far."""
    from matplotlib.figure import Figure

    values = np.asarray(losses)
    steps = np.arange(1, len(values) + 1)
    sums = np.concatenate([[0.0], values.cumsum()])
    first = np.floor(0.9 * steps).astype(int)
    smooth = (sums[steps] - sums[first]) / (steps - first)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(steps, values, color="#bbbbbb", linewidth=0.4)
    axes.loglog(steps, smooth, color="#0055aa")
    axes.set(xlabel="step", ylabel="loss", title=f"{title}: {smooth[-1]:.4g} after {len(values)} steps")
    axes.grid(True, which="both", alpha=0.25)
    figure.savefig(file, dpi=110)
