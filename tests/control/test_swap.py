"""The second picture looks where the first one looked, and nobody else notices."""

from math import inf

import torch
from asking import conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.control.swap import Swap
from limner.sampler import Control
from limner.types import Latent

PROMPTS = "a red apple", "a blue apple"


def pair(bundle: Bundle, *controls: Control, prompts: tuple[str, str] = PROMPTS) -> Latent:
    (latents,) = together(bundle, (conversation(bundle, controls, rows=2), guidance(bundle, *prompts)))
    return latents


def test_the_edit_attends_as_its_source_does(bundle: Bundle) -> None:
    """Hertz et al. 2022 (arXiv:2208.01626), section 3.2: its maps are the source's, and its picture another."""
    plain, heat = pair(bundle), Heatmaps()
    swapped = pair(bundle, heat.control, Swap(until=0.0).control)
    assert not torch.equal(swapped[1], plain[1])
    assert not torch.equal(swapped[1], swapped[0])
    for sums in heat.sums.values():
        assert not torch.equal(sums[0], sums[1])  # whoever stands inside sees what was there before the edit
    outside = Heatmaps()
    pair(bundle, Swap(until=0.0).control, outside.control)
    for sums in outside.sums.values():
        assert torch.equal(sums[0], sums[1])


def test_the_source_keeps_its_own_attention(bundle: Bundle) -> None:
    # the explicit softmax(QK)V rounds other than the fused kernel does
    assert_close(pair(bundle, Swap(until=0.0).control)[0], pair(bundle)[0], rtol=0, atol=1e-4)


def test_above_its_noise_level_only(bundle: Bundle) -> None:
    assert torch.equal(pair(bundle, Swap(until=inf).control), pair(bundle))
    late = pair(bundle, Swap(until=1.0).control)
    assert not torch.equal(late, pair(bundle))
    assert not torch.equal(late, pair(bundle, Swap(until=0.0).control))


def test_equal_prompts_have_nothing_to_swap(bundle: Bundle) -> None:
    same = PROMPTS[0], PROMPTS[0]
    assert_close(pair(bundle, Swap(until=0.0).control, prompts=same), pair(bundle, prompts=same), rtol=0, atol=1e-4)
