"""What guidance buys and what it costs: pictures more like their prompt, and more like each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist
from scipy.stats import binom, bootstrap, entropy

from limner.evaluation.prevalence import Share, clustered
from limner.pictures.nouns import nouns, with_article
from limner.process.noise import key

FIRST = 6_000_000  # seed of the first prompt's first picture
SCALES = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0)
GAIN, TURN, BEHIND = 0.05, -0.8, 0.03  # expected before anybody looked, see `cli/guidance.py`

Features = Float[np.ndarray, "n d"]


@dataclass(frozen=True, slots=True)
class Plain:
    """A noun of which no style is said, and the noises it is drawn from at every scale."""

    noun: str
    prompt: str
    seeds: range


@dataclass(frozen=True, slots=True)
class Swept:
    """One scale: the recognised share, the mean distance within a prompt, and how evenly styles were chosen."""

    scale: float
    recognised: Share
    diversity: Share
    evenness: Share


def questions(words: Sequence[str], most: int, each: int) -> list[Plain]:
    """Every (len(words) / most)-th noun of the alphabet."""
    ordered = sorted(words)
    chosen = [ordered[k * len(ordered) // most] for k in range(most)] if len(ordered) > most else ordered
    return [
        Plain(noun, with_article(noun, nouns()[noun].number), range(FIRST + each * k, FIRST + each * (k + 1)))
        for k, noun in enumerate(chosen)
    ]


def swept(
    scale: float,
    right: Sequence[Sequence[bool]],
    features: Sequence[Features],
    styles: Sequence[Sequence[str]],
    known: int,
) -> Swept:
    """A scale's figures from each prompt's pictures; `known` is the number of styles that there are.

    Ho and Salimans 2022 (arXiv:2207.12598) trade the two by Inception's scores.  Intervals are over prompts.
    """
    far = [float(pdist(each).mean()) for each in features]
    even = [evenness(each, known) for each in styles]
    return Swept(scale, clustered(right), over(far), over(even))


def evenness(styles: Sequence[str], known: int) -> float:
    """Entropy of the styles that were chosen as a share of the most there could be, log K; 0 where all are one."""
    counts = Counter(style for style in styles if style)
    return float(entropy(list(counts.values())) / log(known)) if counts and known > 1 else 0.0


def chance(many: int, known: int) -> float:
    """What `evenness` is on average where each of so many pictures takes any style alike: below 1, the more the fewer.

    E[H] = -K sum_k P(k) (k/n) log(k/n), with k binomial: the mean of a sum needs no independence.
    """
    if known < 2:
        return 0.0
    k = np.arange(1, many + 1)
    expected = -known * float(np.sum(binom.pmf(k, many, 1 / known) * (k / many) * np.log(k / many)))
    return expected / log(known)


def over(values: Sequence[float]) -> Share:
    """Their mean, with its 95% percentile bootstrap interval over prompts."""
    mean = float(np.mean(values))
    if len(values) < 2 or np.ptp(values) == 0:
        return Share(mean, mean, mean)
    rng = np.random.default_rng(key(0, "guidance bootstrap", len(values)))
    found = bootstrap((np.asarray(values),), np.mean, method="percentile", rng=rng, n_resamples=2000)
    return Share(mean, float(found.confidence_interval.low), float(found.confidence_interval.high))
