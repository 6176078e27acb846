"""How an image becomes noise: all at once is the same as step by step."""

from math import pi, sqrt

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from limner.process.noise import blend, draw
from limner.process.schedule import cosine, linear, scaled_linear

T = 1000
COSINE = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * pi / 2) ** 2
SCHEDULES = {"linear": linear(), "scaled_linear": scaled_linear(), "cosine": cosine()}
BETAS = {  # as the papers print them
    "linear": np.linspace(1e-4, 0.02, T),
    "scaled_linear": np.linspace(sqrt(0.00085), sqrt(0.012), T) ** 2,
    "cosine": np.minimum(1 - COSINE[1:] / COSINE[:-1], 0.999),
}


@pytest.mark.tiny
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_closed_form_is_the_iterated_chain(name: str) -> None:
    """q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I) has the moments of t steps of the chain
    x_s = sqrt(1 - beta_s) x_{s-1} + sqrt(beta_s) eps.  Ho et al. 2020 (arXiv:2006.11239), Eq. 2 and 4."""
    mean, variance = 1.0, 0.0
    for beta, abar in zip(BETAS[name], SCHEDULES[name].abar, strict=True):
        mean, variance = sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        assert mean == pytest.approx(sqrt(abar), rel=1e-9)
        assert variance == pytest.approx(1 - abar, rel=1e-9)


@pytest.mark.tiny
def test_the_lectures_blend_is_the_noisy_picture_in_other_units() -> None:
    """sqrt(abar) x0 + sqrt(1 - abar) eps = sqrt(abar) (x0 + sigma eps): one division apart."""
    schedule = scaled_linear()
    x0, eps = draw(0, "x0", 0, (8,)).double(), draw(0, "eps", 0, (8,)).double()
    for t in (0, 500, 999):
        abar = torch.tensor(schedule.abar[t], dtype=torch.float64)
        assert_close(blend(x0, eps, abar) / abar.sqrt(), x0 + schedule.sigmas[t] * eps)
