"""A judge who errs is corrected for: from the share it finds to the share there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.stats import binomtest, norm

from limner.errors import LimnerError


@dataclass(frozen=True, slots=True)
class Count:
    """`right` of `of`."""

    right: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.right <= self.of or not self.of:
            raise LimnerError(f"{self.right} of {self.of} is no share", "count some cases, and the right ones of them")

    @property
    def share(self) -> float:
        return self.right / self.of


@dataclass(frozen=True, slots=True)
class Share:
    """An estimated share with its interval, all within 0 ... 1."""

    value: float
    low: float
    high: float


def wilson(count: Count, level: float = 0.95) -> Share:
    """Wilson's score interval, 1927: it keeps its level near 0 and 1, where Wald's has width zero."""
    low, high = binomtest(count.right, count.of).proportion_ci(level, "wilson")
    return Share(count.share, float(low), float(high))


def clustered(groups: Sequence[Sequence[bool]], level: float = 0.95) -> Share:
    """Wilson's interval on as many pictures as they are worth, where those of one prompt resemble each other.

    The effective number is p (1 - p) / v, with v the linearised variance of the ratio of prompts' sums: Korn and
    Graubard 1998 (Survey Methodology 24, 193-201), as Dean and Pagano 2015 (J. Surv. Stat. Methodol. 3, 484-503) put it
    into Wilson's.  It is never more than the pictures nor less than the prompts, which counts where p is 0 or 1 and the
    variance says nothing.  LimnerError where there is no picture.
    """
    right, of = [sum(group) for group in groups], [len(group) for group in groups]
    m, n = len(groups), sum(of)
    share = Count(sum(right), n).share
    residuals = [each - share * size for each, size in zip(right, of, strict=True)]
    v = m / max(m - 1, 1) * sum(residual**2 for residual in residuals) / n**2
    spread = share * (1 - share)
    worth = spread / v if v else n if spread else m
    return scored(share, min(max(worth, m), n), level)


def scored(p: float, n: float, level: float) -> Share:
    """Wilson's interval for a share of n pictures, n not being whole: scipy's counts only."""
    z = float(norm.ppf((1 + level) / 2))
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Share(p, max(middle - half, 0.0), min(middle + half, 1.0))


def corrected(found: Count, sensitivity: Count, specificity: Count, level: float = 0.95) -> Share:
    """The share there is: p = (p_found + sp - 1) / (se + sp - 1), cut to 0 ... 1.

    Rogan and Gladen 1978 (Am. J. Epidemiol. 107, 71-76).  The interval, Lang and Reiczigel 2014 (Prev. Vet. Med. 113,
    13-22), carries the certificate's uncertainty on: `sensitivity` says how many of the cases that are so were found to
    be, `specificity` how many of the others were found not to be.  LimnerError where the judge is no better than chance.
    """
    z = float(norm.ppf((1 + level) / 2))
    se, sp = (Count(each.right + 1, each.of + 2) for each in (sensitivity, specificity))
    youden = sensitivity.share + specificity.share - 1
    if youden <= 0 or se.share + sp.share <= 1:
        raise LimnerError("who finds what is not there as often as what is cannot be corrected for", "ask another judge")
    value = (found.share + specificity.share - 1) / youden
    n = found.of + z**2
    apparent = (found.right + z**2 / 2) / n
    J = se.share + sp.share - 1
    p = (apparent + sp.share - 1) / J
    missed, mistaken = (each.share * (1 - each.share) / each.of for each in (se, sp))
    moved = 2 * z**2 * (p * missed - (1 - p) * mistaken)
    half = z / J * sqrt(apparent * (1 - apparent) / n + p**2 * missed + (1 - p) ** 2 * mistaken)
    return Share(*(min(max(each, 0.0), 1.0) for each in (value, p + moved - half, p + moved + half)))
