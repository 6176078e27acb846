"""How far one crowd of pictures is from another in the features of whoever looks: no FID, whose features are others."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from limner.errors import LimnerError
from limner.evaluation.prevalence import Share
from limner.process.noise import key

Features = Float[np.ndarray, "n d"]
Weights = Int[np.ndarray, " n"]
Distance = Callable[[Weights, Weights], float]
NORMAL = 1.959964  # two-sided 95%


@dataclass(frozen=True, slots=True)
class Apart:
    """Both distances of one crowd from another, with their intervals."""

    frechet: Share
    kernel: Share


def apart(one: Features, other: Features, rounds: int = 100) -> Apart:
    """LimnerError where a crowd is too small to have a covariance."""
    if min(len(one), len(other)) < 3:
        raise LimnerError(f"{min(len(one), len(other))} pictures are no crowd", "compare some hundreds")
    one, other = one.astype(np.float64), other.astype(np.float64)
    sizes = len(one), len(other)
    return Apart(interval(by_frechet(one, other), *sizes, rounds), interval(by_kernel(one, other), *sizes, rounds))


def frechet(one: Features, other: Features) -> float:
    """d^2 = |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)), of normal distributions of these means and covariances.

    Dowson and Landau 1982 (J. Multivar. Anal. 12, 450-455), Eq. 4.  With S_i = X_i' X_i the last trace is the nuclear
    norm of X_1 X_2', so no root of a matrix is taken; the triangles of X_1 = Q R do for X_1.  It is biased: smaller
    crowds are farther apart.
    """
    (one, m1), (other, m2) = ((each - each.mean(0), each.mean(0)) for each in (one, other))
    R1, R2 = (np.linalg.qr(each, "r") / np.sqrt(len(each) - 1) for each in (one, other))
    shared = float(np.linalg.norm(R1 @ R2.T, "nuc"))
    return float(((m1 - m2) ** 2).sum() + (R1**2).sum() + (R2**2).sum() - 2 * shared)


def by_frechet(one: Features, other: Features) -> Distance:
    return lambda w, v: frechet(np.repeat(one, w, 0), np.repeat(other, v, 0))


def kernel(one: Features, other: Features) -> float:
    """MMD^2 with k(x, y) = (x'y / d + 1)^3, unbiased: Binkowski et al. 2018 (arXiv:1801.01401), Eqs. 3 and 4."""
    return by_kernel(one, other)(np.ones(len(one), int), np.ones(len(other), int))


def by_kernel(one: Features, other: Features) -> Distance:
    """With pictures repeated so and so many times, of which no pair of a picture and itself counts."""
    K, L, M = cubic(one, one), cubic(other, other), cubic(one, other)
    np.fill_diagonal(K, 0)
    np.fill_diagonal(L, 0)

    def distance(w: Weights, v: Weights) -> float:
        own, others = (float(u @ G @ u) / float(u.sum() ** 2 - (u**2).sum()) for u, G in ((w, K), (v, L)))
        return own + others - 2 * float(w @ M @ v) / float(w.sum() * v.sum())

    return distance


def cubic(x: Features, y: Features) -> Float[np.ndarray, "n m"]:
    found: Float[np.ndarray, "n m"] = (x @ y.T / x.shape[1] + 1) ** 3
    return found


def interval(distance: Distance, n: int, m: int, rounds: int) -> Share:
    """The distance as it is, and 1.96 bootstrapped standard errors to either side.

    Percentiles would be of no use: a resampled crowd holds fewer different pictures and lies farther off.
    """
    rng = np.random.default_rng(key(0, "distance bootstrap", n))
    value = distance(np.ones(n, int), np.ones(m, int))
    again = [distance(*(rng.multinomial(k, np.full(k, 1 / k)) for k in (n, m))) for _ in range(rounds)]
    reach = NORMAL * float(np.std(again, ddof=1))
    return Share(value, value - reach, value + reach)
