"""The distances are those of known distributions, nought for the same, and unbiased where they say so."""

import numpy as np
import pytest

from limner.errors import LimnerError
from limner.evaluation.frechet import apart, by_kernel, cubic, frechet, kernel

RNG = np.random.default_rng(0)


def crowd(n: int, mean: float = 0.0, scale: float = 1.0, d: int = 6) -> np.ndarray:
    return mean + scale * RNG.normal(size=(n, d))


def test_frechet_of_normal_distributions_is_known() -> None:
    """(m1 - m2)^2 + (s1 - s2)^2 in each of six independent directions: 6 (0.25 + 1)."""
    found = frechet(crowd(40_000), crowd(40_000, 0.5, 2.0))
    assert found == pytest.approx(7.5, rel=0.02)  # of 40,000 draws


def test_frechet_is_that_of_matrix_roots() -> None:
    from scipy.linalg import sqrtm

    one, other = crowd(200) @ RNG.normal(size=(6, 6)), crowd(100, 1.0)
    S1, S2 = (np.cov(each.T) for each in (one, other))
    known = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(S1 + S2 - 2 * sqrtm(S1 @ S2).real)
    assert frechet(one, other) == pytest.approx(known)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    few, many = crowd(4), crowd(50)  # fewer pictures than features: no inverse is needed
    assert frechet(few, many) > 0


def test_the_kernel_distance_is_the_double_sum_and_unbiased() -> None:
    x, y = crowd(5), crowd(4, 0.3)
    K, L, M = cubic(x, x), cubic(y, y), cubic(x, y)
    within = sum(K[i, j] for i in range(5) for j in range(5) if i != j) / 20
    others = sum(L[i, j] for i in range(4) for j in range(4) if i != j) / 12
    assert kernel(x, y) == pytest.approx(within + others - 2 * M.mean())
    same = [kernel(crowd(12), crowd(12)) for _ in range(400)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 20
    assert min(same) < 0


def test_repeated_pictures_do_not_count_as_pairs_with_themselves() -> None:
    x, y = crowd(5), crowd(4)
    twice = by_kernel(x, y)(np.full(5, 2), np.full(4, 2))
    assert twice == pytest.approx(kernel(x, y))


def test_a_planted_difference_is_outside_and_none_is_inside() -> None:
    same, other = apart(crowd(150), crowd(150)), apart(crowd(150), crowd(150, 0.5))
    assert same.kernel.low < 0 < same.kernel.high
    assert other.kernel.low > 0
    assert other.frechet.low > same.frechet.high
    assert apart(crowd(20), crowd(20)).frechet.high > 0
    with pytest.raises(LimnerError, match="no crowd"):
        apart(crowd(2), crowd(20))
