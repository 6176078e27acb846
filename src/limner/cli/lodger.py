"""An oracle that is taught beside a diffusion model, on the same device, until the same minute."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from limner.cli.progress import told

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from limner.evaluation.exercises import Vocabulary
    from limner.pictures.sets import Corpus
    from limner.training.loop import Run

Seen = TypeVar("Seen")
MOST = 7000  # steps of each network, if the time allows; both are shortened to it
FIRST = 0.3  # of the time that is left once there are exercises, the segmenter's


@dataclass(frozen=True, slots=True)
class Lodger:
    """What an oracle is taught with, and for how long; it begins with the shipped one, if that has the same words.

    The exercises come through the model's autoencoder, whose `identity` they are kept by.
    """

    corpus: Path
    folder: Path
    model: str
    identity: str
    device: str
    workers: int
    chunks: int
    steps: int | None
    rows: int
    seconds: float

    def exercises(self, corpus: "Corpus", known: "Vocabulary") -> Path:
        from limner.evaluation.exercises import kept

        return kept(self.folder, corpus, known, self.identity)


def teach(lodger: Lodger) -> None:
    """Exercises by several processes, then one network after the other, each with its rate fallen at the end."""
    from limner.engine.device import choose
    from limner.evaluation import exercises, reader, segmenter
    from limner.evaluation.oracle import opened
    from limner.pictures.sets import Corpus

    end, many = time.monotonic() + lodger.seconds, max(1, lodger.workers)
    with ProcessPoolExecutor(many, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(exercise, lodger, many), range(many)))
    told(f"the oracle has its exercises, {end - time.monotonic():.0f} s before the end")
    corpus, device, shipped = Corpus(lodger.corpus), choose(lodger.device).device, opened()
    known, steps = exercises.vocabulary(corpus), lodger.steps or MOST
    given, same = exercises.gathered(lodger.exercises(corpus, known), lodger.chunks), shipped.known == known
    first = segmenter.study(
        lodger.folder / "segmenter.safetensors",
        plan=replace(segmenter.PLAN, steps=steps),
        warm=shipped.segmenter if same else None,
        device=device,
    )
    seen = partial(segmenter.batch, given, 0, rows=lodger.rows * segmenter.ROWS)
    taught(lodger, first, seen, partial(segmenter.lesson, device=device), FIRST * (end - time.monotonic()))
    last = reader.study(
        known,
        lodger.folder / "reader.safetensors",
        replace(reader.PLAN, steps=steps),
        warm=shipped.reader if same else None,
        device=device,
    )
    read = partial(reader.batch, given, known, 0, rows=lodger.rows * reader.ROWS)
    taught(lodger, last, read, partial(reader.lesson, device=device), end - time.monotonic())


def exercise(lodger: Lodger, many: int, which: int) -> None:
    """One of so many shares of the exercises."""
    from limner.bundle import open_bundle
    from limner.cli.oracle import Elsewhere
    from limner.engine.device import choose
    from limner.evaluation import exercises
    from limner.pictures.sets import Corpus

    place, corpus = choose(lodger.device), Corpus(lodger.corpus)
    painter, known = Elsewhere(open_bundle(lodger.model, place.device, place.dtype)), exercises.vocabulary(corpus)
    for _ in exercises.prepare(corpus, painter, known, lodger.exercises(corpus, known), lodger.chunks, 0, which, many):
        pass


def taught(
    lodger: Lodger,
    run: "Run",
    make: "Callable[[int], Seen]",
    lesson: "Callable[[Module, Seen], Tensor]",
    seconds: float,
) -> None:
    """Within so many seconds, on batches that other processes make."""
    from limner.cli.schooling import learn
    from limner.training.feed import feed
    from limner.training.precision import autocast, half_pays
    from limner.training.workshop import Study

    batches = feed(make, run.number + 1, run.plan.steps, lodger.workers)
    device = next(run.net.parameters()).device
    half = half_pays(device)

    def loss(net: "Module", number: int) -> "Tensor":
        with autocast(device, half):
            return lesson(net, next(batches))

    assert run.file is not None
    study = Study(run, loss, lambda: ([], []))
    learn(study, run.file.with_suffix(""), max(0.0, seconds) / 60, look=1e9, fit=True)
