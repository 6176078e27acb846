"""Does a word's heat lie on its thing?  Maps against masks that are known, beside maps that have to be wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import inf

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import mannwhitneyu, rankdata, wilcoxon
from torch import Tensor
from torch.nn import functional as F

from limner.control.heatmaps import enlarged, stretched
from limner.errors import LimnerError
from limner.evaluation import seen
from limner.evaluation.guidance import over
from limner.evaluation.prevalence import Share, clustered
from limner.evaluation.seen import Mask

Heat = Float[np.ndarray, "height width"]
Seen = Mapping[tuple[float, int], Float[Tensor, "h w"]]
"""The sum of a word's maps by noise level and by the maps' height."""

TAUS = tuple(k / 20 for k in range(2, 19))
FINE = tuple(k / 100 for k in range(1, 100))
WIDTH = 0.25  # of the centred Gaussian, as a share of the side
CONTROLS = ("other word", "other picture", "centred Gaussian", "whole picture")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one word, and where the thing is that it speaks of; a trait, such as a colour, is its thing's.

    `picture` counts pictures, `thing` the things in one; `kin` is the kind of noun.
    """

    picture: int
    kind: str
    word: str
    thing: int
    seen: Seen
    mask: Mask
    trait: bool = False
    kin: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What counts: maps of these noise levels, low <= sigma <= high, and heights; and from where on it is the thing."""

    low: float
    high: float
    sides: tuple[int, ...]
    tau: float

    def heat(self, seen: Seen, size: tuple[int, int]) -> Heat:
        """The word's map, of that size, in [0, 1].  Tang et al. 2022 (arXiv:2210.04885), Eq. 5 to 7."""
        return warmth(
            [layer(maps, size) for (sigma, side), maps in seen.items() if self.counts(sigma) and side in self.sides]
        )

    def counts(self, sigma: float) -> bool:
        return self.low <= sigma <= self.high


def layer(maps: Float[Tensor, "h w"], size: tuple[int, int]) -> Float[Tensor, "1 1 height width"]:
    return enlarged(maps.float()[None, :, :, None], size)


def warmth(layers: Sequence[Float[Tensor, "1 1 height width"]]) -> Heat:
    """Their sum, stretched.  LimnerError where there is none."""
    if not layers:
        raise LimnerError("nothing was seen at these noise levels and heights", "choose others")
    heat: Heat = stretched(torch.stack(list(layers)).sum(0))[0].numpy()
    return heat


def iou(heat: Heat, mask: Mask, tau: float) -> float:
    """Intersection over union of the mask and of where heat is more than tau; 0 where both are empty."""
    return seen.iou(heat > tau, mask)


def pointed(heat: Heat, mask: Mask) -> bool:
    """The pointing game: is the hottest place on the thing?  Zhang et al. 2016 (arXiv:1608.00507), section 4."""
    return bool(mask.flat[heat.argmax()])


def auroc(heat: Heat, mask: Mask) -> float:
    """How likely a place on the thing is hotter than one beside it: Mann and Whitney 1947, equals counting half."""
    inside = int(mask.sum())
    outside = mask.size - inside
    if not inside or not outside:
        return 0.5
    rank = float(rankdata(heat)[mask.ravel()].sum())
    return (rank - inside * (inside + 1) / 2) / (inside * outside)


def energy(heat: Heat, mask: Mask) -> float:
    """The share of heat that lies on the thing."""
    total = float(heat.sum())
    return float(heat[mask].sum()) / total if total else 0.0


def gaussian(size: tuple[int, int]) -> Heat:
    """What somebody would say who never looked: the thing is in the middle."""
    down, across = (np.exp(-((((np.arange(n) + 0.5) / n - 0.5) / WIDTH) ** 2) / 2) for n in size)
    heat: Heat = np.outer(down, across)
    low, high = heat.min(), heat.max()
    scaled: Heat = (heat - low) / (high - low)
    return scaled


def ceiling(mask: Mask, side: int) -> float:
    """The IoU that the best map of that height can reach: the mask itself, averaged, enlarged, cut where it is best."""
    size = mask.shape[0], mask.shape[1]
    small = F.interpolate(torch.from_numpy(mask)[None, None].float(), (side, side), mode="area")[0, 0]
    heat = warmth([layer(small, size)])
    return max(iou(heat, mask, tau) for tau in FINE)


def choose(looks: Sequence[Look], every_level: bool = True) -> Choice:
    """The noise levels in a row (all of them, unless `every_level`), the heights and the tau of the best mean IoU.

    To be asked about other pictures than those that are judged.  LimnerError where nothing was seen.
    """
    things = [look for look in looks if not look.trait]
    if not things:
        raise LimnerError("there is nothing to choose by", "look at more scenes")
    levels = sorted({sigma for look in things for sigma, _ in look.seen})
    heights = sorted({side for look in things for _, side in look.seen})
    spans = [(low, high) for low in levels for high in levels if low <= high] if every_level else [(0.0, inf)]
    sides = [each for many in range(1, len(heights) + 1) for each in combinations(heights, many)]
    layers = [{key: layer(maps, size_of(look)) for key, maps in look.seen.items()} for look in things]
    best, found = -1.0, Choice(0.0, inf, tuple(heights), TAUS[0])
    for low, high in spans:
        for some in sides:
            mean = means([warmth(_some(each, low, high, some)) for each in layers], [look.mask for look in things])
            tau = max(TAUS, key=lambda tau: mean[tau])
            if mean[tau] > best:
                best, found = mean[tau], Choice(low, high, some, tau)
    return found


def _some(
    layers: Mapping[tuple[float, int], Float[Tensor, "1 1 h w"]], low: float, high: float, sides: Sequence[int]
) -> list[Float[Tensor, "1 1 h w"]]:
    return [each for (sigma, side), each in layers.items() if low <= sigma <= high and side in sides]


def means(heats: Sequence[Heat], masks: Sequence[Mask]) -> dict[float, float]:
    """The mean IoU at each tau."""
    pairs = list(zip(heats, masks, strict=True))
    return {tau: float(np.mean([iou(heat, mask, tau) for heat, mask in pairs])) for tau in TAUS}


def size_of(look: Look) -> tuple[int, int]:
    return look.mask.shape[0], look.mask.shape[1]


@dataclass(frozen=True, slots=True)
class Score:
    """How well some maps lie on their things: means over pictures, with 95% intervals."""

    words: int
    iou: Share
    pointed: Share
    auroc: Share
    energy: Share


def scored(looks: Sequence[Look], heats: Sequence[Heat], tau: float) -> Score:
    """Words of one picture resemble each other: intervals are over pictures, and bootstrapped where it is no share."""
    pictures = dict[int, list[tuple[float, bool, float, float]]]()
    for look, heat in zip(looks, heats, strict=True):
        row = iou(heat, look.mask, tau), pointed(heat, look.mask), auroc(heat, look.mask), energy(heat, look.mask)
        pictures.setdefault(look.picture, []).append(row)
    rows = list(pictures.values())
    overlap, rank, inside = (over([float(np.mean([row[k] for row in few])) for few in rows]) for k in (0, 2, 3))
    return Score(len(looks), overlap, clustered([[row[1] for row in few] for few in rows]), rank, inside)


def judged(looks: Sequence[Look], choice: Choice, middle: float) -> dict[str, Score]:
    """The words' own maps, and the controls: maps that are not of this word, of this picture, or of anything.

    `middle` is the tau of the centred Gaussian, its own best one.  Only where two things are in a picture there is
    another word.
    """
    things = [look for look in looks if not look.trait]
    own = [choice.heat(look.seen, size_of(look)) for look in things]
    elsewhere = [strangers(things, number) for number in range(len(things))]
    found = {"own": scored(things, own, choice.tau)}
    for name, partner in (("other word", beside), ("other picture", None)):
        pairs = [(look, beside(things, n) if partner else elsewhere[n]) for n, look in enumerate(things)]
        have = [(look, own[k]) for look, k in pairs if k is not None]
        if have:
            found[name] = scored([look for look, _ in have], [heat for _, heat in have], choice.tau)
    found["centred Gaussian"] = scored(things, [gaussian(size_of(look)) for look in things], middle)
    found["whole picture"] = scored(things, [np.ones(look.mask.shape) for look in things], 0.5)
    return found


def beside(looks: Sequence[Look], number: int) -> int | None:
    """Which of the looks is at the other thing of the same picture."""
    own = looks[number]
    return next((n for n, each in enumerate(looks) if each.picture == own.picture and each.thing != own.thing), None)


def strangers(looks: Sequence[Look], number: int) -> int | None:
    """Which of the looks comes next that is at another picture of the same kind."""
    own, order = looks[number], [*range(number + 1, len(looks)), *range(number)]
    return next((n for n in order if looks[n].kind == own.kind and looks[n].picture != own.picture), None)


def middle_of(looks: Sequence[Look]) -> float:
    """The tau that suits a centred Gaussian best."""
    things = [look for look in looks if not look.trait]
    mean = means([gaussian(size_of(look)) for look in things], [look.mask for look in things])
    return max(TAUS, key=lambda tau: mean[tau])


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two means and how likely chance alone makes the first that much larger: one-sided."""

    one: float
    other: float
    count: int
    p: float


def spread(looks: Sequence[Look], choice: Choice) -> Contrast | None:
    """The area of traits' maps beside that of their things': "adjectives attend too broadly" (Tang et al. 2022).

    Wilcoxon's signed-rank test of pairs; None where there are none.
    """
    areas = dict[tuple[int, int], dict[bool, float]]()
    for look in looks:
        area = float((choice.heat(look.seen, size_of(look)) > choice.tau).mean())
        areas.setdefault((look.picture, look.thing), {})[look.trait] = area
    pairs = [(both[True], both[False]) for both in areas.values() if len(both) == 2]
    if not pairs or all(one == other for one, other in pairs):
        return None
    ones, others = zip(*pairs, strict=True)
    p = float(wilcoxon(ones, others, alternative="greater").pvalue)
    return Contrast(float(np.mean(ones)), float(np.mean(others)), len(pairs), p)


def kindred(looks: Sequence[Look], choice: Choice) -> Contrast | None:
    """The mean IoU where both things are of one kind of noun, and where they are not: "cohyponyms" (Tang et al. 2022).

    Mann and Whitney's test, one-sided: are the strangers' maps better?  None where either kind is missing.
    """
    found: dict[bool, list[float]] = {True: [], False: []}
    things = sorted((look for look in looks if not look.trait and look.kin), key=lambda look: look.picture)
    for one, other in pairwise(things):
        if one.picture == other.picture:
            both = [iou(choice.heat(each.seen, size_of(each)), each.mask, choice.tau) for each in (one, other)]
            found[one.kin == other.kin].append(float(np.mean(both)))
    if not all(found.values()):
        return None
    p = float(mannwhitneyu(found[False], found[True], alternative="greater").pvalue)
    return Contrast(float(np.mean(found[False])), float(np.mean(found[True])), sum(map(len, found.values())), p)
