"""A wrong shape is caught in every test anew, whatever was spared in the one before."""

import pytest
import sparing
import torch
from jaxtyping import TypeCheckError

from limner.score import denoiser


def test_a_wrong_shape_is_caught_until_a_function_was_checked_often_and_in_the_next_test_again() -> None:
    right, wrong = torch.ones(3), torch.ones(3, 2)
    with pytest.raises(TypeCheckError):
        denoiser.rowwise(wrong)
    for _ in range(sparing.MOST):
        denoiser.rowwise(right)
    assert denoiser.rowwise in sparing.spared
    denoiser.rowwise(wrong)
    sparing.anew()
    with pytest.raises(TypeCheckError):
        denoiser.rowwise(wrong)
