"""What there is to learn: noise, score and clean picture are one lesson."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from limner.process.noise import blend, draw
from limner.score.denoiser import eps_of, from_eps, rowwise, score_of
from limner.score.exact import Mixture
from limner.types import Context

SIGMA = torch.tensor([0.03, 0.5, 2.0, 14.6, 4096.0], dtype=torch.float64)
ABAR = rowwise(1 / (1 + SIGMA**2))
X0, EPS = (draw(0, name, 0, (5, 2, 3, 3)).double() for name in ("x0", "eps"))
X = X0 + rowwise(SIGMA) * EPS
X_T = blend(X0, EPS, ABAR)
NOTHING = Context(torch.zeros(5, 1, 1, dtype=torch.float64))
MIXTURE = Mixture(draw(1, "means", 0, (3, 2, 3, 3)).double(), 0.4)


@pytest.mark.tiny
def test_the_score_is_the_gradient_of_the_log_density() -> None:
    """(D(x; sigma) - x) / sigma^2 = grad_x log p(x; sigma): Tweedie's formula (Efron 2011, Eq. 1.2), by autograd."""
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(MIXTURE.log_density(x, SIGMA, NOTHING).sum(), x)
    # at sigma 4096 the score is the difference of numbers 2^24 times as large
    assert_close(score_of(X, MIXTURE(X, SIGMA, NOTHING), SIGMA), gradient, rtol=1e-9, atol=1e-12)


def random_network(x_t: Tensor) -> Tensor:
    return (3 * x_t.roll(1, -1)).tanh() + 0.3 * x_t.cos()


def exact_network(x_t: Tensor) -> Tensor:
    x = x_t / ABAR.sqrt()
    return eps_of(x, MIXTURE(x, SIGMA, NOTHING), SIGMA)


@pytest.mark.tiny
@pytest.mark.parametrize("network", [random_network, exact_network])
def test_denoising_score_matching_is_l_simple(network: Callable[[Tensor], Tensor]) -> None:
    """(1 - abar) |s - grad log q(x_t | x_0)|^2 = |eps - eps_theta|^2 for any network whatever.

    Vincent 2011, Eq. 11, weighted as by Song & Ermon 2019 (arXiv:1907.05600), section 4.2; Ho et al. 2020
    (arXiv:2006.11239), Eq. 14.  q's score comes from autograd of its log density; the network's from ours, whose x is
    x_t / sqrt(abar), so that its gradient is sqrt(abar) times smaller.
    """
    x_t = X_T.clone().requires_grad_()
    log_q = -((x_t - ABAR.sqrt() * X0) ** 2 / (2 * (1 - ABAR))).sum()
    (target,) = torch.autograd.grad(log_q, x_t)
    eps_theta = network(X_T)
    x = X_T / ABAR.sqrt()
    score = score_of(x, from_eps(x, eps_theta, SIGMA), SIGMA) / ABAR.sqrt()
    matching = (1 - ABAR) * (score - target) ** 2
    assert_close(matching.mean(), ((EPS - eps_theta) ** 2).mean(), rtol=1e-6, atol=0)
    assert_close(matching, (EPS - eps_theta) ** 2, rtol=1e-6, atol=1e-9)


def test_the_best_guess_is_the_posterior_mean() -> None:
    """Vincent 2011, Eq. 9 and 11: no multiple of the exact denoiser's noise has a smaller loss than itself."""
    n, sigma = 20_000, 0.7
    levels = torch.full((n,), sigma)
    means = torch.tensor([-1.0, 2.0])[:, None, None, None]
    which = (draw(2, "which", 0, (n,)) > 0).long()
    x0 = means[which] + 0.3 * draw(2, "spread", 0, (n, 1, 1, 1))
    eps = draw(2, "eps", 0, (n, 1, 1, 1))
    x = x0 + sigma * eps
    guess = eps_of(x, Mixture(means, 0.3)(x, levels, Context(torch.zeros(n, 1, 1))), levels)
    losses = [((eps - scale * guess) ** 2).mean().item() for scale in (0.8, 0.9, 1.0, 1.1, 1.2)]
    assert min(losses) == losses[2]
    # orthogonal, up to four standard errors of a mean of n products
    assert_close(((eps - guess) * guess).mean().item(), 0.0, rtol=0, atol=4 / n**0.5)
