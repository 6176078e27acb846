"""What is known stays, to the last bit, and the rest is the model's."""

import pytest
import torch
from asking import conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.inpaint import Inpaint
from limner.process.noise import draw
from limner.sampler import SAMPLERS
from limner.sampler.sampling import Query, Reply

ORIGINAL, EPS = draw(0, "original", 0, (1, 4, 8, 8)), draw(0, "eps", 0, (1, 4, 8, 8))
MASK = torch.zeros(1, 1, 8, 8)
MASK[..., 2:6, 3:] = 1
CONTROL = Inpaint(ORIGINAL, MASK, EPS).control
NEW = MASK.bool().expand_as(ORIGINAL)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_known_part_is_the_original(bundle: Bundle, sampler: str) -> None:
    job = conversation(bundle, [CONTROL], sampler), guidance(bundle, "a blue boat")
    plain = conversation(bundle, sampler=sampler), guidance(bundle, "a blue boat")
    (made,), (free,) = together(bundle, job), together(bundle, plain)
    if sampler == "lms":  # it arrives by its slopes; all others end in the last answer itself
        assert_close(made[~NEW], ORIGINAL[~NEW], rtol=0, atol=1e-5)
    else:
        assert torch.equal(made[~NEW], ORIGINAL[~NEW])
    assert (made[NEW] != ORIGINAL[NEW]).all()
    assert not torch.equal(made[NEW], free[NEW])  # what surrounds it has a say


def test_the_model_sees_the_known_part_at_the_right_noise() -> None:
    """Lugmayr et al. 2022 (arXiv:2201.09865), Eq. 8: m x + (1 - m) (x0 + sigma eps)."""
    x = draw(1, "x", 0, (1, 4, 8, 8))
    asking = CONTROL(Query(x, 3.0))
    asked = next(asking)
    assert torch.equal(asked.x[NEW], x[NEW])
    assert torch.equal(asked.x[~NEW], (ORIGINAL + 3.0 * EPS)[~NEW])
    with pytest.raises(StopIteration) as done:
        asking.send(Reply(asked.x, x))
    assert torch.equal(done.value.value.denoised[~NEW], ORIGINAL[~NEW])
    assert torch.equal(done.value.value.denoised[NEW], x[NEW])
