"""Errors on unseen pictures are those of the formula, paired, and of pictures that were not taught."""

import numpy as np
import pytest
import torch

from limner.errors import LimnerError
from limner.evaluation.unseen import LEVELS, apart, difference, errors, velocity
from limner.process.noise import draw
from limner.score.denoiser import v_of
from limner.taps import Routed
from limner.training.diffusion import Lessons
from limner.types import Context, Latent, Sigma


def lessons(seed: int, count: int = 12) -> Lessons:
    return Lessons(draw(seed, "latents", 0, (count, 2, 4, 4)), torch.ones(count, 3, 5), torch.zeros(3, 5))


class Scaled:
    """Says a share of what it sees, another one where it is told nothing."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        return x * self.share * (1 + context.states.mean())


def test_the_error_is_that_of_the_estimate_and_of_the_velocity() -> None:
    held, rows = lessons(1), torch.tensor([2, 5])
    found = errors(Scaled(0.25), held, rows, (0.5, 2.0), 3, told=True)
    for k, level in enumerate((0.5, 2.0)):
        for i, row in enumerate(rows.tolist()):
            x0, eps = held.latents[row], draw(3, f"unseen at {level:g}", row, (2, 4, 4))
            x, sigma = x0 + level * eps, torch.tensor([level])
            assert found[k, i] == pytest.approx((x / 2 - x0).square().mean().item(), rel=1e-5)
            v, said = (v_of(x[None], each[None], sigma) for each in (x0, x / 2))
            wanted = (v - said).square().mean().item()
            assert velocity(found, (0.5, 2.0))[k, i] == pytest.approx(wanted, rel=1e-4)
    untold = errors(Scaled(0.5), held, rows, (0.5, 2.0), 3, told=False)
    np.testing.assert_allclose(untold, found, rtol=1e-6)  # half of x, once told and once not


def test_noise_belongs_to_the_picture_in_any_company() -> None:
    held = lessons(1, 80)
    one, other = (errors(Scaled(0.3), held, torch.arange(n), LEVELS, 0, told=True) for n in (80, 5))
    np.testing.assert_allclose(one[:, :5], other, rtol=1e-5)


def test_what_was_taught_is_left_out() -> None:
    held, taught = lessons(1), lessons(2)
    taught.latents[3] = held.latents[7] + 0.001
    assert apart(held, taught).tolist() == [row for row in range(12) if row != 7]
    with pytest.raises(LimnerError, match="was taught too"):
        apart(held, held)


def test_pairs_tell_small_differences_and_equals_differ_by_nothing() -> None:
    hard = np.linspace(1, 5, 40)
    better = difference(hard - 0.1 - 0.01 * np.sin(hard), hard)
    assert 0 < better.low < better.lower < better.high < 5
    worse = difference(hard, hard - 0.1 - 0.01 * np.sin(hard))
    assert worse.high < 0
    assert (difference(hard, hard).low, difference(hard, hard).high) == (0, 0)
    with pytest.raises(LimnerError, match="are no pairs"):
        difference(hard, hard[:-1])
