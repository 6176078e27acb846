"""A network at school: its steps within the time there is, what is seen of it, and what it waits for."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from limner.cli.progress import told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from limner.training.workshop import Study

AGAIN = 3.0  # seconds between two looks at how long the plan may be
SPOKEN = 10  # steps between two losses that are waited for, to be shown
PATIENCE = 0.1  # seconds between two looks for what another process composes


def alone(work: Callable[..., object], *given: object) -> None:
    """What another process does: what it cannot do it says in one line."""
    try:
        work(*given)
    except LimnerError as fault:
        told(str(fault))
        sys.exit(2)


def composed(folder: Path, chunks: int) -> int:
    """How many of the chunks can be learnt from."""
    from limner.training.diffusion import there

    return there(folder, chunks)


def awaited(process: "BaseProcess", folder: Path, chunks: int) -> None:
    """Return as soon as there are so many chunks; LimnerError if whoever composes them stops before."""
    while composed(folder, chunks) < chunks:
        time.sleep(PATIENCE)
        if not process.is_alive() and composed(folder, chunks) < chunks:
            raise LimnerError("what composes scenes beside the training has ended", "leave out --beside to see why")


def learn(study: "Study", stem: Path, minutes: float | None, look: float, fit: bool = False) -> None:
    """Train to the plan's end, or for so many minutes; a sheet and the curve are drawn now and then and at the end.

    To `fit` is to end the plan where the minutes end, by the time that steps take as they go.
    """
    from tqdm import tqdm

    from limner.training.fitting import Fit
    from limner.training.processes import agreed

    began = looked = again = time.monotonic()
    steps = study.steps()
    fitting = Fit(study.run.plan, 60 * minutes) if fit and minutes is not None else None
    with tqdm(
        total=study.run.plan.steps, initial=study.run.number, disable=not sys.stderr.isatty(), unit="step"
    ) as bar:
        for step in steps:
            bar.update()
            if fitting and agreed(time.monotonic() - again > AGAIN):
                step.loss  # noqa: B018 - whoever asks for it waits until the device has come so far
                again = time.monotonic()
                study.run.plan = fitting.again(study.run.plan, step.number, again - began)
            if not bar.disable and step.number % SPOKEN == 0:
                bar.set_postfix(loss=f"{step.loss:.4f}", rate=f"{step.rate:.1e}", refresh=False)
            if minutes is not None and agreed(time.monotonic() - began > 60 * minutes):
                steps.close()
            elif time.monotonic() - looked > 60 * look:
                show(study, stem)
                looked = time.monotonic()
                if fitting:
                    fitting.forget()
    show(study, stem)


def show(study: "Study", stem: Path) -> None:
    """The curve, a sheet, and a line that says how far it is."""
    from limner.pictures.contact import sheet
    from limner.training.chart import curve
    from limner.training.processes import rank

    if rank() == 0 and study.run.losses:
        curve(study.run.losses, stem.with_name(f"{stem.name}-curve.png"), stem.name)
        pictures, words = study.look()
        file = stem.with_name(f"{stem.name}-{'sheet' if pictures else 'curve'}.png")
        if pictures:
            sheet(pictures, words).save(file)
        mean = sum(study.run.losses[-100:]) / len(study.run.losses[-100:])
        print(f"step {study.run.number} loss {mean:.4f} {file}", flush=True)
