"""Four ways of saying what a denoiser says are one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.process.noise import blend, draw
from limner.score.denoiser import eps_of, from_eps, from_score, from_v, rowwise, score_of, v_of
from limner.score.exact import Mixture
from limner.types import Context

WAYS = {"eps": (eps_of, from_eps), "v": (v_of, from_v), "score": (score_of, from_score)}
SIGMA = torch.tensor([0.03, 0.5, 2.0, 14.6, 4096.0], dtype=torch.float64)
X0, EPS = (draw(0, name, 0, (5, 2, 3, 3)).double() for name in ("x0", "eps"))
X = X0 + rowwise(SIGMA) * EPS
ABAR = rowwise(1 / (1 + SIGMA**2))
X_T = blend(X0, EPS, ABAR)
NOTHING = Context(torch.zeros(5, 1, 1, dtype=torch.float64))
MIXTURE = Mixture(draw(1, "means", 0, (3, 2, 3, 3)).double(), 0.4)


@pytest.mark.tiny
@pytest.mark.parametrize("way", WAYS)
@given(sigma=st.floats(1e-3, 4096))
def test_there_and_back(way: str, sigma: float) -> None:
    there, back = WAYS[way]
    levels = torch.full((5,), sigma, dtype=torch.float64)
    x = X0 + sigma * EPS
    # beside sigma eps, float64 keeps x0 to 1e-16 of it only
    assert_close(back(x, there(x, X0, levels), levels), X0, rtol=1e-12, atol=1e-14 * max(sigma, 1))


@pytest.mark.tiny
def test_each_is_its_papers_formula() -> None:
    """In variance-preserving x_t = sqrt(abar) x: Ho et al. 2020 (arXiv:2006.11239), Eq. 9, for eps; Salimans & Ho 2022
    (arXiv:2202.00512), section 4 and appendix D, for v; Song & Ermon 2019 (arXiv:1907.05600), Eq. 5, for the score."""
    a, b = ABAR.sqrt(), (1 - ABAR).sqrt()
    v = a * EPS - b * X0
    assert_close(eps_of(X, X0, SIGMA), EPS)
    assert_close(v_of(X, X0, SIGMA), v)
    assert_close(score_of(X, X0, SIGMA), -EPS / rowwise(SIGMA))
    assert_close(from_eps(X, EPS, SIGMA), (X_T - b * EPS) / a)
    assert_close(from_v(X, v, SIGMA), a * X_T - b * v)


def test_a_finite_set_is_remembered() -> None:
    """Karras et al. 2022 (arXiv:2206.00364), Eq. 57: close to one of the pictures, D is that picture."""
    pictures = draw(3, "pictures", 0, (4, 2, 3, 3))
    levels = torch.full((4,), 0.05)
    x = pictures + 0.05 * draw(3, "noise", 0, (4, 2, 3, 3))
    assert_close(Mixture(pictures, 0.0)(x, levels, Context(torch.zeros(4, 1, 1))), pictures)
