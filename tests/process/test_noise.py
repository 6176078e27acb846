"""Noise belongs to a sample: to its seed, its purpose and its step, and to nothing around it."""

from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limner.process.noise import SEEDS, draw, generator, initial, key

SHAPE = (1, 4, 8, 8)
KEYS = st.tuples(st.integers(0, SEEDS - 1), st.sampled_from(["sampler", "inpaint", "x"]), st.integers(0, 1000))


@pytest.mark.tiny
@given(st.lists(KEYS, min_size=2, max_size=6, unique=True), st.randoms())
def test_the_same_in_any_order(keys: list[tuple[int, str, int]], order: Random) -> None:
    first = {each: draw(*each, SHAPE) for each in keys}
    order.shuffle(keys)
    for each in keys:
        assert torch.equal(draw(*each, SHAPE), first[each])


@pytest.mark.tiny
@given(KEYS, KEYS)
def test_another_seed_purpose_or_step_is_another_draw(one: tuple[int, str, int], other: tuple[int, str, int]) -> None:
    assert torch.equal(draw(*one, SHAPE), draw(*other, SHAPE)) == (one == other)
    seed, purpose, step = one
    for near in ((seed ^ 1, purpose, step), (seed, purpose + "x", step), (seed, purpose, step + 1)):
        assert not torch.equal(draw(*one, SHAPE), draw(*near, SHAPE))


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    draw(1, "x", 2, SHAPE), initial(3, SHAPE), generator(4, "t", 5)
    assert torch.equal(torch.get_rng_state(), before)


def test_keys_are_for_ever() -> None:
    """blake2b of "seed/purpose/step", on every machine and in every version: old recipes draw their pictures."""
    assert (key(0, "sampler", 0), key(42, "sampler", 7)) == (1298354700, 2986144493)


def test_it_is_standard_normal() -> None:
    noise = draw(0, "moments", 0, (1, 1, 512, 512))
    # four standard errors of a mean and a variance of 2^18 numbers: 4 / 512, and 4 sqrt(2) / 512
    assert_close(noise.mean().item(), 0.0, rtol=0, atol=0.0079)
    assert_close(noise.var().item(), 1.0, rtol=0, atol=0.011)
