"""What a recipe says of an edit reaches the columns of its words, and changes the picture."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.prompt_to_prompt import LocalBlend, PromptToPrompt
from limner.engine import controls, run
from limner.engine.controls import edits
from limner.process.ladder import LADDERS
from limner.recipe import Recipe, Wish, resolve

STEPS, WORD = 4, "boats"
SOURCE, EDIT = "a red boat on a table", f"a blue {WORD} on a table"


def recipe(bundle: Bundle, **said: str) -> Recipe:
    wish = Wish(
        model=bundle.identity, prompt=EDIT, edit_of=SOURCE, edit_cross=0.5, edit_layout=0.25, seed=1, steps=STEPS,
        sampler="euler", ladder="karras", guidance=3.0, width=64, height=64,
    )  # fmt: skip
    return resolve(replace(wish, **said), bundle.defaults)  # type: ignore[arg-type]


def ruled(bundle: Bundle, **said: str) -> tuple[PromptToPrompt, LocalBlend | None]:
    """The controls that the recipe becomes."""
    found = [control.__self__ for control in edits(recipe(bundle, **said), bundle, bundle.tokenizer.length, None)]  # type: ignore[attr-defined]
    assert isinstance(found[0], PromptToPrompt)
    assert len(found) == 1 or isinstance(found[1], LocalBlend)
    return found[0], found[1] if len(found) > 1 else None


def columns(bundle: Bundle) -> dict[str, list[int]]:
    """Where each word of the edit stands, counted from BOS at 0: one column a token."""
    out, at = dict[str, list[int]](), 1
    for word in bundle.tokenizer.words(EDIT):
        out[word.text] = list(range(at, at + len(word.ids)))
        at += len(word.ids)
    assert len(out[WORD]) > 1, "a word of several tokens"
    return out


def test_numbers_reach_the_columns_of_their_words(bundle: Bundle) -> None:
    sigmas, at = LADDERS["karras"](bundle.schedule, STEPS), columns(bundle)
    swap, _ = ruled(bundle, edit_weights=f"{WORD}:3, blue:-0.5", edit_schedule=f"{WORD}:0.25, table:1")
    weights, until = torch.ones(bundle.tokenizer.length), torch.full((bundle.tokenizer.length,), sigmas[2])
    weights[at[WORD]], weights[at["blue"]] = 3.0, -0.5
    until[at[WORD]], until[at["table"]] = sigmas[1], sigmas[4]
    assert_close(swap.weights, weights, rtol=0, atol=0)
    assert_close(swap.until, until, rtol=0, atol=0)
    assert swap.layout == sigmas[1]


def test_a_place_is_that_of_all_its_words_columns(bundle: Bundle) -> None:
    """A word that only one sentence says is blended with its partner's columns in the other."""
    many = columns(bundle)
    assert all(len(word.ids) == 1 for word in bundle.tokenizer.words(SOURCE)), "so that boat stands at 3, table at 6"
    for where, was, is_ in (
        (WORD, [3], many[WORD]),
        ("boat", [3], many[WORD]),
        ("table", [6], many["table"]),
        (f"table, {WORD}", [3, 6], many[WORD] + many["table"]),
    ):
        _, blend = ruled(bundle, edit_where=where)
        assert blend is not None
        assert (blend.source, blend.edit) == (tuple(was), tuple(is_))
    assert ruled(bundle)[1] is None


@pytest.mark.parametrize("said", [{"edit_where": WORD}, {"edit_weights": f"{WORD}:3"}, {"edit_schedule": f"{WORD}:1"}])
def test_each_changes_the_picture(bundle: Bundle, said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    # random weights look at all places nearly alike: by the usual threshold all of them may change
    monkeypatch.setattr(controls, "LocalBlend", partial(LocalBlend, threshold=0.99))
    before, after = (next(run([recipe(bundle, **each)], bundle))[1] for each in (dict[str, str](), said))
    assert not np.array_equal(before, after)
