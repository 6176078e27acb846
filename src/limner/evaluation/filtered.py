"""How often the class's filter would withhold pictures that nobody minds: its false alarms, in groups of pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
from PIL import Image

from limner.engine.filter import THRESHOLD
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation.drawn import opened
from limner.evaluation.figures import Value
from limner.evaluation.prevalence import Count, wilson
from limner.pictures.contact import sheet
from limner.pictures.sets import Corpus

OPENED = (".jpg", ".jpeg", ".png", ".webp")
LEVELS = (0.2, 0.5, THRESHOLD)  # the classifier's authors name the first and the last
SIDE = 256  # of a drawing, on white, as a model would draw it


Look: TypeAlias = Callable[[], Picture]
Named: TypeAlias = tuple[str, str, Look]
"""What a picture is called, what it is of, and how it is opened."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A picture with the classifier's score; `look` opens it again."""

    name: str
    group: str
    score: float
    look: Look


@dataclass(frozen=True, slots=True)
class Alarms:
    """How many of a group are withheld, with Wilson's interval; how many reach each level; and the highest score."""

    withheld: int
    of: int
    interval: tuple[float, float]
    reached: Mapping[str, int]
    highest: float

    @property
    def percent(self) -> float:
        return round(100 * self.withheld / self.of, 2)

    def spelt(self) -> Mapping[str, Value]:
        return {
            "withheld": self.withheld,
            "of": self.of,
            "interval": list(self.interval),
            "at least": dict(self.reached),
            "highest": self.highest,
        }


def drawings(corpus: Corpus, each: int, seed: int) -> Iterator[Named]:
    """At most so many of each set, chosen by lot; on white."""
    places = dict[str, list[int]]()
    for place, record in enumerate(corpus.records):
        places.setdefault(record.set, []).append(place)
    for name, found in sorted(places.items()):
        for place in sorted(Random(f"{seed} {name}").sample(found, min(each, len(found)))):
            yield corpus.records[place].key, name, partial(white, corpus, place)


def white(corpus: Corpus, place: int) -> Picture:
    drawing = Image.fromarray(corpus.image(place, SIDE))
    ground = Image.new("RGBA", drawing.size, "white")
    return np.asarray(Image.alpha_composite(ground, drawing).convert("RGB"))


def photographs(folder: Path) -> Iterator[Named]:
    """Every picture in the folder and those in it; their group is the folder's part of their name."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in OPENED)
    if not files:
        raise LimnerError(f"no picture in {folder}", f"put files there that end with {', '.join(OPENED)}")
    for file in files:
        name = file.relative_to(folder)
        yield name.as_posix(), name.parts[0], partial(opened, file)


def counted(scores: Sequence[float]) -> Alarms:
    """Of one group's scores."""
    stopped = sum(score >= THRESHOLD for score in scores)
    found = wilson(Count(stopped, len(scores)))
    reached = {f"{level:g}": sum(score >= level for score in scores) for level in LEVELS}
    interval = round(found.low, 4), round(found.high, 4)
    return Alarms(stopped, len(scores), interval, reached, round(max(scores), 3))


def plot(groups: Mapping[str, Sequence[float]], file: Path) -> None:
    """The share of each group's pictures that reach a score, for every score."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, scores in groups.items():
        shares = 1 - np.arange(len(scores)) / len(scores)
        axes.step(np.sort(scores), 100 * shares, where="pre", label=f"{name} ({len(scores)})")
    axes.axvline(THRESHOLD, color="#666", ls="--", lw=1, label=f"withheld from {THRESHOLD:g} on")
    axes.set(xlabel="score", ylabel="% of pictures with at least that", xlim=(0, 1), yscale="log", ylim=(0.02, 130))
    axes.legend(fontsize=8)
    figure.savefig(file, dpi=110)


def highest(scored: Sequence[Scored], file: Path) -> None:
    """A sheet of these with their scores: whoever looks sees what it is wrong about."""
    looks = [np.asarray(Image.fromarray(each.look()).resize((SIDE // 2, SIDE // 2))) for each in scored]
    sheet(looks, [f"{each.score:.2f} {each.name}" for each in scored], columns=8).save(file)
