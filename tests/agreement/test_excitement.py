"""The loss that steers, against the one that diffusers kept of the authors' code (deprecated there, untested)."""

import warnings

import pytest
import torch
from torch.testing import assert_close

from limner.control.attend_and_excite import AttendAndExcite, neglect
from limner.process.noise import draw
from limner.taps import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from diffusers import StableDiffusionAttendAndExcitePipeline as Theirs

SIDE, HEADS, TOKENS = 16, 8, 77


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_and_its_slope_are_theirs(seed: int) -> None:
    """On one map of 16 x 16 places: theirs sharpens over all columns but the outer two: here words."""
    scores = 3 * draw(seed, "scores", 0, (1, HEADS, SIDE * SIDE, TOKENS))
    mine, other = (scores.clone().requires_grad_(True) for _ in range(2))
    steered = AttendAndExcite([1.0, 0.0], tuple((column,) for column in range(1, TOKENS - 1)), (1, 4), SIDE)
    steered.watch(Site("mid.cross", "cross", SIDE, SIDE), mine.softmax(-1))
    ours = neglect(steered.maps(), steered.things)
    aggregated = other.softmax(-1)[0].mean(0).reshape(SIDE, SIDE, TOKENS)
    highest = Theirs._compute_max_attention_per_index(aggregated.clone(), [2, 5])  # column 2 is the second word
    theirs = Theirs._compute_loss(highest)
    assert 0 < float(theirs.detach()) < 1
    assert_close(ours, theirs)
    assert_close(torch.autograd.grad(ours, mine)[0], torch.autograd.grad(theirs, other)[0])
