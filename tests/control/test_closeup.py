"""A close-up is a look of the live network: what it shows is what the network computed, there and then."""

import families
import pytest
import torch
from asking import STEPS, Idle, conversation, guidance, together
from test_record import wish
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.closeup import Closeup
from limner.control.prompt_to_prompt import PromptToPrompt
from limner.control.record import Record
from limner.engine import run
from limner.network.attention import similarity
from limner.text.alignment import align

LAYERS = {"SD 1": "down.0.0.cross", "SD 2": "up.1.0.cross", "SDXL": "mid.1.cross"}


@pytest.mark.parametrize(("family", "layer"), LAYERS.items())
def test_what_is_shown_is_what_was_computed(family: str, layer: str) -> None:
    """softmax(Q K^T / sqrt(d)) V of each head, and what the layer's weights make of them all."""
    model, closeup, record = families.bundle(family), Closeup(layer, 1), Record([(2,)])
    ((_, plain),) = run([wish(model)], model)
    ((_, picture),) = run([wish(model)], model, [record.control, closeup.control])
    assert (picture == plain).all()
    look, at = closeup.look, closeup.at
    assert look is not None
    assert at is not None
    assert (at.name, closeup.sigma, closeup.passed) == (layer, record.sigmas[1], 3)
    assert_close(similarity(look.q, look.k).softmax(-1), look.probs)
    assert_close(look.probs @ look.v, look.mixed)
    assert_close(look.probs[0, ..., 2].view(-1, at.height, at.width), record.looks[1][at][:, 0])
    (attention,) = [each for each in model.unet.listeners() if each.name == layer]
    assert_close(attention.to_out[0](look.mixed.transpose(1, 2).flatten(2)), look.added)
    assert look.before.shape == look.added.shape == (1, at.height * at.width, attention.to_q.in_features)


def test_it_looks_once_whoever_steers(bundle: Bundle) -> None:
    """At its own step, and not at a question of one who only wants to know which way is downhill."""
    alone, inside, never = Closeup("mid.cross", 2), Closeup("mid.cross", 2), Closeup("mid.cross", STEPS)
    together(bundle, (conversation(bundle, [alone.control]), guidance(bundle, "a red apple")))
    together(
        bundle, (conversation(bundle, [Idle().control, inside.control, never.control]), guidance(bundle, "a red apple"))
    )
    assert alone.look is not None
    assert inside.look is not None
    assert torch.equal(alone.look.probs, inside.look.probs)
    assert never.look is None


def test_an_edit_is_shown_as_it_was_edited(bundle: Bundle) -> None:
    """Its row is the last, and its softmax the one that Prompt-to-Prompt put there."""
    many, closeup = bundle.tokenizer.length, Closeup("mid.cross", 0)
    pair = "a red apple", "a blue apple"
    alignment = align(bundle.tokenizer, *pair, many)
    until, thrice = torch.zeros(many), torch.full((many,), 3.0)
    edit = PromptToPrompt(alignment.mapping, alignment.own, until, thrice, 0.0, 64)
    together(bundle, (conversation(bundle, [edit.control, closeup.control], rows=2), guidance(bundle, *pair)))
    look = closeup.look
    assert look is not None
    assert_close(look.probs.sum(-1), torch.full_like(look.probs.sum(-1), 3.0))
    assert_close(look.mixed, look.probs @ look.v)
