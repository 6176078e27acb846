"""The papers' arithmetic on attention written down by hand, and its laws on a model of random weights."""

from dataclasses import replace
from math import inf

import pytest
import torch
from asking import conversation, guidance, together
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.control.prompt_to_prompt import Injection, LocalBlend, PromptToPrompt
from limner.taps import Site
from limner.text.alignment import Alignment, align
from limner.types import Latent, Probs

CROSS, SELF = Site("mid.cross", "cross", 2, 1), Site("mid.self", "self", 2, 1)
EVERY = Alignment(torch.eye(3), torch.zeros(3))
PROMPTS = "a red apple", "a blue apple"


def ruled(alignment: Alignment = EVERY, until: float = 0.0, layout: float = inf, finest: int = 4) -> PromptToPrompt:
    many = len(alignment.own)
    return PromptToPrompt(
        alignment.mapping, alignment.own, torch.full((many,), until), torch.ones(many), layout, finest
    )


def probs() -> Probs:
    """Two rows (source and edit), one head, two places that look at three words."""
    return torch.tensor([[[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]], [[[0.2, 0.2, 0.6], [0.3, 0.3, 0.4]]]])


def test_word_swap() -> None:
    """Hertz et al. 2022, Eq. 2: the edit's map is the source's, and the source's is left alone."""
    edited = Injection(ruled(), 1.0).edit(CROSS, probs())
    assert_close(edited, torch.stack([probs()[0], probs()[0]]))


def test_a_new_word_keeps_its_own_map() -> None:
    """Eq. 4: columns 0 and 2 are the source's 0 and 1, in between stands a word that the source does not have."""
    mapping = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, 0]])
    edited = Injection(ruled(Alignment(mapping, torch.tensor([0.0, 1, 0]))), 1.0).edit(CROSS, probs())
    assert_close(edited[1, 0], torch.tensor([[0.7, 0.2, 0.2], [0.1, 0.3, 0.8]]))


def test_a_word_of_two_tokens_in_place_of_one_shares_its_map() -> None:
    mapping = torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]])
    edited = Injection(ruled(Alignment(mapping, torch.zeros(3))), 1.0).edit(CROSS, probs())
    assert_close(edited[1, 0], torch.tensor([[0.7, 0.1, 0.1], [0.1, 0.4, 0.4]]))


def test_a_weight_multiplies_and_nothing_is_normalised_again() -> None:
    """Eq. 5."""
    heavy = replace(ruled(), weights=torch.tensor([1.0, 3.0, 1.0]))
    edited = Injection(heavy, 1.0).edit(CROSS, probs())
    assert_close(edited[1, 0], torch.tensor([[0.7, 0.6, 0.1], [0.1, 2.4, 0.1]]))
    assert_close(edited[0], probs()[0])


def test_each_word_has_a_time_of_its_own() -> None:
    """The first word is let go at noise level 2, the others at 1."""
    timed = replace(ruled(), until=torch.tensor([2.0, 1.0, 1.0]))
    halfway = Injection(timed, 1.5).edit(CROSS, probs())
    assert_close(halfway[1, 0], torch.tensor([[0.2, 0.2, 0.1], [0.3, 0.8, 0.1]]))
    assert not Injection(timed, 1.0).wants(CROSS)


def test_places_look_at_each_other_as_the_sources_do() -> None:
    looks = torch.tensor([[[[0.9, 0.1], [0.5, 0.5]]], [[[0.3, 0.7], [0.6, 0.4]]]])
    kept = ruled(layout=1.0, finest=2)
    assert_close(Injection(kept, 1.5).edit(SELF, looks), looks[[0, 0]])
    assert Injection(kept, 1.5).wants(SELF)
    assert not Injection(kept, 1.0).wants(SELF)
    assert not Injection(replace(kept, finest=1), 1.5).wants(SELF)


def test_a_blend_changes_only_where_the_words_look() -> None:
    """By hand: the word is looked at in the left column of 4 x 4; the maximum over neighbours reaches one further."""
    seen, maps = Heatmaps(), torch.zeros(2, 4, 4, 2)
    maps[:, :, 0, 1] = 1.0
    seen.sums[Site("mid.cross", "cross", 4, 4)] = maps
    blend = LocalBlend((1,), (1,), begin=2.0, side=4, seen=seen)
    x = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
    expected = torch.zeros(4, 4)
    expected[:, :2] = 1
    assert_close(blend.blended(x, 1.0)[1, 0], expected)
    assert_close(blend.blended(x, 1.0)[0], x[0])
    assert_close(blend.blended(x, 3.0), x)


def test_a_blend_is_where_either_sentence_looks_by_its_own_largest() -> None:
    """By hand, in a row of eight places: .29 of the source's 1 is too little and .31 enough; the edit's .2 counts
    beside its own largest, and .05 does not; place 5 is looked at by the other sentence's word alone."""
    seen, maps = Heatmaps(), torch.zeros(2, 1, 8, 3)
    maps[0, 0, :, 1] = torch.tensor([1.0, 0, 0, 0.29, 0, 0, 0, 0.31])
    maps[1, 0, :, 2] = torch.tensor([0, 0, 0.2, 0, 0, 0, 0, 0.05])
    maps[0, 0, 5, 2] = maps[1, 0, 5, 1] = 1.0
    seen.sums[Site("mid.cross", "cross", 1, 8)] = maps
    masks = {
        "source": [1.0, 1, 0, 0, 0, 0, 1, 1],  # near, a maximum of three neighbours: 1 1 .29 .29 .29 0 .31 .31
        "edit": [0.0, 1, 1, 1, 0, 0, 0, 0],  # 0 .2 .2 .2 0 0 .05 .05
        "either": [1.0, 1, 1, 1, 0, 0, 1, 1],
    }
    assert_close(LocalBlend((1,), (2,), begin=2.0, side=1, seen=seen).mask((1, 8))[0], torch.tensor(masks["either"]))
    for name, row in (("source", 0), ("edit", 1)):
        alone, other = Heatmaps(), maps.clone()
        other[1 - row] = 0
        alone.sums[Site("mid.cross", "cross", 1, 8)] = other
        assert_close(LocalBlend((1,), (2,), 2.0, 1, seen=alone).mask((1, 8))[0], torch.tensor(masks[name]))


def pair(bundle: Bundle, *controls: object, prompts: tuple[str, str] = PROMPTS) -> Latent:
    (latents,) = together(bundle, (conversation(bundle, controls, rows=2), guidance(bundle, *prompts)))  # type: ignore[arg-type]
    return latents


def all_of_it(
    bundle: Bundle, prompts: tuple[str, str] = PROMPTS, until: float = 0.0, weight: float = 1.0
) -> PromptToPrompt:
    alignment = align(bundle.tokenizer, *prompts, bundle.tokenizer.length)
    many = bundle.tokenizer.length
    until_, weights = torch.full((many,), until), torch.full((many,), weight)
    return PromptToPrompt(alignment.mapping, alignment.own, until_, weights, inf, 4)


@pytest.mark.tiny
def test_with_everything_replaced_the_edit_looks_as_its_source(bundle: Bundle) -> None:
    """Its maps are the source's, wherever anyone looks, and its picture another."""
    outside, plain = Heatmaps(), pair(bundle)
    edited = pair(bundle, all_of_it(bundle).control, outside.control)
    for sums in outside.sums.values():
        assert torch.equal(sums[0], sums[1])
    assert not torch.equal(edited[1], plain[1])
    assert not torch.equal(edited[1], edited[0])


def test_the_source_is_the_picture_it_was(bundle: Bundle) -> None:
    # the explicit softmax(QK)V rounds other than the fused kernel does
    assert_close(pair(bundle, all_of_it(bundle).control)[0], pair(bundle)[0], rtol=0, atol=1e-4)


def test_above_its_noise_level_only(bundle: Bundle) -> None:
    assert torch.equal(pair(bundle, all_of_it(bundle, until=inf).control), pair(bundle))
    late = pair(bundle, all_of_it(bundle, until=1.0).control)
    assert not torch.equal(late, pair(bundle))
    assert not torch.equal(late, pair(bundle, all_of_it(bundle).control))


@pytest.mark.tiny
def test_weight_one_is_identity_and_another_is_not(bundle: Bundle) -> None:
    """Bit for bit: of an edit to the same prompt both rows are the source."""
    same = PROMPTS[0], PROMPTS[0]
    edited = pair(bundle, all_of_it(bundle, same).control, prompts=same)
    assert torch.equal(edited[0], edited[1])
    assert_close(edited, pair(bundle, prompts=same), rtol=0, atol=1e-4)
    heavy = pair(bundle, all_of_it(bundle, same, weight=2.0).control, prompts=same)
    assert not torch.equal(heavy[0], heavy[1])
