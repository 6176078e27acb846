"""From where on is a likeness a copy?  Ask drawings that are known to be shown again, and others that are not."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from scipy.stats import binomtest, mannwhitneyu

from limner.engine.run import Picture
from limner.evaluation.exercises import Painter
from limner.evaluation.figures import Value
from limner.evaluation.nearest import Index, Match
from limner.pictures.nouns import noun_of
from limner.pictures.scenes import Mix, compose
from limner.pictures.sets import Corpus
from limner.process.noise import key

FALSE = 0.01  # share of pictures that are no copies, and may be called so
ROWS = 32  # pictures through the autoencoder at once


@dataclass(frozen=True, slots=True)
class Known:
    """A drawing shown again, moved and scaled, on other ground, through the autoencoder: `place` is its own."""

    picture: Picture
    place: int
    ground: str


@torch.no_grad()
def shown(corpus: Corpus, sets: Collection[str], painter: Painter, side: int, count: int, seed: int) -> Iterator[Known]:
    """So many drawings of things from these sets, each once more as a model of this autoencoder could draw it at best.

    LimnerError if the sets have no drawing of a listed noun.
    """
    mix = Mix(
        single=1,
        people=0,
        tinted=0,
        shapes=0,
        count=0,
        pair=0,
        white=0.7,
        plain=0.15,
        pale=0.05,
        scenery=0.1,
        sets=tuple(sorted(sets)),
        scale=(0.75, 1.0),
    )
    places = {record.key: place for place, record in enumerate(corpus.records)}
    for start in range(0, count, ROWS):
        rows = range(start, min(start + ROWS, count))
        scenes = [compose(corpus, Random(key(seed, "shown again", row)), side, mix) for row in rows]
        pixels = torch.from_numpy(np.stack([scene.image for scene in scenes])).movedim(-1, 1).float() / 255
        back = painter.decode(painter.encode(pixels)).clamp(0, 1).movedim(1, -1)
        for scene, picture in zip(scenes, (back * 255).round().to(torch.uint8).cpu().numpy(), strict=True):
            yield Known(picture, places[scene.things[0].key], scene.background)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Likenesses of what is a copy, and of what is none: the drawing looked up, and looked up in vain.

    `again[k]` is the likeness to the drawing itself (0 where it was no candidate), `others[k]` the highest to anything
    but the drawings of that noun in that set.
    """

    again: tuple[float, ...]
    others: tuple[float, ...]
    grounds: tuple[str, ...]

    @property
    def threshold(self) -> float:
        """The likeness that FALSE of every second one of `others` reach; the rest are there to test it."""
        return float(np.quantile(self.others[::2], 1 - FALSE, method="higher"))

    @property
    def area(self) -> float:
        """Under the ROC curve: how often a copy is the likelier of a pair, by Mann and Whitney 1947."""
        statistic = mannwhitneyu(self.again, self.others).statistic
        return float(statistic) / (len(self.again) * len(self.others))

    def curve(self, points: int = 50) -> list[tuple[float, float, float]]:
        """(threshold, share of copies found, share of others called copies), thresholds rising."""
        again, others = np.asarray(self.again), np.asarray(self.others)
        levels = np.quantile(np.concatenate([again, others]), np.linspace(0, 1, points))
        return [(float(each), float((again >= each).mean()), float((others >= each).mean())) for each in levels]


def calibrated(index: Index, known: Sequence[Known], told: Callable[[int], None]) -> Calibration:
    """Look every drawing up twice: among all, and among all but those of its noun in its set.

    The second time what is left are other sets' drawings of the same noun, and other nouns.
    """
    corpus = index.corpus
    family = [(noun.word if (noun := noun_of(record)) else record.label, record.set) for record in corpus.records]
    members = dict[tuple[str, str], list[int]]()
    for place, each in enumerate(family):
        members.setdefault(each, []).append(place)
    again, others = list[float](), list[float]()
    for number, drawing in enumerate(known):
        found = {match.place: match.likeness for match in index.nearest(drawing.picture)}
        again.append(found.get(drawing.place, 0.0))
        others.append(highest(index.nearest(drawing.picture, members[family[drawing.place]])))
        told(number + 1)
    return Calibration(tuple(again), tuple(others), tuple(each.ground for each in known))


def highest(matches: Sequence[Match]) -> float:
    return matches[0].likeness if matches else 0.0


def divided(corpus: Corpus, styles: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sets that draw things in colour, as far as they are built: those of the styles, and all others.

    The others are what the last trainings left out: an ancestor may have seen some of them.
    """
    drawn = {
        record.set: record.style
        for record in corpus.records
        if record.style != "silhouette" and record.group != "faces" and noun_of(record)
    }
    return tuple(name for name in drawn if drawn[name] in styles), tuple(
        name for name in drawn if drawn[name] not in styles
    )


def counted(values: Sequence[float], threshold: float) -> dict[str, Value]:
    """How many reach the threshold, with Wilson's 95% interval of their share."""
    copies = sum(value >= threshold for value in values)
    low, high = binomtest(copies, len(values)).proportion_ci(method="wilson")
    return {"copies": copies, "of": len(values), "interval": [round(float(low), 4), round(float(high), 4)]}


def by_ground(found: Calibration) -> dict[str, Value]:
    """The copies found on white and on other grounds, where what stands out is harder to tell."""
    white = [value for value, ground in zip(found.again, found.grounds, strict=True) if ground == "white"]
    other = [value for value, ground in zip(found.again, found.grounds, strict=True) if ground != "white"]
    kinds = {"white": white, "other": other}
    return {name: counted(values, found.threshold) for name, values in kinds.items() if values}


def spread(values: Sequence[float]) -> list[float]:
    """The least, a tenth, a quarter, a half, three quarters, nine tenths and the most."""
    return [round(float(each), 3) for each in np.quantile(values, (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1))]


def plot(drawn: Sequence[float], unseen: Sequence[float], found: Calibration, threshold: float, file: Path) -> None:
    """Likenesses of what the model drew beside those of the calibration, and the ROC curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    axes = figure.add_subplot(1, 2, 1)
    series = {
        "training drawings shown again": found.again,
        "drawings of sets that its last trainings leave out": unseen,
        "drawings looked up without their own": found.others,
        "what the model drew": drawn,
    }
    for name, values in series.items():
        if values:
            axes.plot(np.sort(values), np.linspace(0, 1, len(values)), label=f"{name} ({len(values)})")
    axes.axvline(threshold, color="#666", ls="--", lw=1, label=f"a copy from {threshold:g} on")
    axes.set(xlabel="likeness to the nearest training drawing", ylabel="share below", xlim=(0, 1))
    axes.legend(fontsize=8, loc="upper left")
    curve = found.curve(200)
    right = figure.add_subplot(1, 2, 2)
    right.plot([false for _, _, false in curve], [true for _, true, _ in curve], color="#2f4b7c")
    right.set(xlabel="others called copies", ylabel="copies found", title=f"ROC, area {found.area:.3f}")
    figure.savefig(file, dpi=110)
