"""Guidance is rescaled as diffusers rescales it: on what the network says, whatever it says."""

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from torch.testing import assert_close

from limner.process.noise import draw
from limner.score.guidance import Rescale
from limner.score.precondition import PREDICTIONS

SHAPE = (2, 4, 8, 8)


@pytest.mark.parametrize("sigma", [0.03, 1.7, 14.6])
@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_rescaled_guidance(prediction: str, share: float, sigma: float) -> None:
    x, text, nothing = (draw(k, "x", 0, SHAPE).double() for k in range(3))
    level = torch.full((2,), sigma, dtype=torch.float64)
    guided = nothing + 7.5 * (text - nothing)
    theirs = PREDICTIONS[prediction](x, rescale_noise_cfg(guided, text, share), level)
    alone, mean = (PREDICTIONS[prediction](x, said, level) for said in (text, guided))
    assert_close(Rescale(share, prediction)(x, sigma, alone, mean), theirs, rtol=0, atol=1e-12)
