"""A network of whole times and unit variance, and the denoiser that it is."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from limner.process.noise import blend, draw
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.score.denoiser import rowwise
from limner.score.precondition import PREDICTIONS, SHARES, Preconditioned
from limner.taps import Routed
from limner.types import Context, Latent

SCHEDULE = zero_terminal_snr(scaled_linear())
TIMES = [0, 1, 250, 700, 999]
ABAR = torch.tensor([SCHEDULE.abar[t] for t in TIMES], dtype=torch.float64)
SIGMA = torch.tensor([SCHEDULE.sigmas[t] for t in TIMES])
X0, EPS = (draw(0, name, 0, (5, 2, 4, 4)) for name in ("x0", "eps"))
X = X0 + rowwise(SIGMA) * EPS
CONTEXT = Context(torch.zeros(5, 1, 1))


class Knowing:
    """A network that was told the answer, and remembers the question."""

    def __init__(self, answer: Latent) -> None:
        self.answer = answer

    def __call__(self, x: Latent, t: Tensor, context: Context, taps: Routed | None = None) -> Latent:
        self.x, self.t = x, t
        return self.answer


ANSWERS = {
    "epsilon": EPS,
    "v_prediction": (rowwise(ABAR.sqrt()) * EPS - rowwise((1 - ABAR).sqrt()) * X0).float(),
    "sample": X0,
}


@pytest.mark.tiny
@pytest.mark.parametrize("prediction", ANSWERS)
def test_whatever_the_network_says_the_denoiser_says_x0(prediction: str) -> None:
    """Karras et al. 2022 (arXiv:2206.00364), Eq. 7, at every noise level up to sigma 4096, in float32."""
    network = Knowing(ANSWERS[prediction])
    denoised = Preconditioned(network, SCHEDULE, prediction)(X, SIGMA, CONTEXT)
    # eps times sigma 4096 leaves 4096 * 2^-24 of x0 unsaid: why noise is not predicted at zero terminal SNR
    assert_close(denoised, X0, rtol=0, atol=1e-3 if prediction == "epsilon" else 2e-6)
    assert_close(network.x, blend(X0, EPS, rowwise(ABAR)).float())
    assert_close(network.t, torch.tensor(TIMES, dtype=torch.float32))


@pytest.mark.tiny
@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("sigma", [0.0, 0.03, 1.0, 14.6, 4096.0])
def test_shares_are_the_predictions(prediction: str, sigma: float) -> None:
    """c_skip x + c_out F is what the conversion written as in the papers gives, in float64."""
    skip, out = SHARES[prediction](sigma)
    x, said = X.double(), EPS.double()
    wanted = PREDICTIONS[prediction](x, said, torch.full((len(x),), sigma, dtype=torch.float64))
    assert_close(skip * x + out * said, wanted, rtol=1e-12, atol=1e-9)
