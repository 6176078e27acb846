"""What is spoilt is no picture of either thing, and is spoilt in the same way each time."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from limner.evaluation.spoiling import blend, blurred, halves, melted, pieces, spoil
from limner.process.noise import draw

WAYS = (blend, halves, pieces, blurred, melted)


def planted(inside: Tensor, ink: float) -> Tensor:
    """A shape on white, four times, with a fourth channel that says where it is, as things are cut out."""
    mask = inside.float()
    thing = 1 - (1 - ink) * mask
    return torch.stack([thing, thing, thing, mask]).expand(4, 4, 64, 64)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_broken_pictures_are_neither_thing(way: Callable[[Tensor, Tensor, torch.Generator], Tensor]) -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    disc, cross = planted(x**2 + y**2 < 0.5, 0.2), planted((x.abs() < 0.2) | (y.abs() < 0.2), 0.5)
    made, again = (way(disc, cross, torch.Generator().manual_seed(0)) for _ in range(2))
    assert_close(made, again, rtol=0, atol=0)
    assert made.shape == disc.shape
    for one in (disc, cross):
        assert ((made - one).abs().mean((1, 2, 3)) > 0.01).all()


def test_latents_are_mixed_torn_up_or_drowned_by_turns() -> None:
    latents = draw(0, "a test", 0, (6, 4, 16, 16))
    made = spoil(latents, 0, "a test", 3)
    assert_close(made, spoil(latents, 0, "a test", 3), rtol=0, atol=0)
    assert not made.equal(spoil(latents, 0, "a test", 4))
    assert_close(made[3], (latents[3] + latents[2]) / 2)
    torn, whole = made[1].flatten(1), latents[1].flatten(1)
    assert not torn.equal(whole)
    assert_close(torn.sort(1).values, whole.sort(1).values, rtol=0, atol=0)
    noise = made[2] * 2**0.5 - latents[2]
    assert 0.9 < float(noise.std()) < 1.1
