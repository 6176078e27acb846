"""Prompts as people write them become lanes: long ones, composed ones, and such as change their mind on the way."""

import numpy as np
import pytest
import torch
from test_run import recipe
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.engine import Engine, explain, run
from limner.engine.backends import eager
from limner.engine.explain import sentence
from limner.engine.run import Reader, admit, guidance, pixels
from limner.process.ladder import LADDERS
from limner.score.guidance import Guidance, at

LONG = "a red apple and a blue boat, two cats on a table and a red boat"


def lanes(bundle: Bundle, **wanted: object) -> Guidance:
    return guidance(recipe(bundle, **wanted), Reader(bundle), eager(bundle))


@pytest.mark.tiny
def test_a_plain_prompt_is_told_as_it_always_was(bundle: Bundle) -> None:
    prompt, nothing = lanes(bundle, negative="a cat")[:2]
    for lane, text in ((prompt, "a red apple"), (nothing, "a cat")):
        assert torch.equal(lane.context.states, bundle.text(torch.tensor([bundle.tokenizer.encode(text)])).states)
    assert (prompt.weight, nothing.weight) == (3.0, -2.0)


@pytest.mark.tiny
@pytest.mark.parametrize(("prompt", "negative"), [(LONG, "a cat"), ("a cat", LONG), ("a cat AND " + LONG, "")])
def test_whoever_says_less_adds_nothing(bundle: Bundle, prompt: str, negative: str) -> None:
    told = lanes(bundle, prompt=prompt, negative=negative)
    assert {lane.context.states.shape[1] for lane in told} == {32}
    text = "a cat" if "a cat" in (prompt, negative) else ""
    short = next(lane for lane in told if (lane.weight < 0) == (text == negative))
    assert_close(short.context.states, torch.cat([bundle.context([each]).states for each in (text, "")], dim=1))


@pytest.mark.tiny
def test_and_weighs_each_sentence_against_nothing(bundle: Bundle) -> None:
    told = at(lanes(bundle, prompt="a cat :0.5 AND a red apple", guidance=4.0), 1.0)
    assert [(lane.weight, lane.seen) for lane in told] == [(2.0, True), (4.0, False), (-5.0, False)]
    assert_close(told[1].context.states, bundle.context(["a red apple"]).states)


@pytest.mark.tiny
@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a [cat:boat:2]", ["a cat"] * 3 + ["a boat"] * 3),
        ("a [red:blue:0.5] (boat:1.0)", ["a red boat"] * 4 + ["a blue boat"] * 2),
        ("[a cat|a boat]", ["a cat", "a cat", "a boat", "a cat", "a boat", "a cat"]),
    ],
)
def test_what_is_said_at_each_step(bundle: Bundle, prompt: str, said: list[str]) -> None:
    """In a prompt and in what it is steered away from; only what is said first is seen."""
    sigmas = LADDERS["trailing"](bundle.schedule, 6)
    told = lanes(bundle, prompt=prompt, negative=prompt, steps=6, guidance=3.0)
    for sigma, text in zip(sigmas[:-1], said, strict=True):
        prompt_lane, nothing = at(told, sigma)
        for lane in (prompt_lane, nothing):
            assert torch.equal(lane.context.states, bundle.context([text]).states)
        assert not nothing.seen
    seen = [at(told, sigma)[0].seen for sigma in sigmas[:-1]]
    assert seen == [step < said.index(said[-1] if "|" not in prompt else "a boat") for step in range(6)]


def test_a_change_leaves_what_was_drawn_before_it(bundle: Bundle) -> None:
    """A prompt that never changes its mind, one that does in the middle, and what it changes to, all differ."""
    drawn = [
        next(run([recipe(bundle, prompt=p, steps=6)], bundle))[1]
        for p in ("a red boat", "a [red:blue:2] boat", "a blue boat", "a [red:blue:6] boat")
    ]
    assert np.array_equal(drawn[0], drawn[3])
    assert len({picture.tobytes() for picture in drawn}) == 3


def test_jobs_of_other_lengths_keep_their_pixels(bundle: Bundle) -> None:
    """Short and long prompts are told in passes of their own, in any company."""
    recipes = [
        recipe(bundle, prompt=prompt, seed=seed) for seed, prompt in enumerate((LONG, "a cat", LONG, "a (cat:2)"))
    ]
    alone = [next(run([each], bundle))[1] for each in recipes]
    engine, read = Engine(bundle.denoiser, sizes=[8]), Reader(bundle)
    for name, each in enumerate(recipes):
        admit(engine, str(name), each, read)
    assert len({job.bucket for job in engine.waiting}) == 2
    together = 0
    while engine.busy:
        asked = engine.tick()
        together = max(together, len(asked))
        assert len({job.guidance[0].context.states.shape for job in asked}) <= 1
    assert together == 2
    assert not engine.failed
    for name, picture in enumerate(alone):
        # passes of other sizes may round otherwise: one level of 255
        assert abs(pixels(engine.finished[str(name)]).astype(int) - picture.astype(int)).max() <= 1


def test_words_of_a_later_chunk_have_maps(bundle: Bundle) -> None:
    _, maps = explain(recipe(bundle, prompt=f"({LONG}:1.1)", width=32, height=32), bundle)
    assert [word for word, _ in maps] == [*LONG.replace(",", " ,").split()]
    assert all(heat.max() == 1 for _, heat in maps)
    assert not np.array_equal(dict(maps)["cats"], dict(maps)["apple"])


@pytest.mark.tiny
def test_the_watched_sentence_is_the_first_as_it_begins(bundle: Bundle) -> None:
    assert sentence(recipe(bundle, prompt="a [red:blue:1] cat :2 AND a boat")) == "a red cat"
    assert sentence(recipe(bundle, prompt="[:a :0] cat")) == "a  cat"
